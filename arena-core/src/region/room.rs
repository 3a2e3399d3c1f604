//! How much address space a default arena may take: it is a guest in the process.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit};

use super::{Backing, Cause, Operation, RegionError};

const MIB: usize = 1 << 20;

/// What a default arena asks for, most first. The last is also the least it is content with, and
/// all that it takes where a tool has little address space to give.
const SIZES: [usize; 3] = [1024 * MIB, 256 * MIB, 64 * MIB];

/// Where address space is limited, a default arena takes this share of what is left, so that
/// sixteen of them still leave a third to malloc and thread stacks.
const SHARE: usize = 16;

/// What limits the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of address space that may still be mapped; `None` if nothing bounds them.
    pub(crate) left: Option<usize>,
    /// Bytes that may still be made writable; `None` if nothing bounds them.
    pub(crate) charge_left: Option<usize>,
    /// A tool that has little address space is running the program.
    pub(crate) under_tool: bool,
    /// Memory is charged when it becomes writable, so it should become so in steps.
    pub(crate) charged_at_commit: bool,
}

impl Room {
    /// Measure this process.
    pub(crate) fn measure() -> Self {
        let strict = strict_overcommit();
        let limit = |resource| {
            getrlimit(resource)
                .current
                .map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let left = limit(Resource::As)
            .map(|limit| limit.saturating_sub(mapped_bytes().unwrap_or(limit / 2)));
        Self {
            left,
            charge_left: strict
                .then(|| from_file("/proc/meminfo", charge_left))
                .flatten(),
            under_tool: crate::tool::has_little_address_space(),
            charged_at_commit: strict || limit(Resource::Data).is_some(),
        }
    }

    /// The sizes to try for a default arena, most first; `writable` if all of it will be charged
    /// from the start.
    pub(crate) fn default_sizes(
        self,
        writable: bool,
    ) -> Result<impl Iterator<Item = usize>, RegionError> {
        let [.., least] = SIZES;
        let charge_left = self.charge_left.filter(|_| writable);
        let most = match [self.left, charge_left].into_iter().flatten().min() {
            _ if self.under_tool => least,
            Some(left) if left / 2 < least => {
                return Err(RegionError::new(
                    Operation::Map,
                    least,
                    Backing::Anonymous,
                    Cause::NoRoom { room: left },
                ));
            }
            Some(left) => (left / SHARE).clamp(least, SIZES[0]),
            None => SIZES[0],
        };
        Ok(core::iter::once(most).chain(SIZES.into_iter().filter(move |&size| size < most)))
    }
}

/// Tell whether the kernel refuses to promise more than it has (`vm.overcommit_memory` is 2).
fn strict_overcommit() -> bool {
    static STRICT: OnceLock<bool> = OnceLock::new();
    *STRICT.get_or_init(|| {
        let mode = from_file("/proc/sys/vm/overcommit_memory", |mode| {
            Some(mode.starts_with('2'))
        });
        mode.unwrap_or(false)
    })
}

/// Read the beginning of one of the kernel's small files into the stack: `std::fs::read` ends the process
/// where the heap has no memory left.
pub(super) fn from_file<T>(path: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let mut file = File::open(path).ok()?;
    let mut buffer = [0; 4096];
    let mut len = 0;
    loop {
        match file.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    read(core::str::from_utf8(&buffer[..len]).ok()?)
}

/// Read what strict overcommit still allows from the text of `/proc/meminfo`.
fn charge_left(meminfo: &str) -> Option<usize> {
    let kib = |key: &str| -> Option<usize> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start_matches(':')
            .trim()
            .strip_suffix("kB")?
            .trim()
            .parse()
            .ok()
    };
    kib("CommitLimit")?
        .saturating_sub(kib("Committed_AS")?)
        .checked_mul(1024)
}

/// Count the bytes this process has mapped; `None` without `/proc`.
fn mapped_bytes() -> Option<usize> {
    let pages = from_file("/proc/self/statm", |statm| {
        statm.split(' ').next()?.parse::<usize>().ok()
    });
    pages?.checked_mul(super::page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Room = Room {
        left: None,
        charge_left: None,
        under_tool: false,
        charged_at_commit: false,
    };

    fn sizes(room: Room) -> Vec<usize> {
        room.default_sizes(true)
            .unwrap()
            .map(|size| size / MIB)
            .collect()
    }

    #[test]
    fn an_unlimited_process_gives_a_gigabyte_and_falls_in_two_steps() {
        assert_eq!(sizes(FREE), [1024, 256, 64]);
    }

    #[test]
    fn a_tool_with_little_address_space_gives_the_least() {
        assert_eq!(
            sizes(Room {
                under_tool: true,
                ..FREE
            }),
            [64]
        );
    }

    #[test]
    fn sixteen_default_arenas_leave_a_third_of_four_gigabytes() {
        let mut left = 4096 * MIB;
        for _ in 0..16 {
            let first = Room {
                left: Some(left),
                ..FREE
            }
            .default_sizes(true)
            .unwrap()
            .next()
            .unwrap();
            assert!(first <= left / 2);
            left -= first;
        }
        assert!(left > 4096 * MIB / 3, "{} MiB left", left / MIB);
    }

    #[test]
    fn strict_overcommit_counts_only_what_is_writable_from_the_start() {
        let meminfo = "MemTotal: 9 kB\nCommitLimit:     2097152 kB\nCommitted_AS:    1048576 kB\n";
        let room = Room {
            charge_left: charge_left(meminfo),
            ..FREE
        };
        assert_eq!(room.charge_left, Some(1024 * MIB));
        assert_eq!(sizes(room), [64]);
        assert_eq!(room.default_sizes(false).unwrap().next(), Some(1024 * MIB));
    }

    #[test]
    fn less_than_two_shares_of_the_least_is_an_error_with_the_number() {
        let error = Room {
            left: Some(127 * MIB),
            ..FREE
        }
        .default_sizes(true)
        .err()
        .unwrap();
        assert_eq!(error.cause, Cause::NoRoom { room: 127 * MIB });
        assert_eq!(
            sizes(Room {
                left: Some(128 * MIB),
                ..FREE
            }),
            [64]
        );
    }
}

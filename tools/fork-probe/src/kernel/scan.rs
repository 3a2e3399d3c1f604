//! `PAGEMAP_SCAN`: the kernel looks for pages itself (Linux 6.7 and later).

use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use arena_core::region::page_size;

use super::pagemap::Pagemap;

/// It is the one page of zeroes that all processes share.
const ZERO: u64 = 1 << 5;
/// It is part of a page mapped as a huge one.
const HUGE: u64 = 1 << 6;

/// Neighbouring pages that have the same properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Their addresses.
    pub range: Range<usize>,
    /// Whether they are the one page of zeroes that all processes share.
    pub zero: bool,
    /// Whether they are part of a page mapped as a huge one.
    pub huge: bool,
}

/// The argument of the ioctl, as the kernel's headers lay it out.
#[repr(C)]
#[derive(Default)]
struct Argument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// A run, as the kernel writes it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Answer {
    start: u64,
    end: u64,
    categories: u64,
}

/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: libc::c_ulong = (3 << 30)
    | ((size_of::<Argument>() as libc::c_ulong) << 16)
    | ((b'f' as libc::c_ulong) << 8)
    | 16;

/// Find the pages of a range that are zero pages, or parts of huge ones.
///
/// # Errors
///
/// The kernel has no such call (`ENOTTY`).
pub fn find(pagemap: &Pagemap, range: &Range<usize>) -> io::Result<Vec<Run>> {
    let mut answers = [Answer::default(); 256];
    let mut start = range.start as u64;
    let mut runs = Vec::new();
    while start < range.end as u64 {
        let mut argument = Argument {
            size: size_of::<Argument>() as u64,
            start,
            end: range.end as u64,
            vec: answers.as_mut_ptr().expose_provenance() as u64,
            vec_len: answers.len() as u64,
            category_anyof_mask: ZERO | HUGE,
            return_mask: ZERO | HUGE,
            ..Argument::default()
        };
        let fd = pagemap.file().as_raw_fd();
        // SAFETY: the argument is laid out as the kernel wants it; `vec` has room for `vec_len` answers.
        let found = unsafe { libc::ioctl(fd, PAGEMAP_SCAN as _, &raw mut argument) };
        let found = usize::try_from(found).map_err(|_| io::Error::last_os_error())?;
        runs.extend(answers[..found].iter().map(|answer| Run {
            range: address(answer.start)..address(answer.end),
            zero: answer.categories & ZERO != 0,
            huge: answer.categories & HUGE != 0,
        }));
        start = argument.walk_end.max(start + page_size() as u64);
    }
    Ok(runs)
}

fn address(from_kernel: u64) -> usize {
    usize::try_from(from_kernel).expect("an address of this process fits")
}

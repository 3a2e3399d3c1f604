//! The memory outside of the heap that may point into it.
//!
//! A forked child finds most of it in a list that its parent has made before: the kernel has to make up what it says of a new
//! process. Only if blocks are left that nothing in that list points at does the child ask for its own.

use super::{Scan, touched};
use crate::channel::Channel;
use crate::mappings::{self, Mapping};
use crate::sys::{self, sys};
use crate::unwind::{RSP, Registers};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

/// A range of memory.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
    /// libc's own: its words count only if they point at a block's first byte.
    starts_only: bool,
    /// Whether pages that were never touched are zero.
    anonymous: bool,
}

/// A range as two words: pages begin at multiples of 4096, so there is room below for the flags.
struct Kept {
    start: AtomicU64,
    end: AtomicU64,
}

static KNOWN: [Kept; 256] = [const {
    Kept {
        start: AtomicU64::new(0),
        end: AtomicU64::new(0),
    }
}; 256];
#[unsafe(link_section = ".data")]
static KNOWN_LEN: AtomicU64 = AtomicU64::new(0);
/// How often children had asked when the list was made, plus 1.
#[unsafe(link_section = ".data")]
static MADE_AT: AtomicU64 = AtomicU64::new(0);

/// Makes the list for children that are forked from now on, if one of the last found it wanting.
pub fn remember(channel: &Channel) {
    let asked = channel.header.asked_for_roots.load(Relaxed) + 1;
    if MADE_AT.swap(asked, Relaxed) == asked {
        return;
    }
    let mut len = 0;
    mappings::each_writable(|mapping| {
        if let Some(range) = range(mapping)
            && let Some(kept) = KNOWN.get(len)
        {
            kept.start.store(range.start | range.flags(), Relaxed);
            kept.end.store(range.end, Relaxed);
            len += 1;
        }
        true
    });
    KNOWN_LEN.store(len as u64, Relaxed);
}

fn known() -> impl Iterator<Item = Range> {
    let kept = KNOWN.iter().take(KNOWN_LEN.load(Relaxed) as usize);
    kept.map(|kept| {
        let start = kept.start.load(Relaxed);
        Range {
            start: start & !4095,
            end: kept.end.load(Relaxed),
            starts_only: start & 1 == 1,
            anonymous: start & 2 == 2,
        }
    })
}

/// The part of a mapping's memory that may hold roots.
fn range(mapping: &Mapping<'_>) -> Option<Range> {
    let here = KNOWN.as_ptr() as u64;
    // This library's own memory knows blocks only by accident.
    let own = mapping.start <= here && here < mapping.end;
    if !mapping.writable || !mapping.readable || mapping.name == b"[heap]" || own {
        return None;
    }
    Some(Range {
        start: mapping.start,
        end: mapping.end,
        starts_only: mapping.name.ends_with(b"/libc.so.6"),
        anonymous: mapping.anonymous,
    })
}

impl Range {
    fn flags(self) -> u64 {
        u64::from(self.starts_only) | u64::from(self.anonymous) << 1
    }
}

/// Looks at all roots, until every block is kept.
pub fn look(scan: &mut Scan, channel: &Channel, own: &[u64], registers: &Registers) {
    let reader = Reader {
        // Without other threads nothing goes away while it is read.
        direct: !sys::is_threaded(),
        stack_pointer: registers[RSP],
    };
    for range in known() {
        if scan.left == 0 {
            return;
        }
        if !own.contains(&range.start) {
            reader.range(scan, range);
        }
    }
    if scan.left == 0 {
        return;
    }
    let before = scan.left;
    mappings::each_writable(|mapping| {
        if let Some(range) = range(mapping)
            && !own.contains(&range.start)
            && known().all(|known| known != range)
        {
            reader.range(scan, range);
        }
        scan.left > 0
    });
    // Blocks that are lost for good are found in no list.
    if scan.left < before {
        channel.header.asked_for_roots.fetch_add(1, Relaxed);
    }
}

struct Reader {
    direct: bool,
    stack_pointer: u64,
}

impl Reader {
    fn range(&self, scan: &mut Scan, range: Range) {
        let Range { start, end, .. } = range;
        let here = self.stack_pointer;
        // Below the stack pointer lies what was.
        let is_stack = start <= here && here < end;
        let from = if is_stack { here } else { start }.next_multiple_of(8);
        scan.starts_only = range.starts_only;
        if range.anonymous {
            touched::each(from, end, |from, end| self.words(scan, from, end));
        } else {
            self.words(scan, from, end);
        }
        scan.follow();
    }

    fn words(&self, scan: &mut Scan, from: u64, end: u64) {
        if self.direct && is_readable(from, end) {
            for address in (from..end).step_by(8) {
                // SAFETY: the kernel has just found all pages of it, and there is no thread that could take them away.
                let word = unsafe { (address as *const u64).read_volatile() };
                scan.root(address, word);
            }
        } else {
            let mut at = from;
            while at < end {
                at = copied_page(scan, at, end);
            }
        }
    }
}

/// Lets the kernel find all pages of a range: a file may be shorter than its mapping.
fn is_readable(start: u64, end: u64) -> bool {
    const MADV_POPULATE_READ: usize = 22;
    let page = start & !4095;
    // SAFETY: changes nothing that can be read.
    unsafe { sys!(sys::MADVISE, page, end - page, MADV_POPULATE_READ) == 0 }
}

/// Looks at some memory by the kernel, which says so if a page is not there. Returns the first address behind it.
#[inline(never)] // its array is not to lie on the stack of those who need it not
fn copied_page(scan: &mut Scan, at: u64, end: u64) -> u64 {
    let mut words = [0_u64; 512];
    let len = (4096 - at % 4096).min(end - at);
    let local = [words.as_mut_ptr() as u64, len];
    let remote = [at, len];
    // SAFETY: the kernel writes `len` bytes to the array.
    let read = unsafe {
        sys!(
            sys::PROCESS_VM_READV,
            sys::pid(),
            local.as_ptr(),
            1,
            remote.as_ptr(),
            1,
            0
        )
    };
    let read = usize::try_from(read).unwrap_or(0);
    for (index, word) in words.iter().take(read / 8).enumerate() {
        scan.root(at + 8 * index as u64, *word);
    }
    at + len
}

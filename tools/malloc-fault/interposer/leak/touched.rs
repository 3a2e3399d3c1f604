//! Which pages of private anonymous memory hold anything. A program may map far more than it ever touches: to read all of that
//! takes longer than the program itself, and has the kernel fill page tables with nothing.

use crate::sys::{self, sys};

/// Smaller ranges are read as they are: sooner done than asked about.
const LARGE: u64 = 1 << 20;

const PAGE: u64 = 4096;

/// `struct pm_scan_arg` of Linux 6.7.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    runs: u64,
    runs_len: u64,
    max_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// `struct page_region`: neighbouring pages of which the same is true.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Run {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGEMAP_SCAN: usize = 0xc060_6610;
/// `PAGE_IS_PRESENT` and `PAGE_IS_SWAPPED`.
const IN_MEMORY_OR_SWAPPED: u64 = 1 << 3 | 1 << 4;

/// Calls a function with the ends of each part of a range that holds anything.
pub fn each(start: u64, end: u64, mut visit: impl FnMut(u64, u64)) {
    if end.saturating_sub(start) < LARGE {
        return visit(start, end);
    }
    // O_CLOEXEC. SAFETY: the path ends with a NUL.
    let file = unsafe { sys!(sys::OPEN, c"/proc/self/pagemap".as_ptr(), 0x80000, 0) };
    let Ok(file) = usize::try_from(file) else {
        return visit(start, end);
    };
    let from = scanned(file, start, end, &mut visit);
    let from = read(file, from, end, &mut visit);
    // SAFETY: opened above.
    unsafe { sys!(sys::CLOSE, file) };
    if from < end {
        visit(from, end);
    }
}

/// Has the kernel look for the pages, and returns how far it could.
fn scanned(file: usize, mut start: u64, end: u64, visit: &mut impl FnMut(u64, u64)) -> u64 {
    let mut runs = [Run::default(); 32];
    while start < end {
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start: start & !(PAGE - 1),
            end,
            runs: runs.as_mut_ptr() as u64,
            runs_len: runs.len() as u64,
            any_of: IN_MEMORY_OR_SWAPPED,
            told: IN_MEMORY_OR_SWAPPED,
            ..Scan::default()
        };
        // SAFETY: the kernel writes to the argument, and to no more runs than there are.
        let found = unsafe { sys!(sys::IOCTL, file, PAGEMAP_SCAN, &raw mut scan) };
        let found = usize::try_from(found).ok().and_then(|len| runs.get(..len));
        let Some(found) = found.filter(|_| scan.walk_end > start) else {
            break;
        };
        for run in found {
            visit(run.start.max(start), run.end);
        }
        start = scan.walk_end;
    }
    start
}

/// Reads what an older kernel says of each page, and returns how far that went.
#[cold]
#[inline(never)] // its array is not to lie on the stack of those who need it not
fn read(file: usize, mut start: u64, end: u64, visit: &mut impl FnMut(u64, u64)) -> u64 {
    let mut entries = [0_u64; 512];
    while start < end {
        let first = start / PAGE;
        let wanted = (end.div_ceil(PAGE) - first).min(entries.len() as u64);
        // SAFETY: the kernel writes no more than `wanted` entries.
        let len = unsafe {
            sys!(
                sys::PREAD64,
                file,
                entries.as_mut_ptr(),
                wanted * 8,
                first * 8
            )
        };
        let Ok(len @ 8..) = usize::try_from(len) else {
            break;
        };
        let len = len / 8;
        for (page, entry) in (first..).zip(&entries[..len]) {
            // Present, or swapped.
            if entry >> 62 != 0 {
                visit((page * PAGE).max(start), ((page + 1) * PAGE).min(end));
            }
        }
        start = (first + len as u64) * PAGE;
    }
    start
}

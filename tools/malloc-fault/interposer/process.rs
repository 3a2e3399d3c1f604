//! Which process and which thread a call is made in: both are counted in the order of their first calls.

use crate::{start, sys};
use core::arch::asm;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

/// A word that the kernel zeroes in a forked child. Null if it will not.
#[unsafe(link_section = ".data")]
static MARK: AtomicPtr<AtomicU32> = AtomicPtr::new(null_mut());
static ORDINAL: AtomicU32 = AtomicU32::new(1);

const PAGE: usize = 4096;
const MADV_WIPEONFORK: usize = 18;

/// Makes the word that tells a forked child from its parent.
pub fn start() {
    let page = sys::map(PAGE);
    if page.is_null() {
        return;
    }
    // SAFETY: the page is this library's own.
    let wiped = unsafe { sys::sys!(sys::MADVISE, page, PAGE, MADV_WIPEONFORK) } == 0;
    if wiped {
        MARK.store(page.cast(), Relaxed);
        remain();
    }
}

/// Says that this process is the one that is counted on, forked or not.
pub fn remain() {
    // SAFETY: null, or the word of `start`, which stays mapped.
    if let Some(mark) = unsafe { MARK.load(Relaxed).as_ref() } {
        mark.store(1, Relaxed);
    }
}

/// Notices a process that the program forked: it gets the next number.
pub fn enter() {
    // SAFETY: as above.
    let Some(mark) = (unsafe { MARK.load(Relaxed).as_ref() }) else {
        return;
    };
    if mark.load(Relaxed) == 1 {
        return;
    }
    mark.store(1, Relaxed);
    if let Some(channel) = start::channel() {
        let before = channel.header.processes.fetch_add(1, Relaxed);
        ORDINAL.store(before + 1, Relaxed);
    } else {
        ORDINAL.fetch_add(1, Relaxed);
    }
}

/// The number of this process: 1 for the program itself.
pub fn ordinal() -> u32 {
    ORDINAL.load(Relaxed)
}

struct Seen {
    pointer: AtomicU64,
    ordinal: AtomicU32,
}

static THREADS: [Seen; 1024] = [const {
    Seen {
        pointer: AtomicU64::new(0),
        ordinal: AtomicU32::new(0),
    }
}; 1024];
#[unsafe(link_section = ".data")]
static THREADS_LEN: AtomicU32 = AtomicU32::new(0);

/// The number of this thread; 0 beyond the first thousand. A thread that gets the stack of one that ended gets its number too.
pub fn thread() -> u32 {
    let pointer: u64;
    // SAFETY: the x86-64 ABI keeps the thread pointer's own address there.
    unsafe { asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, readonly)) };
    for step in 0..THREADS.len() {
        let seen = &THREADS[((pointer >> 6) as usize).wrapping_add(step) % THREADS.len()];
        match seen.pointer.load(Acquire) {
            there if there == pointer => return seen.ordinal.load(Relaxed),
            0 if take(seen, pointer) => {
                let ordinal = THREADS_LEN.fetch_add(1, Relaxed) + 1;
                seen.ordinal.store(ordinal, Relaxed);
                if let Some(channel) = start::channel() {
                    channel.header.threads.fetch_max(ordinal, Relaxed);
                }
                return ordinal;
            }
            _ => {}
        }
    }
    0
}

/// Whether an empty place could be taken.
fn take(seen: &Seen, pointer: u64) -> bool {
    let taken = seen.pointer.compare_exchange(0, pointer, Release, Relaxed);
    taken.is_ok()
}

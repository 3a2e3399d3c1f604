//! Memory for what is allocated inside the tracer itself: while a report is put together, and in a
//! signal handler that has interrupted the tracer.
//!
//! It takes no lock, so it can be asked at any moment. Blocks lie in one range of addresses, by which
//! they are known when they are freed; only the newest is used again.

use std::alloc::Layout;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use arena_core::Region;

/// Bytes of address space, or less if there is less.
const LEN: [usize; 3] = [1 << 30, 64 << 20, 4 << 20];

static BASE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static END: AtomicUsize = AtomicUsize::new(0);
/// The address of the next block.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Hand out a block, or null.
pub(crate) fn alloc(layout: Layout) -> *mut u8 {
    if BASE.load(Ordering::Acquire).is_null() && !open() {
        return ptr::null_mut();
    }
    let base = BASE.load(Ordering::Acquire);
    let mut next = NEXT.load(Ordering::Relaxed);
    loop {
        let start = next.next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()) else {
            return ptr::null_mut();
        };
        if end > END.load(Ordering::Relaxed) {
            return ptr::null_mut();
        }
        match NEXT.compare_exchange(next, end, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return base.with_addr(start),
            Err(now) => next = now,
        }
    }
}

/// Take address space. Of two threads that come at once, one gives its own back.
fn open() -> bool {
    let region = LEN.iter().find_map(|&len| Region::anonymous(len).ok());
    let Some(region) = region else { return false };
    let (base, len) = (region.base().as_ptr(), region.len());
    let _ = END.compare_exchange(0, base.addr() + len, Ordering::AcqRel, Ordering::Relaxed);
    let _ = NEXT.compare_exchange(0, base.addr(), Ordering::AcqRel, Ordering::Relaxed);
    if BASE
        .compare_exchange(ptr::null_mut(), base, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
    {
        std::mem::forget(region);
    }
    true
}

/// Tell whether a block is from here.
#[inline]
pub(crate) fn contains(block: *mut u8) -> bool {
    let base = BASE.load(Ordering::Relaxed).addr();
    base != 0 && (base..END.load(Ordering::Relaxed)).contains(&block.addr())
}

/// Take a block back: for use again if it is the newest.
pub(crate) fn free(block: NonNull<u8>, layout: Layout) {
    let start = block.addr().get();
    let end = start + layout.size();
    let _ = NEXT.compare_exchange(end, start, Ordering::AcqRel, Ordering::Relaxed);
}

//! Memory for what is allocated inside the tracer itself: while a report is put together, and in a
//! signal handler that has interrupted the tracer.
//!
//! It waits for no lock, so it can be asked at any moment. Blocks lie in one range of addresses, by
//! which they are known when they are freed. Their sizes are powers of two; freed ones wait on a shelf
//! for the next of their size.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use arena_core::Region;

#[cfg(test)]
mod tests;

/// Bytes of address space, or less if there is less: room for the report of a heap of many gigabytes.
const LEN: [usize; 4] = [64 << 30, 1 << 30, 64 << 20, 4 << 20];

/// The smallest block: a link fits into it.
const SMALLEST: usize = 16;

/// Blocks are aligned to their size, but to no more than this. What is to be aligned to more is never
/// used again.
const LARGEST_ALIGN: usize = 4096;

static BASE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static END: AtomicUsize = AtomicUsize::new(0);
/// The address of the next fresh block.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Freed blocks by the power of two that their size is.
static SHELVES: [Shelf; usize::BITS as usize] = [const { Shelf::empty() }; usize::BITS as usize];

/// Freed blocks of one size. Whoever finds somebody else at it goes away: it may be the thread that a
/// signal handler has interrupted, or one that a forked child has no more.
struct Shelf {
    taken: AtomicBool,
    /// The first block, which holds the address of the next.
    first: Cell<*mut u8>,
}

// SAFETY: the list is used by whoever has taken the shelf.
unsafe impl Sync for Shelf {}

impl Shelf {
    const fn empty() -> Self {
        Self {
            taken: AtomicBool::new(false),
            first: Cell::new(ptr::null_mut()),
        }
    }

    /// Use the list, unless somebody does.
    fn at<R>(&self, body: impl FnOnce(&Cell<*mut u8>) -> R) -> Option<R> {
        if self.taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let result = body(&self.first);
        self.taken.store(false, Ordering::Release);
        Some(result)
    }

    fn pop(&self) -> Option<NonNull<u8>> {
        self.at(|first| {
            let block = NonNull::new(first.get())?;
            // SAFETY: a block on the list holds the link to the next.
            first.set(unsafe { block.cast::<*mut u8>().read() });
            Some(block)
        })?
    }

    /// Put a block on the list; it is given up if somebody else is at it.
    fn push(&self, block: NonNull<u8>) {
        self.at(|first| {
            // SAFETY: a freed block, large enough for a link and aligned for it.
            unsafe { block.cast::<*mut u8>().write(first.get()) };
            first.set(block.as_ptr());
        });
    }
}

/// The size of the block for a layout, and its shelf if it has one.
fn shelf(layout: Layout) -> Option<(usize, Option<&'static Shelf>)> {
    let least = layout.size().max(SMALLEST);
    if layout.align() > LARGEST_ALIGN {
        return Some((least, None));
    }
    let size = least.max(layout.align()).checked_next_power_of_two()?;
    Some((size, SHELVES.get(size.trailing_zeros() as usize)))
}

/// Hand out a block, or null.
pub(crate) fn alloc(layout: Layout) -> *mut u8 {
    let Some((size, shelf)) = shelf(layout) else {
        return ptr::null_mut();
    };
    if let Some(block) = shelf.and_then(Shelf::pop) {
        return block.as_ptr();
    }
    let align = match shelf {
        Some(_) => size.min(LARGEST_ALIGN),
        None => layout.align(),
    };
    fresh(size, align)
}

fn fresh(size: usize, align: usize) -> *mut u8 {
    if BASE.load(Ordering::Acquire).is_null() && !open() {
        return ptr::null_mut();
    }
    let base = BASE.load(Ordering::Acquire);
    let mut next = NEXT.load(Ordering::Relaxed);
    loop {
        let start = next.checked_next_multiple_of(align);
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(size)?)))
        else {
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

/// Take a block back, for use again.
pub(crate) fn free(block: NonNull<u8>, layout: Layout) {
    if let Some((_, Some(shelf))) = shelf(layout) {
        shelf.push(block);
    }
}

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

/// The range, once there is one: published whole, by one pointer.
static RANGE: AtomicPtr<Range> = AtomicPtr::new(ptr::null_mut());

/// Stands at the start of the range that it describes.
struct Range {
    /// The address behind the last byte.
    end: usize,
    /// The address of the next fresh block.
    next: AtomicUsize,
}

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
    let Some(range) = range().or_else(open) else {
        return ptr::null_mut();
    };
    let mut next = range.next.load(Ordering::Relaxed);
    loop {
        let start = next.checked_next_multiple_of(align);
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(size)?)))
        else {
            return ptr::null_mut();
        };
        if end > range.end {
            return ptr::null_mut();
        }
        match (range.next).compare_exchange(next, end, Ordering::AcqRel, Ordering::Relaxed) {
            // With the provenance of the whole range, which a reference to its start has not.
            Ok(_) => return RANGE.load(Ordering::Acquire).cast::<u8>().with_addr(start),
            Err(now) => next = now,
        }
    }
}

fn range() -> Option<&'static Range> {
    // SAFETY: null, or written in full before it was published, and never unmapped.
    unsafe { RANGE.load(Ordering::Acquire).as_ref() }
}

/// Take address space. Of two threads that come at once, one gives its own back.
fn open() -> Option<&'static Range> {
    let region = LEN.iter().find_map(|&len| Region::anonymous(len).ok())?;
    let base = region.base().as_ptr();
    let own = base.cast::<Range>();
    let described = Range {
        end: base.addr() + region.len(),
        next: AtomicUsize::new(base.addr() + size_of::<Range>()),
    };
    // SAFETY: the first bytes of a region of our own, which is aligned to a page.
    unsafe { own.write(described) };
    if RANGE
        .compare_exchange(ptr::null_mut(), own, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
    {
        std::mem::forget(region);
    }
    range()
}

/// Tell whether a block is from here.
#[inline]
pub(crate) fn contains(block: *mut u8) -> bool {
    range().is_some_and(|range| (ptr::from_ref(range).addr()..range.end).contains(&block.addr()))
}

/// Take a block back, for use again.
pub(crate) fn free(block: NonNull<u8>, layout: Layout) {
    if let Some((_, Some(shelf))) = shelf(layout) {
        shelf.push(block);
    }
}

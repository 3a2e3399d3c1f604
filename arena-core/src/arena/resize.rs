//! Blocks of an arena: the newest grows, shrinks and is freed in place.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::blocks::{Blocks, allocate_asking_first, allocate_asking_first_or_panic};
use crate::bump;
use crate::error::AllocError;
use crate::watch;

use super::raw::{RawArena, mask_of};

// SAFETY: blocks lie between the bump pointer before and after, which only `give_back` takes back.
unsafe impl<const MIN_ALIGN: usize> Blocks for RawArena<MIN_ALIGN> {
    const MIN_ALIGN: usize = MIN_ALIGN;

    #[inline(always)]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.place_from(self.bump(), layout)
    }

    #[inline(always)]
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8> {
        match self.place_fast(self.bump(), layout) {
            Some(block) => block,
            None => self.place_slow_or_panic(layout.size(), mask_of(layout)),
        }
    }

    // No bytes are sent to the cold path, which has them dangle: to ask there costs one compare, to
    // ask here and join the two answers costs two moves more.
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if watch::WATCHED {
            return allocate_asking_first(self, layout);
        }
        match self.place_bytes_fast(layout) {
            Some(block) => Ok(block),
            None => self.place_slow(self.bump(), layout.size(), mask_of(layout)),
        }
    }

    #[inline(always)]
    #[track_caller]
    fn allocate_or_panic(&self, layout: Layout) -> NonNull<u8> {
        if watch::WATCHED {
            return allocate_asking_first_or_panic(self, layout);
        }
        match self.place_bytes_fast(layout) {
            Some(block) => block,
            None => self.place_slow_or_panic(layout.size(), mask_of(layout)),
        }
    }

    #[inline(always)]
    fn allocate_unasked(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if watch::WATCHED {
            return allocate_asking_first(self, layout);
        }
        self.place(layout)
    }

    #[inline(always)]
    #[track_caller]
    fn allocate_unasked_or_panic(&self, layout: Layout) -> NonNull<u8> {
        if watch::WATCHED {
            return allocate_asking_first_or_panic(self, layout);
        }
        self.place_or_panic(layout)
    }

    #[inline]
    fn extend(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        if !self.is_newest(block, old.size()) {
            return None;
        }
        // Placed again from its own start, to which it is aligned, the newest block stays.
        let start = self.bump().with_addr(block.addr().get());
        self.place_from(start, new).ok()
    }

    #[inline]
    unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize) {
        if self.is_newest(block, old)
            && let Some(end) = bump::end_of::<MIN_ALIGN>(block.addr().get(), size)
        {
            let end = self.bump().with_addr(end);
            // SAFETY: the new end lies within the newest block; behind it nobody uses a byte.
            unsafe { self.give_back(end) };
        }
    }

    #[inline]
    unsafe fn clear(&self, at: NonNull<u8>, len: usize) {
        // SAFETY: passed on.
        unsafe { self.clear_slack(at, len) };
    }

    #[inline]
    fn dirty(&self, block: NonNull<u8>, len: usize) -> usize {
        self.dirty_of(block, len)
    }

    #[inline(always)]
    fn home(&self) -> NonNull<u8> {
        self.base()
    }
}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Place a block if that takes nothing but moving the bump pointer, and if it has bytes.
    #[inline(always)]
    fn place_bytes_fast(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return None;
        }
        self.place_fast(self.bump(), layout)
    }

    /// Tell whether a live block is the one that ends at the bump pointer.
    #[inline(always)]
    fn is_newest(&self, block: NonNull<u8>, size: usize) -> bool {
        bump::end_of::<MIN_ALIGN>(block.addr().get(), size) == Some(self.bump().addr())
    }
}

//! Blocks of an arena: the newest grows, shrinks and is freed in place.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::blocks::{Blocks, dangling, is_aligned};
use crate::bump;
use crate::error::AllocError;

use super::raw::RawArena;

// SAFETY: blocks lie between the bump pointer before and after, which only `give_back` takes back.
unsafe impl<const MIN_ALIGN: usize> Blocks for RawArena<MIN_ALIGN> {
    #[inline(always)]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.place_from(self.bump(), layout)
    }

    #[inline(always)]
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8> {
        match self.place_fast(self.bump(), layout) {
            Some(block) => block,
            None => self.place_slow_or_panic(layout),
        }
    }

    unsafe fn zero(&self, block: NonNull<u8>, len: usize) {
        let dirty = self.dirty(block, len);
        // SAFETY: at most `len` bytes, which are the caller's.
        unsafe { block.write_bytes(0, dirty) };
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if self.is_newest(block, layout.size()) {
            let start = self.bump().with_addr(block.addr().get());
            // SAFETY: the newest block ends at the bump pointer, so only its own bytes return.
            unsafe { self.give_back(start) };
        }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        if self.is_newest(block, old.size()) && is_aligned(block, new.align()) {
            // Placed again from its own start, the newest block lands where it is.
            return self.place_from(self.bump().with_addr(block.addr().get()), new);
        }
        // SAFETY: the old block is live and has `old.size()` bytes, and the new one no fewer.
        unsafe { self.copy_out(block, old.size(), new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        if new.size() == 0 {
            // SAFETY: the caller gives the block up.
            unsafe { self.deallocate(block, old) };
            return Ok(dangling(new.align()));
        }
        if !is_aligned(block, new.align()) {
            // SAFETY: the old block is live and has no fewer than `new.size()` bytes.
            return unsafe { self.copy_out(block, new.size(), new) };
        }
        // SAFETY: `new` is not larger, so this is still the block.
        let slack = unsafe { block.add(new.size()) };
        // SAFETY: the caller gives these bytes up.
        unsafe { self.clear_slack(slack, old.size() - new.size()) };
        if self.is_newest(block, old.size())
            && let Some(end) = bump::end_of::<MIN_ALIGN>(block.addr().get(), new.size())
        {
            let end = self.bump().with_addr(end);
            // SAFETY: the new end lies within the newest block; behind it nobody uses a byte.
            unsafe { self.give_back(end) };
        }
        Ok(block)
    }
}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Tell whether a live block is the one that ends at the bump pointer.
    #[inline(always)]
    fn is_newest(&self, block: NonNull<u8>, size: usize) -> bool {
        // No bytes: the pointer dangles, and might by chance equal the bump pointer.
        size != 0 && bump::end_of::<MIN_ALIGN>(block.addr().get(), size) == Some(self.bump().addr())
    }
}

//! Growing, shrinking and freeing a block: in place for the newest, for free.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::bump;
use crate::error::AllocError;

use super::raw::{RawArena, dangling};

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Hand out a block, or a dangling pointer for no bytes.
    #[inline(always)]
    pub(crate) fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        self.place(layout)
    }

    /// Hand out a block as [`RawArena::allocate`] does, or panic with the numbers.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn allocate_or_panic(&self, layout: Layout) -> NonNull<u8> {
        if layout.size() == 0 {
            return dangling(layout.align());
        }
        self.place_or_panic(layout)
    }

    /// Hand out a block of zeroes.
    #[inline]
    pub(crate) fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let block = self.allocate(layout)?;
        // SAFETY: the block was just handed out, and has that many bytes.
        unsafe { self.zero(block, layout.size()) };
        Ok(block)
    }

    /// Take a block back: for use again if it is the newest, until reset otherwise.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `layout` by this arena, is still live, and nobody uses it.
    #[inline]
    pub(crate) unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if self.is_newest(block, layout.size()) {
            let start = self.bump().with_addr(block.addr().get());
            // SAFETY: the newest block ends at the bump pointer, so only its own bytes return.
            unsafe { self.give_back(start) };
        }
    }

    /// Make a block larger: in place if it is the newest, otherwise by moving it to the end.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not smaller. After
    /// `Ok`, the old pointer and layout are not used again.
    #[inline]
    pub(crate) unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        if self.is_newest(block, old.size()) && is_aligned(block, new.align()) {
            // Placed again from its own start, the newest block lands where it is.
            return self.place_from(self.bump().with_addr(block.addr().get()), new);
        }
        let moved = self.allocate(new)?;
        // SAFETY: the old block is live and has `old.size()` bytes; the new one is no smaller, and
        // a live block does not overlap a fresh one.
        unsafe { block.copy_to_nonoverlapping(moved, old.size()) };
        Ok(moved)
    }

    /// Make a block larger as [`RawArena::grow`] does, the new bytes zero.
    ///
    /// # Safety
    ///
    /// As [`RawArena::grow`].
    #[cfg(feature = "_allocator")]
    #[inline]
    pub(crate) unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: passed on.
        let grown = unsafe { self.grow(block, old, new)? };
        // SAFETY: the new block has `new.size()` bytes, no fewer than the old.
        let tail = unsafe { grown.add(old.size()) };
        // SAFETY: the tail belongs to the new block, which is the caller's.
        unsafe { self.zero(tail, new.size() - old.size()) };
        Ok(grown)
    }

    /// Make a block smaller: in place, unless a larger alignment is asked for. What the newest
    /// block no longer needs is for use again.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not larger. After `Ok`,
    /// the old pointer and layout are not used again.
    #[inline]
    pub(crate) unsafe fn shrink(
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
            let moved = self.allocate(new)?;
            // SAFETY: both blocks have at least `new.size()` bytes, and a live block does not
            // overlap a fresh one.
            unsafe { block.copy_to_nonoverlapping(moved, new.size()) };
            return Ok(moved);
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

    /// Tell whether a live block is the one that ends at the bump pointer.
    #[inline(always)]
    fn is_newest(&self, block: NonNull<u8>, size: usize) -> bool {
        // No bytes: the pointer dangles, and might by chance equal the bump pointer.
        size != 0 && bump::end_of::<MIN_ALIGN>(block.addr().get(), size) == Some(self.bump().addr())
    }
}

#[inline(always)]
fn is_aligned(block: NonNull<u8>, align: usize) -> bool {
    block.addr().get() & (align - 1) == 0
}

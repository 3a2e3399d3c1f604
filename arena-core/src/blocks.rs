//! What every kind of arena can do with raw blocks; `fill.rs` builds the rest on it.

use core::alloc::Layout;
use core::num::NonZero;
use core::ptr::NonNull;

use crate::error::AllocError;

/// Hands out blocks that do not overlap.
///
/// # Safety
///
/// A block that `place` returns has the size and alignment asked for, is valid for reads and writes,
/// and is nobody else's until it is given to `deallocate`, or the arena is reset, rewound below it, or
/// ends.
pub(crate) unsafe trait Blocks {
    /// Hand out a block. `layout` is not empty.
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError>;

    /// Hand out a block, or panic with the numbers. `layout` is not empty.
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8>;

    /// Make bytes that were just handed out zero, touching only those that may not be.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `block` are the caller's, and were handed out just now.
    unsafe fn zero(&self, block: NonNull<u8>, len: usize);

    /// Take a block back: for use again if it is the newest, until reset otherwise.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `layout` by this arena, is still live, and nobody uses it.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);

    /// Make a block larger: in place if it is the newest, otherwise by moving it to the end.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not smaller. After
    /// `Ok`, the old pointer and layout are not used again.
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError>;

    /// Make a block smaller: in place, unless a larger alignment is asked for. What the newest
    /// block no longer needs is for use again.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not larger. After `Ok`,
    /// the old pointer and layout are not used again.
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError>;

    /// Hand out a block, or a dangling pointer for no bytes.
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        self.place(layout)
    }

    /// Hand out a block as [`Blocks::allocate`] does, or panic with the numbers.
    #[inline(always)]
    #[track_caller]
    fn allocate_or_panic(&self, layout: Layout) -> NonNull<u8> {
        if layout.size() == 0 {
            return dangling(layout.align());
        }
        self.place_or_panic(layout)
    }

    /// Hand out a block of zeroes.
    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let block = self.allocate(layout)?;
        // SAFETY: the block was just handed out, and has that many bytes.
        unsafe { self.zero(block, layout.size()) };
        Ok(block)
    }

    /// Make a block larger as [`Blocks::grow`] does, the new bytes zero.
    ///
    /// # Safety
    ///
    /// As [`Blocks::grow`].
    #[cfg(feature = "_allocator")]
    #[inline]
    unsafe fn grow_zeroed(
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

    /// Make a block larger, or smaller but more aligned, by copying it to a new one.
    ///
    /// # Safety
    ///
    /// `block` is live and has at least `kept` bytes, as has a block for `new`.
    #[inline]
    unsafe fn copy_out(
        &self,
        block: NonNull<u8>,
        kept: usize,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        let moved = self.allocate(new)?;
        // SAFETY: both have `kept` bytes, and a live block does not overlap a fresh one.
        unsafe { block.copy_to_nonoverlapping(moved, kept) };
        Ok(moved)
    }
}

/// Return the pointer that stands for a block of no bytes: aligned, and not to be touched.
#[inline(always)]
pub(crate) fn dangling(align: usize) -> NonNull<u8> {
    // SAFETY: an alignment is a power of two, so it is not 0.
    NonNull::without_provenance(unsafe { NonZero::new_unchecked(align) })
}

#[inline(always)]
pub(crate) fn is_aligned(block: NonNull<u8>, align: usize) -> bool {
    block.addr().get() & (align - 1) == 0
}

//! What every kind of arena can do with raw blocks; `fill.rs` builds the rest on it.

use core::alloc::Layout;
use core::num::NonZero;
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::watch;

/// Hands out blocks that do not overlap.
///
/// An arena says how to place a block and what its newest can do; what is the same for all is
/// provided, and is where tools are told what is a block ([`watch`]).
///
/// # Safety
///
/// A block that `place` returns has the size and alignment asked for, is valid for reads and writes,
/// and is nobody else's until it is cut to nothing, or the arena is reset, rewound below it, or ends.
/// `extend` keeps a block where it is.
pub(crate) unsafe trait Blocks {
    /// What every block is aligned to at least.
    const MIN_ALIGN: usize = 1;

    /// Place a block.
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError>;

    /// Place a block, or panic with the numbers.
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8>;

    /// Let a block end where `new` says, if it is the newest and there is room; `new` is not smaller.
    fn extend(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>>;

    /// Let a block end at `size` bytes, 0 to free it: what is beyond is for use again if it is the
    /// newest, and lost until reset otherwise.
    ///
    /// # Safety
    ///
    /// The block is live, was placed with `old` bytes, no fewer than `size`, and nobody uses those
    /// beyond.
    unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize);

    /// Clear bytes that a live block is about to give up, if that is the policy: the bump pointer may
    /// never pass over them.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `at` are the caller's, who no longer uses them.
    unsafe fn clear(&self, at: NonNull<u8>, len: usize) {
        let _ = (at, len);
    }

    /// How many of the `len` bytes from `block`, which were just handed out, may not be zero.
    fn dirty(&self, block: NonNull<u8>, len: usize) -> usize;

    /// The arena's first byte: what tools know it by.
    fn home(&self) -> NonNull<u8>;

    /// Hand out a block, or a dangling pointer for no bytes.
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        allocate_asking_first(self, layout)
    }

    /// Hand out a block as [`Blocks::allocate`] does, or panic with the numbers.
    #[inline(always)]
    #[track_caller]
    fn allocate_or_panic(&self, layout: Layout) -> NonNull<u8> {
        allocate_asking_first_or_panic(self, layout)
    }

    /// Hand out a block without asking whether it has bytes: one of none then takes the padding
    /// that its alignment asks for, which is nothing up to [`Blocks::MIN_ALIGN`].
    #[inline(always)]
    fn allocate_unasked(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.allocate(layout)
    }

    /// Hand out a block as [`Blocks::allocate_unasked`] does, or panic with the numbers.
    #[inline(always)]
    #[track_caller]
    fn allocate_unasked_or_panic(&self, layout: Layout) -> NonNull<u8> {
        self.allocate_or_panic(layout)
    }

    /// Hand out a block of zeroes.
    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let block = self.allocate(layout)?;
        // SAFETY: the block was just handed out, and has that many bytes.
        unsafe { self.zero(block, layout.size()) };
        Ok(block)
    }

    /// Make bytes that were just handed out zero, touching only those that may not be.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `block` are the caller's, and were handed out just now.
    #[inline]
    unsafe fn zero(&self, block: NonNull<u8>, len: usize) {
        let dirty = self.dirty(block, len);
        // SAFETY: at most `len` bytes, which are the caller's.
        unsafe { block.write_bytes(0, dirty) };
        watch::valued(block, len);
    }

    /// Take a block back: for use again if it is the newest, until reset otherwise.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `layout` by this arena, is still live, and nobody uses it.
    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller gives up the whole block.
            unsafe { self.clear(block, layout.size()) };
            watch::freed(self.home(), block, layout.size());
            // SAFETY: as above.
            unsafe { self.cut(block, watch::padded_size(layout.size()), 0) };
        }
    }

    /// Make a block larger: in place if it is the newest, otherwise by moving it to the end.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not smaller. After
    /// `Ok`, the old pointer and layout are not used again.
    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        if old.size() != 0 && is_aligned(block, new.align()) {
            let (padded_old, padded_new) = (watch::padded(old)?, watch::padded(new)?);
            if let Some(block) = self.extend(block, padded_old, padded_new) {
                watch::grown(self.home(), block, old.size(), new.size());
                return Ok(block);
            }
        }
        // SAFETY: the old block is live and has `old.size()` bytes, and the new one no fewer.
        unsafe { self.move_to_new(block, old, old.size(), new) }
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

    /// Make a block smaller: in place, unless a larger alignment is asked for. What the newest
    /// block no longer needs is for use again.
    ///
    /// # Safety
    ///
    /// `block` was handed out for `old` by this arena and is live; `new` is not larger. After `Ok`,
    /// the old pointer and layout are not used again.
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
            return unsafe { self.move_to_new(block, old, new.size(), new) };
        }
        // SAFETY: `new` is not larger, so this is still the block.
        let beyond = unsafe { block.add(new.size()) };
        // SAFETY: the caller gives these bytes up.
        unsafe { self.clear(beyond, old.size() - new.size()) };
        watch::shrunk(self.home(), block, old.size(), new.size());
        let (padded_old, padded_new) = (
            watch::padded_size(old.size()),
            watch::padded_size(new.size()),
        );
        // SAFETY: the caller gives up what lies beyond the new size.
        unsafe { self.cut(block, padded_old, padded_new) };
        Ok(block)
    }

    /// Copy `kept` bytes of a block to a new one, and leave the old one behind.
    ///
    /// # Safety
    ///
    /// `block` is live, was handed out for `old`, and has at least `kept` bytes, as has a block for
    /// `new`.
    #[inline]
    unsafe fn move_to_new(
        &self,
        block: NonNull<u8>,
        old: Layout,
        kept: usize,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        let moved = self.allocate(new)?;
        // SAFETY: both have `kept` bytes, and a live block does not overlap a fresh one.
        unsafe { block.copy_to_nonoverlapping(moved, kept) };
        if old.size() != 0 {
            watch::freed(self.home(), block, old.size());
        }
        Ok(moved)
    }
}

/// Ask whether there are bytes, then place the block and tell the tools.
#[inline(always)]
pub(crate) fn allocate_asking_first<B: Blocks + ?Sized>(
    blocks: &B,
    layout: Layout,
) -> Result<NonNull<u8>, AllocError> {
    if layout.size() == 0 {
        return Ok(dangling(layout.align()));
    }
    let block = blocks.place(watch::padded(layout)?)?;
    watch::placed(blocks.home(), block, layout.size());
    Ok(block)
}

/// Do as [`allocate_asking_first`], or panic with the numbers.
#[inline(always)]
#[track_caller]
pub(crate) fn allocate_asking_first_or_panic<B: Blocks + ?Sized>(
    blocks: &B,
    layout: Layout,
) -> NonNull<u8> {
    if layout.size() == 0 {
        return dangling(layout.align());
    }
    let block = match watch::padded(layout) {
        Ok(padded) => blocks.place_or_panic(padded),
        Err(error) => crate::fill::fail(error),
    };
    watch::placed(blocks.home(), block, layout.size());
    block
}

/// Return the pointer that stands for a block of no bytes: aligned, and not to be touched.
#[inline(always)]
pub(crate) fn dangling(align: usize) -> NonNull<u8> {
    // SAFETY: an alignment is a power of two, so it is not 0.
    NonNull::without_provenance(unsafe { NonZero::new_unchecked(align) })
}

#[inline(always)]
fn is_aligned(block: NonNull<u8>, align: usize) -> bool {
    block.addr().get() & (align - 1) == 0
}

//! A piece of the region in which one thread bumps alone.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::cursor::MIN_ALIGN;
use crate::bump;

/// A bump pointer and its limit, for one thread.
pub(super) struct SubBlock {
    /// A multiple of `MIN_ALIGN`, never above `limit`; with the provenance of the region.
    bump: Cell<*mut u8>,
    /// The address behind the piece.
    limit: Cell<usize>,
}

impl SubBlock {
    /// No piece at all: everything is refused.
    pub(super) const fn empty() -> Self {
        Self {
            bump: Cell::new(ptr::null_mut()),
            limit: Cell::new(0),
        }
    }

    /// Continue in another piece; what was left of the old one is lost.
    pub(super) fn refill(&self, start: *mut u8, end: usize) {
        self.bump.set(start);
        self.limit.set(end);
    }

    /// The address of the bump pointer.
    pub(super) fn position(&self) -> usize {
        self.bump.get().addr()
    }

    /// Hand out a block of this piece. `layout` is not empty.
    #[inline(always)]
    pub(super) fn place(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.place_from(self.bump.get(), layout)
    }

    #[inline(always)]
    fn place_from(&self, from: *mut u8, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the bump pointer and the starts of blocks are multiples of the minimum alignment.
        unsafe { core::hint::assert_unchecked(from.addr() & (MIN_ALIGN - 1) == 0) };
        let placed =
            bump::place::<MIN_ALIGN>(from.addr(), self.limit.get(), layout.size(), layout.align())?;
        self.bump.set(from.with_addr(placed.end));
        // An empty piece refuses every block, so this is not null.
        NonNull::new(from.with_addr(placed.start))
    }

    /// Let the newest block end where `new` says, if there is room.
    #[inline]
    pub(super) fn extend(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        if !self.is_newest(block, old.size()) {
            return None;
        }
        self.place_from(self.bump.get().with_addr(block.addr().get()), new)
    }

    /// Make the newest block end at `size` bytes, 0 to free it. Any other block is left as it is.
    ///
    /// # Safety
    ///
    /// The block is live, has `old` bytes, no fewer than `size`, and nobody uses those beyond.
    #[inline]
    pub(super) unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize) {
        if self.is_newest(block, old)
            && let Some(end) = bump::end_of::<MIN_ALIGN>(block.addr().get(), size)
        {
            self.bump.set(self.bump.get().with_addr(end));
        }
    }

    // The block may have come from another thread's piece that ended where this one begins. Its
    // owner gives it to this thread with everything in it, so that growing into this piece, or adding
    // its bytes to this piece, is as right as for a block of this piece.
    #[inline(always)]
    fn is_newest(&self, block: NonNull<u8>, size: usize) -> bool {
        bump::end_of::<MIN_ALIGN>(block.addr().get(), size) == Some(self.bump.get().addr())
    }
}

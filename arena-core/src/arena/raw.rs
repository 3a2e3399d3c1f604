//! What an [`Arena`](crate::Arena) and its scopes share: the bump pointer, the limit, and the cold
//! path behind them.
//!
//! The fast path is one add, one compare, one store. It compares with a limit that may lie below
//! the end of the memory; what a policy has to do (make the next step usable, ask for huge pages,
//! refuse) is done behind that compare, so that policies cost nothing until they are due.

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::blocks::dangling;
use crate::bump::{self, round_down};
use crate::error::AllocError;

use crate::finaliser::Finalisers;
use crate::watch;

use super::ground::{Ground, State};
use super::stats::Stats;

mod back;
mod check;
mod end;

/// Bump pointer, limit and bookkeeping of one arena.
pub(crate) struct RawArena<const MIN_ALIGN: usize> {
    /// The bump pointer: a multiple of `MIN_ALIGN`, from `base` to `end`; with the provenance of
    /// the whole memory.
    bump: Cell<*mut u8>,
    /// The address the fast path compares with: a multiple of `MIN_ALIGN`, never above `allowed` or
    /// the limit that the state of the memory sets.
    limit: Cell<usize>,
    /// The first byte; a multiple of `MIN_ALIGN`.
    base: *mut u8,
    /// The address behind the last byte; a multiple of `MIN_ALIGN`, at most
    /// [`RANGE_END_MAX`](bump::RANGE_END_MAX).
    end: usize,
    /// The address below which the policy lets blocks end; any number up to `end`.
    allowed: Cell<usize>,
    /// The highest the bump pointer stood whenever it was taken back, since memory above was last
    /// given to the OS. Bytes at or above `peak` and the bump pointer have not been handed out.
    peak: Cell<usize>,
    /// The address at or below which going back takes no more than moving the bump pointer: `peak`,
    /// or 0 if what is taken back is cleared.
    plain_below: Cell<usize>,
    /// The highest `peak` that was forgotten by giving memory to the OS.
    former_peak: Cell<usize>,
    /// The destructors owed to values below the bump pointer.
    finalisers: Finalisers,
    /// How many scopes are open, one in another.
    depth: Cell<u32>,
    /// Where the memory comes from.
    ///
    /// Dropped by `end`, so that passing it to the pool is not followed by asking what is left.
    ground: ManuallyDrop<Ground>,
}

// SAFETY: the pointers are to memory that the arena owns or borrows exclusively (`Ground`), and
// nothing refers to the thread that made it.
unsafe impl<const MIN_ALIGN: usize> Send for RawArena<MIN_ALIGN> {}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Start an arena over `len` bytes from `base`, all of it allowed.
    ///
    /// # Safety
    ///
    /// The memory is valid for reads and writes as far as the state of `ground` says and stays so,
    /// at that address and for nobody else, for as long as `ground` lives. `base` and `len` are
    /// multiples of `MIN_ALIGN`, and the memory ends at or below `RANGE_END_MAX`. With
    /// `clear_returned`, the memory is zero.
    #[inline]
    pub(crate) unsafe fn over(
        base: NonNull<u8>,
        len: usize,
        clear_returned: bool,
        ground: Ground,
    ) -> Self {
        const {
            assert!(
                MIN_ALIGN.is_power_of_two() && MIN_ALIGN <= bump::MIN_ALIGN_MAX,
                "a minimum alignment is a power of two, at most 64"
            );
        }
        let start = base.addr().get();
        let raw = Self {
            bump: Cell::new(base.as_ptr()),
            // Nothing is allowed beyond the end, and nothing is ready there.
            limit: Cell::new(ground.state(start + len).limit()),
            base: base.as_ptr(),
            end: start + len,
            allowed: Cell::new(start + len),
            peak: Cell::new(start),
            plain_below: Cell::new(if clear_returned { 0 } else { start }),
            former_peak: Cell::new(start),
            finalisers: Finalisers::new(),
            depth: Cell::new(0),
            ground: ManuallyDrop::new(ground),
        };
        watch::opened(base, len);
        raw
    }

    /// Put a block at or above `from` if that takes nothing but moving the bump pointer.
    #[inline(always)]
    pub(crate) fn place_fast(&self, from: *mut u8, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the bump pointer and the starts of blocks are multiples of the minimum alignment.
        unsafe { core::hint::assert_unchecked(from.addr() & (MIN_ALIGN - 1) == 0) };
        let placed =
            bump::place::<MIN_ALIGN>(from.addr(), self.limit.get(), layout.size(), layout.align())?;
        self.bump.set(from.with_addr(placed.end));
        // SAFETY: the block starts at or above the bump pointer, which is never null.
        Some(unsafe { NonNull::new_unchecked(from.with_addr(placed.start)) })
    }

    /// Put a block at or above `from`: the bump pointer, or the start of the newest block, which is
    /// then placed again.
    #[inline(always)]
    pub(crate) fn place_from(
        &self,
        from: *mut u8,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        match self.place_fast(from, layout) {
            Some(block) => Ok(block),
            None => self.place_slow(from, layout.size(), mask_of(layout)),
        }
    }

    // That this returns a pointer and panics inside keeps the callers' hot paths free of a call
    // that never comes back, which costs registers.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn place_slow_or_panic(&self, size: usize, mask: usize) -> NonNull<u8> {
        match self.place_slow(self.bump.get(), size, mask) {
            Ok(block) => block,
            Err(error) => panic!("{error}"),
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn place_slow(
        &self,
        from: *mut u8,
        size: usize,
        mask: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let align = mask.wrapping_neg();
        if size == 0 {
            return Ok(dangling(align));
        }
        let placed = bump::place_exactly::<MIN_ALIGN>(from.addr(), self.allowed.get(), size, align)
            .ok_or_else(|| self.exhausted(size, align))?;
        self.make_ready(placed.start + size, size)?;
        self.bump.set(from.with_addr(placed.end));
        // SAFETY: as in `place_fast`.
        Ok(unsafe { NonNull::new_unchecked(from.with_addr(placed.start)) })
    }

    /// Let memory up to the address `last` be touched. `size` is for the error.
    fn make_ready(&self, last: usize, size: usize) -> Result<(), AllocError> {
        let start = self.base.addr();
        let huge_at = self.state().huge_at();
        if last > huge_at {
            self.ground
                .ask_for_huge_pages(huge_at - start..self.end - start);
        }
        let state = self.state();
        if last > state.ready() {
            let ready = self
                .ground
                .commit(state.ready() - start, last - start)
                .map_err(|source| AllocError::Commit {
                    size,
                    used: self.used(),
                    source,
                })?;
            self.ground.set_state(state.with_ready(start + ready));
        }
        self.refresh_limit();
        Ok(())
    }

    fn refresh_limit(&self) {
        let limit = self.allowed.get().min(self.state().limit());
        self.limit.set(round_down(limit, MIN_ALIGN));
    }

    /// How many of the `len` bytes from `block`, which were just handed out, may not be zero.
    pub(crate) fn dirty_of(&self, block: NonNull<u8>, len: usize) -> usize {
        if self.clears_returned() {
            return 0;
        }
        let dirty_end = self.peak.get().max(self.state().soiled);
        dirty_end.saturating_sub(block.addr().get()).min(len)
    }

    /// Set the policy's limit, in bytes from the base.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.allowed
            .set(self.base.addr() + bytes.min(self.capacity()));
        self.refresh_limit();
    }

    #[inline(always)]
    fn state(&self) -> State {
        self.ground.state(self.end)
    }

    /// Tell whether memory taken back is cleared at once.
    #[inline(always)]
    fn clears_returned(&self) -> bool {
        self.plain_below.get() == 0
    }

    #[inline(always)]
    pub(crate) fn bump(&self) -> *mut u8 {
        self.bump.get()
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        // SAFETY: made from a `NonNull`.
        unsafe { NonNull::new_unchecked(self.base) }
    }

    #[inline(always)]
    pub(crate) fn used(&self) -> usize {
        self.bump.get().addr() - self.base.addr()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.end - self.base.addr()
    }

    pub(crate) fn offset_of(&self, pointer: *const u8) -> Option<usize> {
        pointer
            .addr()
            .checked_sub(self.base.addr())
            .filter(|&offset| offset < self.used())
    }

    pub(crate) fn stats(&self) -> Stats {
        let start = self.base.addr();
        let high = self
            .bump
            .get()
            .addr()
            .max(self.peak.get())
            .max(self.former_peak.get());
        Stats {
            used: self.used(),
            high_water_mark: high - start,
            committed: self.state().ready() - start,
            limit: self.allowed.get() - start,
            capacity: self.capacity(),
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// How many scopes are open.
    #[inline(always)]
    pub(crate) fn depth(&self) -> u32 {
        self.depth.get()
    }

    #[inline(always)]
    pub(crate) fn set_depth(&self, depth: u32) {
        self.depth.set(depth);
    }

    fn exhausted(&self, size: usize, align: usize) -> AllocError {
        let Stats {
            used,
            limit,
            capacity,
            ..
        } = self.stats();
        AllocError::Exhausted {
            size,
            align,
            used,
            limit,
            capacity,
        }
    }
}

/// The bits of an address that an alignment leaves: how the cold path is told the alignment.
///
/// The fast path has it in a register already, and need not keep the alignment beside it.
#[inline(always)]
pub(crate) fn mask_of(layout: Layout) -> usize {
    layout.align().wrapping_neg()
}

impl<const MIN_ALIGN: usize> fmt::Debug for RawArena<MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("base", &self.base)
            .field("stats", &self.stats())
            .finish()
    }
}

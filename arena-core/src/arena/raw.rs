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
use crate::error::{AllocError, RegionError};

use crate::finaliser::{Finalised, Finalisers};
use crate::watch;

#[cfg(feature = "std")]
use super::ground::Afterwards;
use super::ground::{Ground, State};
use super::stats::Stats;

/// Bump pointer, limit and bookkeeping of one arena.
pub(crate) struct RawArena<const MIN_ALIGN: usize> {
    /// The bump pointer: a multiple of `MIN_ALIGN`, from `base` to `end`; with the provenance of
    /// the whole memory.
    bump: Cell<*mut u8>,
    /// The address the fast path compares with: a multiple of `MIN_ALIGN`, never above `allowed`,
    /// `ready` or `huge_at`.
    limit: Cell<usize>,
    /// The first byte; a multiple of `MIN_ALIGN`.
    base: *mut u8,
    /// The address behind the last byte; a multiple of `MIN_ALIGN`, at most
    /// [`RANGE_END_MAX`](bump::RANGE_END_MAX).
    end: usize,
    /// The address below which the policy lets blocks end; any number up to `end`.
    allowed: Cell<usize>,
    /// The address below which memory may be touched; a multiple of `MIN_ALIGN` up to `end`.
    ready: Cell<usize>,
    /// The address from which on huge pages are still to be asked for; `usize::MAX` if they are
    /// not.
    huge_at: Cell<usize>,
    /// The highest the bump pointer stood whenever it was taken back, since memory above was last
    /// given to the OS. Bytes at or above `peak` and the bump pointer have not been handed out.
    peak: Cell<usize>,
    /// The address at or below which going back takes no more than moving the bump pointer: `peak`,
    /// or 0 if what is taken back is cleared.
    plain_below: Cell<usize>,
    /// The highest `peak` that was forgotten by giving memory to the OS.
    former_peak: Cell<usize>,
    /// The address from which on memory was zero when the arena took it, or is since it was last
    /// given to the OS.
    soiled: Cell<usize>,
    /// Whether memory taken back is cleared at once.
    clear_returned: bool,
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
    /// The memory is valid for reads and writes up to `state.ready` and stays so, at that address
    /// and for nobody else, for as long as `ground` lives. `base`, `len` and `state.ready` are
    /// multiples of `MIN_ALIGN`, and the memory ends at or below `RANGE_END_MAX`. With
    /// `clear_returned`, the memory is zero.
    #[inline]
    pub(crate) unsafe fn over(
        base: NonNull<u8>,
        len: usize,
        state: State,
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
            limit: Cell::new(round_down(state.ready.min(state.huge_at), MIN_ALIGN)),
            base: base.as_ptr(),
            end: start + len,
            allowed: Cell::new(start + len),
            ready: Cell::new(state.ready),
            huge_at: Cell::new(state.huge_at),
            peak: Cell::new(start),
            plain_below: Cell::new(if clear_returned { 0 } else { start }),
            former_peak: Cell::new(start),
            soiled: Cell::new(state.soiled),
            clear_returned,
            finalisers: Finalisers::new(),
            depth: Cell::new(0),
            ground: ManuallyDrop::new(ground),
        };
        watch::opened(base, len);
        raw
    }

    /// Put a block at or above `from` if that takes nothing but moving the bump pointer. `layout` is
    /// not empty.
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
    /// then placed again. `layout` is not empty.
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
        if last > self.huge_at.get() {
            self.ground
                .ask_for_huge_pages(self.huge_at.get() - start..self.end - start);
            self.huge_at.set(usize::MAX);
        }
        if last > self.ready.get() {
            let ready = self
                .ground
                .commit(self.ready.get() - start, last - start)
                .map_err(|source| AllocError::Commit {
                    size,
                    used: self.used(),
                    source,
                })?;
            self.ready.set(start + ready);
        }
        self.refresh_limit();
        Ok(())
    }

    fn refresh_limit(&self) {
        let limit = self
            .allowed
            .get()
            .min(self.ready.get())
            .min(self.huge_at.get());
        self.limit.set(round_down(limit, MIN_ALIGN));
    }

    /// Put a value into `block`, and owe its destructor.
    ///
    /// # Safety
    ///
    /// `block` is the newest. The value may be dropped whenever the block is given up, and on any
    /// thread that the arena can reach.
    #[inline]
    pub(crate) unsafe fn owe<T>(&self, block: NonNull<Finalised<T>>, value: T) -> NonNull<T> {
        // SAFETY: the caller's promise; `rewind` runs the destructor before the block is given up.
        unsafe { self.finalisers.owe(block, value) }
    }

    /// Take the bump pointer back to `to`, after the destructors of what is given up.
    ///
    /// # Safety
    ///
    /// As [`RawArena::give_back`]; no value from there on is used again, also not by a destructor
    /// that is run.
    #[inline(always)]
    pub(crate) unsafe fn rewind(&self, to: *mut u8) {
        if self.finalisers.reach(to.addr()) {
            // SAFETY: passed on.
            return unsafe { self.rewind_finalising(to) };
        }
        // SAFETY: passed on.
        unsafe { self.give_back(to) };
    }

    #[cold]
    #[inline(never)]
    unsafe fn rewind_finalising(&self, to: *mut u8) {
        struct GiveBack<'r, const MIN_ALIGN: usize>(&'r RawArena<MIN_ALIGN>, *mut u8);
        impl<const MIN_ALIGN: usize> Drop for GiveBack<'_, MIN_ALIGN> {
            fn drop(&mut self) {
                // SAFETY: promised to `rewind_finalising`; the destructors have run.
                unsafe { self.0.give_back(self.1) };
            }
        }
        let _also_after_a_panic = GiveBack(self, to);
        // SAFETY: passed on.
        unsafe { self.run_finalisers(to.addr()) };
    }

    /// # Safety
    ///
    /// As [`Finalisers::run_from`].
    unsafe fn run_finalisers(&self, address: usize) {
        if self.ground.was_taken_by_fork() {
            // The values, and the list of them, are not there: the parent will drop them.
            self.finalisers.forget();
        } else {
            // SAFETY: passed on.
            unsafe { self.finalisers.run_from(address) };
        }
    }

    /// Take the bump pointer back to `to`, and clear what is returned if that is the policy. No
    /// destructor is owed to anything from there on.
    ///
    /// # Safety
    ///
    /// `to` is a multiple of `MIN_ALIGN` from the base to the bump pointer, with the provenance of
    /// the memory, and nobody uses the bytes from there on.
    #[inline(always)]
    pub(crate) unsafe fn give_back(&self, to: *mut u8) {
        let from = self.bump.get();
        debug_assert!(
            self.base <= to && to <= from,
            "rewind to {to:p}, but {:p}..{from:p} is used",
            self.base
        );
        // SAFETY: not below the base, which is not null.
        let returned = unsafe { NonNull::new_unchecked(to) };
        let len = from.addr() - to.addr();
        if from.addr() > self.plain_below.get() {
            // SAFETY: passed on.
            unsafe { self.note_return(returned, len) };
        }
        watch::rewound(self.base(), returned, len);
        self.bump.set(to);
    }

    /// Raise the peak, and clear what is returned if that is the policy: what going back takes
    /// besides moving the bump pointer, which is seldom.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `returned` reach to the bump pointer, and nobody uses them.
    #[cold]
    #[inline(never)]
    unsafe fn note_return(&self, returned: NonNull<u8>, len: usize) {
        self.set_peak(self.peak.get().max(self.bump.get().addr()));
        if self.clear_returned {
            watch::touched(returned, len);
            // SAFETY: the bytes were handed out, so they may be touched, and nobody uses them.
            unsafe { returned.write_bytes(0, len) };
        }
    }

    fn set_peak(&self, peak: usize) {
        self.peak.set(peak);
        self.plain_below
            .set(if self.clear_returned { 0 } else { peak });
    }

    /// Clear `len` bytes that a block gives up without the bump pointer passing over them, if that
    /// is the policy.
    ///
    /// # Safety
    ///
    /// The bytes are the caller's, who no longer uses them.
    pub(crate) unsafe fn clear_slack(&self, slack: NonNull<u8>, len: usize) {
        if self.clear_returned {
            watch::touched(slack, len);
            // SAFETY: the bytes are the caller's.
            unsafe { slack.write_bytes(0, len) };
            watch::untouched(slack, len);
        }
    }

    /// How many of the `len` bytes from `block`, which were just handed out, may not be zero.
    pub(crate) fn dirty_of(&self, block: NonNull<u8>, len: usize) -> usize {
        if self.clear_returned {
            return 0;
        }
        let dirty_end = self.peak.get().max(self.soiled.get());
        dirty_end.saturating_sub(block.addr().get()).min(len)
    }

    /// Empty the arena and do with its memory what the policy says.
    pub(crate) fn reset(&mut self) {
        self.depth.set(0);
        // SAFETY: `&mut self` says that no block is in use.
        unsafe { self.rewind(self.base) };
        if let Some(keep) = self.ground.keep_on_reset()
            && self.extent() > keep
        {
            // Refused (the memory is locked, say), the arena is empty all the same.
            let _ = self.decommit_above(keep);
        }
    }

    /// How many bytes from the base may be resident.
    fn extent(&self) -> usize {
        let start = self.base.addr();
        let dirty = self.peak.get().max(self.soiled.get()) - start;
        let huge = self.huge_at.get() == usize::MAX && self.ground.huge_from().is_some();
        self.ground.extent(dirty, self.ready.get() - start, huge)
    }

    /// Empty the arena and give all but the first `keep` bytes back to the OS.
    #[cfg(feature = "std")]
    pub(crate) fn reset_and_decommit(&mut self, keep: usize) -> Result<(), RegionError> {
        self.depth.set(0);
        // SAFETY: `&mut self` says that no block is in use.
        unsafe { self.rewind(self.base) };
        self.decommit_above(keep)
    }

    fn decommit_above(&mut self, keep: usize) -> Result<(), RegionError> {
        let start = self.base.addr();
        let kept = self
            .ground
            .decommit_above(keep, self.end - start, self.ready.get() - start)?;
        self.former_peak
            .set(self.former_peak.get().max(self.peak.get()));
        self.set_peak(self.peak.get().min(start + kept.resident));
        self.soiled
            .set(self.soiled.get().min(start + kept.resident));
        self.ready.set(start + kept.ready);
        self.refresh_limit();
        Ok(())
    }

    /// Set the policy's limit, in bytes from the base.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.allowed
            .set(self.base.addr() + bytes.min(self.capacity()));
        self.refresh_limit();
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
            committed: self.ready.get() - start,
            limit: self.allowed.get() - start,
            capacity: self.capacity(),
        }
    }

    /// Change the access to all memory that may be touched.
    ///
    /// # Safety
    ///
    /// Until it is read-write again, nobody uses the memory otherwise than `access` allows: nothing
    /// is allocated, rewound or reset.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn protect(
        &mut self,
        access: crate::region::Access,
    ) -> Result<(), RegionError> {
        let ready = self.ready.get() - self.base.addr();
        match &mut *self.ground {
            Ground::Buffer => Ok(()),
            // SAFETY: passed on.
            Ground::Mapped(mapped) => unsafe { mapped.region.protect(0..ready, access) },
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Empty the arena and part with its memory.
    #[cfg(feature = "std")]
    pub(crate) fn into_ground(mut self) -> Ground {
        let ground = core::mem::replace(&mut *self.ground, Ground::Buffer);
        // Dropped without its ground, the arena runs what it owes, while `ground` keeps the memory.
        drop(self);
        ground
    }

    fn finalise(&mut self) {
        if self.finalisers.reach(1) {
            // SAFETY: `&mut self` says that no value is in use.
            unsafe { self.run_finalisers(1) };
        }
        watch::closed(self.base(), self.stats().high_water_mark, self.capacity());
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

    /// Panic if a rule between the fields is broken: for tests, after every step.
    pub(crate) fn check(&self) {
        let start = self.base.addr();
        let bump = self.bump.get().addr();
        assert!(
            bump >= start && bump <= self.end,
            "bump pointer {bump:#x} outside {start:#x}..{:#x}",
            self.end
        );
        assert!(
            bump.is_multiple_of(MIN_ALIGN),
            "bump pointer {bump:#x} is not a multiple of {MIN_ALIGN}"
        );
        for (name, bound) in [
            ("allowed", &self.allowed),
            ("ready", &self.ready),
            ("huge_at", &self.huge_at),
        ] {
            let (limit, bound) = (self.limit.get(), bound.get());
            assert!(limit <= bound, "limit {limit:#x} above {name} {bound:#x}");
        }
        assert!(
            self.ready.get() <= self.end,
            "ready {:#x} above the end {:#x}",
            self.ready.get(),
            self.end
        );
        assert!(
            self.limit.get().is_multiple_of(MIN_ALIGN),
            "limit {:#x} is not a multiple of {MIN_ALIGN}",
            self.limit.get()
        );
        let Stats {
            used,
            high_water_mark,
            committed,
            capacity,
            ..
        } = self.stats();
        assert!(
            used <= high_water_mark && used <= committed,
            "{used} used, but {high_water_mark} at most, {committed} committed"
        );
        assert!(
            high_water_mark <= capacity && committed <= capacity,
            "{high_water_mark} or {committed} of {capacity}"
        );
        assert!(
            self.peak.get() <= self.end,
            "peak {:#x} above the end {:#x}",
            self.peak.get(),
            self.end
        );
        let plain = if self.clear_returned {
            0
        } else {
            self.peak.get()
        };
        assert_eq!(self.plain_below.get(), plain, "going back is plain below");
        let touchable = bump <= self.ready.get();
        assert!(
            touchable,
            "bump pointer {bump:#x} above what may be touched, {:#x}",
            self.ready.get()
        );
    }
}

impl<const MIN_ALIGN: usize> Drop for RawArena<MIN_ALIGN> {
    #[inline]
    fn drop(&mut self) {
        if self.finalisers.reach(1) {
            return self.end_finalising();
        }
        watch::closed(self.base(), self.stats().high_water_mark, self.capacity());
        // SAFETY: dropped once, and no destructor is owed.
        unsafe { self.end() };
    }
}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    #[cold]
    #[inline(never)]
    fn end_finalising(&mut self) {
        struct End<'r, const MIN_ALIGN: usize>(&'r mut RawArena<MIN_ALIGN>);
        impl<const MIN_ALIGN: usize> Drop for End<'_, MIN_ALIGN> {
            fn drop(&mut self) {
                // SAFETY: dropped once, after the last destructor.
                unsafe { self.0.end() };
            }
        }
        let also_after_a_panic = End(self);
        also_after_a_panic.0.finalise();
    }

    /// Part with the memory: to the pool, in the state it is in, or for good.
    ///
    /// # Safety
    ///
    /// The arena is being dropped, and nothing in it is used again.
    #[inline]
    unsafe fn end(&mut self) {
        // SAFETY: nobody looks at the ground again.
        let ground = unsafe { ManuallyDrop::take(&mut self.ground) };
        #[cfg(feature = "std")]
        if let Ground::Mapped(mut mapped) = ground {
            if mapped.afterwards != Afterwards::Pool {
                return unmap(mapped);
            }
            let used = self.bump.get().addr().max(self.peak.get());
            mapped.state = State {
                soiled: used.max(self.soiled.get()),
                ready: self.ready.get(),
                huge_at: self.huge_at.get(),
            };
            crate::pool::put(mapped);
        }
        #[cfg(not(feature = "std"))]
        let _ = ground;
    }
}

/// Unmap a region: a system call, beside which a call is nothing.
#[cfg(feature = "std")]
#[inline(never)]
fn unmap(mapped: std::boxed::Box<super::ground::Mapped>) {
    drop(mapped);
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

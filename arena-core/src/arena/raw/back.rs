//! Going back: giving up blocks, their destructors, and the memory behind them.

use core::ptr::NonNull;

use super::RawArena;
use crate::error::RegionError;
use crate::finaliser::Finalised;
use crate::watch;

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
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
    pub(super) unsafe fn run_finalisers(&self, address: usize) {
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
        if self.clears_returned() {
            watch::touched(returned, len);
            // SAFETY: the bytes were handed out, so they may be touched, and nobody uses them.
            unsafe { returned.write_bytes(0, len) };
        }
    }

    fn set_peak(&self, peak: usize) {
        self.peak.set(peak);
        self.plain_below
            .set(if self.clears_returned() { 0 } else { peak });
    }

    /// Clear `len` bytes that a block gives up without the bump pointer passing over them, if that
    /// is the policy.
    ///
    /// # Safety
    ///
    /// The bytes are the caller's, who no longer uses them.
    pub(crate) unsafe fn clear_slack(&self, slack: NonNull<u8>, len: usize) {
        if self.clears_returned() {
            // SAFETY: the bytes are the caller's.
            unsafe { slack.write_bytes(0, len) };
        }
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
        let state = self.state();
        let dirty = self.peak.get().max(state.soiled) - start;
        let huge = state.huge_at() == usize::MAX && self.ground.huge_from().is_some();
        self.ground.extent(dirty, state.ready() - start, huge)
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
        let state = self.state();
        let kept = self
            .ground
            .decommit_above(keep, self.end - start, state.ready() - start)?;
        self.former_peak
            .set(self.former_peak.get().max(self.peak.get()));
        self.set_peak(self.peak.get().min(start + kept.resident));
        let soiled = state.soiled.min(start + kept.resident);
        self.ground
            .set_state(state.with_soiled(soiled).with_ready(start + kept.ready));
        self.refresh_limit();
        Ok(())
    }
}

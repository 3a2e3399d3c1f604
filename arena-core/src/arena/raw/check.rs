//! The rules between the fields of an arena.

use super::RawArena;
use crate::arena::stats::Stats;

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
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
        let state = self.state();
        for (name, bound) in [
            ("allowed", self.allowed.get()),
            ("ready", state.ready()),
            ("huge_at", state.huge_at()),
        ] {
            let limit = self.limit.get();
            assert!(limit <= bound, "limit {limit:#x} above {name} {bound:#x}");
        }
        assert!(
            state.ready() <= self.end,
            "ready {:#x} above the end {:#x}",
            state.ready(),
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
        if !self.clears_returned() {
            let (plain, peak) = (self.plain_below.get(), self.peak.get());
            assert_eq!(plain, peak, "going back is plain below the peak");
        }
        assert!(
            bump <= state.ready(),
            "bump pointer {bump:#x} above what may be touched, {:#x}",
            state.ready()
        );
    }
}

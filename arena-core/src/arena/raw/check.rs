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

//! What becomes of one call under a plan: the counters, and the decision.
//!
//! Free of locks, for a program may fork or take a signal in the middle of a call. `core` only: the interposer, the retrying
//! heap and the wrapped allocators all decide by this file.

use crate::plan::{Burst, FaultPlan, mix};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What is known of a call when it is decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    /// How many bytes are asked for.
    pub size: u64,
    /// The hash of the whole stack; 0 where stacks are not known.
    pub stack: u64,
    /// The hash of the functions on the stack, without the places in them.
    pub site: u64,
    /// The module of the direct caller, as [`name_hash`](crate::plan::name_hash).
    pub module: u64,
    /// The caller's offset in its module.
    pub offset: u64,
    /// The thread, in the order of first calls.
    pub thread: u32,
    /// The process, in the order of first calls.
    pub process: u32,
}

/// The counters of a plan at work.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls since the last reset.
    pub calls: AtomicU64,
    /// How many of them failed on purpose.
    pub failed: AtomicU64,
    /// Bytes in live blocks, where they are counted.
    pub live: AtomicU64,
    /// Whether the marker was passed.
    pub marked: AtomicBool,
    hits: AtomicU64,
    started: AtomicU64,
    site: AtomicU64,
}

/// What the counters say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of the call since the last reset, from 1; 0 if it did not count.
    pub number: u64,
    /// If it is to fail: which failure this is, from 1.
    pub failure: Option<u64>,
}

impl Counters {
    /// Counters at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            live: AtomicU64::new(0),
            marked: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            started: AtomicU64::new(0),
            site: AtomicU64::new(0),
        }
    }

    /// Zeroes all counters but the live bytes, which are no counter of calls.
    pub fn reset(&self) {
        for counter in [
            &self.calls,
            &self.failed,
            &self.hits,
            &self.started,
            &self.site,
        ] {
            counter.store(0, Relaxed);
        }
    }

    /// Counts a call and decides it.
    pub fn decide(&self, plan: &FaultPlan, call: &Call) -> Verdict {
        if plan.filter.after_marker && !self.marked.load(Relaxed) {
            return Verdict {
                number: 0,
                failure: None,
            };
        }
        let number = self.calls.fetch_add(1, Relaxed) + 1;
        self.judge(plan, call, number)
    }

    /// Decides a call that has its number already.
    pub fn judge(&self, plan: &FaultPlan, call: &Call, number: u64) -> Verdict {
        let fails = self.fails(plan, call, number);
        let failure = fails.then(|| self.failed.fetch_add(1, Relaxed) + 1);
        Verdict { number, failure }
    }

    fn fails(&self, plan: &FaultPlan, call: &Call, number: u64) -> bool {
        if !passes(plan, call) {
            return false;
        }
        if !plan.schedule.is_empty() {
            return plan.schedule.fails(number);
        }
        if let Some(ceiling) = plan.ceiling {
            return self.live.load(Relaxed).saturating_add(call.size) > ceiling;
        }
        if let Some(chance) = plan.chance {
            let draw = mix(mix(chance.seed, number), 0x5eed) >> 32;
            let drawn = (draw * 1_000_000) >> 32 < u64::from(chance.per_million);
            return drawn && number >= plan.fail_at;
        }
        self.in_burst(plan, call, number)
    }

    fn in_burst(&self, plan: &FaultPlan, call: &Call, number: u64) -> bool {
        let mut started = self.started.load(Relaxed);
        if started == 0 {
            if !self.starts(plan, call, number) {
                return false;
            }
            // Of two threads that come here at once, one starts the burst and the other is judged by it.
            let won = self.started.compare_exchange(0, number, Relaxed, Relaxed);
            if won.is_ok() {
                self.site.store(call.site, Relaxed);
            }
            started = won.map_or_else(|first| first, |_| number);
        }
        let past = number.checked_sub(started);
        match plan.burst {
            Burst::Consecutive => past.is_some_and(|past| past < plan.fail_count),
            Burst::Total => self.failed.load(Relaxed) < plan.fail_count,
            Burst::Site => {
                call.site == self.site.load(Relaxed) && self.failed.load(Relaxed) < plan.fail_count
            }
        }
    }

    /// Whether the failures start here. A call that the filter keeps out starts nothing: the first behind it does.
    fn starts(&self, plan: &FaultPlan, call: &Call, number: u64) -> bool {
        match plan.stack {
            Some(stack) => {
                call.stack == stack.hash && self.hits.fetch_add(1, Relaxed) + 1 == stack.hit
            }
            None => plan.fail_at != 0 && number >= plan.fail_at,
        }
    }
}

fn passes(plan: &FaultPlan, call: &Call) -> bool {
    let filter = &plan.filter;
    let caller = filter.caller.is_none_or(|part| {
        part.module == call.module && part.start <= call.offset && call.offset < part.end
    });
    filter.size_min <= call.size
        && call.size <= filter.size_max
        && (filter.thread == 0 || filter.thread == call.thread)
        && (filter.process == 0 || filter.process == call.process)
        && caller
}

#[cfg(test)]
#[path = "decide/tests.rs"] // the interposer mounts this file elsewhere
mod tests;

//! Runs a closure once per failure point, until a run sees no failure.

use crate::plan::FaultPlan;
use crate::scoped::with_faults;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What one run under one failure came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The closure returned an error.
    Propagated,
    /// It succeeded, for it asked again and was served.
    Masked,
    /// It succeeded although what failed stayed failed.
    Swallowed,
    /// It panicked, with this message.
    Panicked(String),
    /// Something allocated in the run was not freed: blocks and bytes.
    Leaked(isize, isize),
}

/// One failure point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The first call that failed.
    pub number: u64,
    /// Whether every call after it failed too.
    pub persistent: bool,
    /// What it came to.
    pub outcome: Outcome,
}

/// All failure points of a closure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exhausted {
    /// Calls of a run without failures.
    pub calls: u64,
    /// Two for each call: transient, then persistent.
    pub points: Vec<Point>,
}

impl Exhausted {
    /// How many points came to this.
    #[must_use]
    pub fn count(&self, outcome: impl Fn(&Outcome) -> bool) -> usize {
        self.points
            .iter()
            .filter(|point| outcome(&point.outcome))
            .count()
    }

    /// Panics unless every failure was propagated, or masked by a retry.
    ///
    /// # Panics
    ///
    /// With the whole list, if one was swallowed, panicked or leaked.
    #[track_caller]
    pub fn assert_propagated(&self) {
        let good = |outcome: &Outcome| matches!(outcome, Outcome::Propagated | Outcome::Masked);
        assert!(
            self.calls > 0,
            "the closure makes no call that could fail: nothing was tested"
        );
        assert!(
            self.points.iter().all(|point| good(&point.outcome)),
            "{self}"
        );
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} calls, {} failure points",
            self.calls,
            self.points.len()
        )?;
        for point in &self.points {
            let shape = if point.persistent { "all from" } else { "only" };
            writeln!(f, "{shape} #{}: {:?}", point.number, point.outcome)?;
        }
        Ok(())
    }
}

/// The most calls that a closure may make: beyond it, something grows from run to run.
const LIMIT: u64 = 1_000_000;

/// Runs a closure with its first call failing, then its second, until a run sees no failure: each once (transient) and with all
/// later calls (persistent). What the closure returns is dropped before blocks are counted.
///
/// ```
/// use malloc_fault::{Outcome, exhaust, heap::{Libc, Planned, TrackedHeap}};
///
/// let seen = exhaust(|| {
///     let mut heap = TrackedHeap::over(Planned(Libc));
///     let block = heap.malloc(2048, "page").ok_or("no memory")?;
///     unsafe { heap.free(block) };
///     Ok::<(), &str>(())
/// });
/// assert_eq!(seen.calls, 2); // the block and its record
/// seen.assert_propagated();
/// ```
///
/// # Panics
///
/// If the closure fails without a failure of ours, loses blocks without one, or makes a different number of calls from run to
/// run: then it has nothing to say about failures.
pub fn exhaust<T, E>(mut closure: impl FnMut() -> Result<T, E>) -> Exhausted {
    let (clean, tally) = with_faults(FaultPlan::NONE, || closure().map(drop).is_ok());
    assert!(clean, "the closure fails without any failure of ours");
    assert_eq!(
        tally.live_blocks, 0,
        "the closure loses {} bytes without any failure",
        tally.live_bytes
    );
    assert!(
        tally.calls <= LIMIT,
        "the closure makes {} calls: too many to fail each",
        tally.calls
    );
    let mut exhausted = Exhausted {
        calls: tally.calls,
        points: Vec::new(),
    };
    for number in 1.. {
        let mut fired = false;
        for persistent in [false, true] {
            let outcome = run(&mut closure, number, persistent, tally.calls);
            fired |= outcome.is_some();
            exhausted.points.extend(outcome.map(|outcome| Point {
                number,
                persistent,
                outcome,
            }));
        }
        if !fired {
            break;
        }
        assert!(
            number <= tally.calls,
            "a run made more calls than the one without failures"
        );
    }
    exhausted
}

/// One run. `None` if its failure did not come to pass.
fn run<T, E>(
    closure: &mut impl FnMut() -> Result<T, E>,
    number: u64,
    persistent: bool,
    clean_calls: u64,
) -> Option<Outcome> {
    let plan = if persistent {
        FaultPlan::persistent(number)
    } else {
        FaultPlan::new(number, 1)
    };
    let plan = plan.expect("numbers start at 1");
    let body = AssertUnwindSafe(|| closure().map(drop).is_ok());
    let (ended, tally) = with_faults(plan, || catch_unwind(body));
    if tally.failures == 0 {
        return None;
    }
    Some(match ended {
        Err(panic) => Outcome::Panicked(message(&*panic)),
        Ok(_) if tally.live_blocks != 0 => Outcome::Leaked(tally.live_blocks, tally.live_bytes),
        Ok(false) => Outcome::Propagated,
        // A call more than without the failure: it was asked again.
        Ok(true) if !persistent && tally.calls > clean_calls => Outcome::Masked,
        Ok(true) => Outcome::Swallowed,
    })
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;

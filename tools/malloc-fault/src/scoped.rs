//! A plan for one thread, for as long as a closure runs.

use crate::decide::{Call, Counters};
use crate::plan::FaultPlan;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

/// The plan in force on a thread, its counters, and what is live of what was allocated under it.
#[derive(Debug)]
struct Scope {
    plan: FaultPlan,
    counters: Counters,
    blocks: Cell<isize>,
    bytes: Cell<isize>,
}

thread_local! {
    /// Without a destructor and without lazy initialisation: an allocator may ask at any time.
    static SCOPE: Cell<*const Scope> = const { Cell::new(ptr::null()) };
}

/// What happened under a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that counted.
    pub calls: u64,
    /// Calls that failed on purpose.
    pub failures: u64,
    /// Blocks allocated less blocks freed.
    pub live_blocks: isize,
    /// The same in bytes.
    pub live_bytes: isize,
}

/// Puts back the scope that was there, also when the closure panics.
struct Restore(*const Scope);

impl Drop for Restore {
    fn drop(&mut self) {
        SCOPE.set(self.0);
    }
}

/// Runs a closure under a plan. Other threads, and what the closure does on other threads, are not disturbed.
///
/// What fails is what asks: [`FaultAlloc`](crate::FaultAlloc), a [`TrackedHeap`](crate::heap::TrackedHeap) over
/// [`Planned`](crate::heap::Planned), and code that calls [`fails`]. Within another scope the inner plan alone counts.
///
/// ```
/// use malloc_fault::{FaultPlan, fails, with_faults};
///
/// let (seen, tally) = with_faults(FaultPlan::new(2, 1)?, || [fails(8), fails(8), fails(8)]);
/// assert_eq!(seen, [false, true, false]);
/// assert_eq!((tally.calls, tally.failures), (3, 1));
/// # Ok::<(), malloc_fault::PlanError>(())
/// ```
pub fn with_faults<T>(plan: FaultPlan, closure: impl FnOnce() -> T) -> (T, Tally) {
    let scope = Scope {
        plan,
        counters: Counters::new(),
        blocks: Cell::new(0),
        bytes: Cell::new(0),
    };
    let restore = Restore(SCOPE.replace(&raw const scope));
    let result = closure();
    drop(restore);
    let tally = Tally {
        calls: scope.counters.calls.load(Relaxed),
        failures: scope.counters.failed.load(Relaxed),
        live_blocks: scope.blocks.get(),
        live_bytes: scope.bytes.get(),
    };
    (result, tally)
}

/// Counts a call for `size` bytes and says whether it is to fail: for allocators of your own. Never, outside of [`with_faults`].
///
/// It allocates nothing and may be called from within an allocator.
#[must_use]
pub fn fails(size: usize) -> bool {
    let call = Call {
        size: size as u64,
        ..Call::default()
    };
    with_scope(|scope| scope.counters.decide(&scope.plan, &call).failure.is_some()).unwrap_or(false)
}

/// Notes that a block was allocated (`1`, bytes) or freed (`-1`, minus bytes).
pub(crate) fn note(blocks: isize, bytes: isize) {
    with_scope(|scope| {
        scope.blocks.set(scope.blocks.get() + blocks);
        let bytes = scope.bytes.get() + bytes;
        scope.bytes.set(bytes);
        let live = u64::try_from(bytes).unwrap_or(0);
        scope.counters.live.store(live, Relaxed);
    });
}

fn with_scope<T>(visit: impl FnOnce(&Scope) -> T) -> Option<T> {
    // A thread that ends has no scope any more, and its last frees ask nothing.
    let scope = SCOPE.try_with(Cell::get).ok()?;
    // SAFETY: null, or the scope on the stack of a `with_faults` of this thread that has not returned: it puts back what was
    // there before, however it is left.
    unsafe { scope.as_ref() }.map(visit)
}

#[cfg(test)]
mod tests;

//! Every failure point of what may fail here: each in turn, once and for good, by `malloc_fault::exhaust`.
//!
//! Kernel calls fail through arena-core's hook, blocks through `FaultAlloc`.

mod arenas;
mod heaps;
mod methods;

use arena_core::region::{Operation, failure};
use malloc_fault::{Exhausted, Outcome, exhaust, fails};

/// What Linux says of a call that finds no memory.
const ENOMEM: i32 = 12;

/// Lets the plan in force decide about each kernel call.
fn decide(operation: Operation) -> Option<i32> {
    // Advice is a wish, and a count of pages changes nothing: neither takes memory.
    let takes = !matches!(operation, Operation::Advise | Operation::Resident);
    (takes && fails(0)).then_some(ENOMEM)
}

/// `exhaust` with the kernel calls of this thread among what may fail.
fn exhaust_regions<T, E>(closure: impl FnMut() -> Result<T, E>) -> Exhausted {
    let _asking = failure::ask(decide);
    exhaust(closure)
}

/// Fails if a failure made anything panic or lose a block.
#[track_caller]
fn assert_orderly(seen: &Exhausted) {
    assert!(seen.calls > 0, "nothing was asked for");
    let bad = |outcome: &Outcome| matches!(outcome, Outcome::Panicked(_) | Outcome::Leaked(..));
    assert_eq!(seen.count(bad), 0, "{seen}");
}

//! tagheap's rows of the gate: what it takes to free a block and allocate another, in instructions.
//!
//! Times of this depend on the machine and on who else uses its caches; they are measured by the bench's
//! program `heaps`, and stand in docs/bench.md.

use super::gate::Gate;
use super::program;
use crate::run::Outcome;

/// The most instructions a pair may take: on which heap, with how many blocks live.
const GOALS: [(&str, u64, f64); 4] = [
    ("tagheap", 100, 845.0),
    ("tagheap", 10_000, 1_035.0),
    ("tagheap-handles", 100, 1_100.0),
    ("tagheap-handles", 10_000, 1_280.0),
];

/// Pairs in the smaller of two runs, and how many more in the larger: the difference is counted.
const PAIRS: (u64, u64) = (20_000, 20_000);

/// Count, and fail if a goal is missed.
pub(crate) fn hold() -> Outcome {
    let program = program::build("heaps", &["heaps"])?;
    let mut gate = Gate::default();
    for (heap, live, at_most) in GOALS {
        let count = |pairs: u64| {
            let mut churn = program::callgrind(&program);
            churn.args(["churn", heap, &live.to_string(), &pairs.to_string()]);
            program::collected(churn).map(|(_, instructions)| instructions as f64)
        };
        let (few, more) = PAIRS;
        let measured = (count(few + more)? - count(few)?) / more as f64;
        let line = format!(
            "a free and an allocation, {live} live, on {heap}: {measured:.1}, the goal is {at_most:.1}"
        );
        gate.pass(measured <= at_most, line);
    }
    gate.end()
}

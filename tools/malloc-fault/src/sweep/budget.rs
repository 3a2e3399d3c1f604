//! How often a place tries again before it gives up: its retry budget.

use super::verdict::{Shape, Verdict};
use super::{Point, Reference};
use crate::symbols::{Named, Symbols};
use std::collections::HashMap;

/// What a place does when its call fails, and fails again.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// The stack of the call.
    pub(crate) stack: Vec<Named>,
    /// What a single failure came to.
    pub(crate) once: Verdict,
    /// The smallest burst that comes to something else; `None` if none does: it spins.
    pub(crate) gives_up_after: Option<u64>,
    /// What that burst came to.
    pub(crate) then: Verdict,
    /// Bytes lost with each try.
    pub(crate) lost_per_try: u64,
}

impl Budget {
    /// The budget in words.
    pub(crate) fn words(&self) -> String {
        let tries = match self.gives_up_after {
            Some(tries) => format!("gives up after {tries}: {}", self.then),
            None => "never gives up: spins".to_owned(),
        };
        match self.lost_per_try {
            0 => tries,
            bytes => format!("{tries}; each try leaks {bytes} bytes"),
        }
    }
}

/// The budgets of all places that mask a single failure.
pub(crate) fn budgets(
    reference: &Reference,
    points: &[Point],
    symbols: &mut Symbols,
) -> Vec<Budget> {
    let mut once = HashMap::new();
    let mut probes = Vec::new();
    for point in points {
        let Some(call) = point.call else { continue };
        let stack = reference.keys[call].stack;
        if point.shape == Shape::BUDGET {
            probes.push((call, point));
        } else if point.shape == Shape::consecutive(1) {
            once.entry(stack).or_insert(point);
        }
    }
    let mut budgets = Vec::new();
    for (call, probe) in probes {
        let Some(first) = once.get(&reference.keys[call].stack) else {
            continue;
        };
        if !first.retried {
            continue;
        }
        budgets.push(Budget {
            stack: symbols.stack(&reference.trace.stack(reference.trace.calls[call].stack)),
            once: first.verdict,
            gives_up_after: (probe.verdict != Verdict::Hung).then_some(probe.failed),
            then: probe.verdict,
            lost_per_try: probe.lost.1 / probe.failed.max(1),
        });
    }
    budgets
}

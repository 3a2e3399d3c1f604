//! Times: medians of many short runs, each in a process of its own, in shuffled order, so that a
//! busy minute, a warm cache or an unlucky layout falls on all alike. It is the time a thread had of
//! a processor that is measured, so that a neighbour's work is not: but for what takes two threads.

use super::count::FAULTING;
use super::data::{Figure, Spread};
use super::program::{Program, Run};
use crate::run::Outcome;

/// What a run does: the count of a pass, and the passes, the first of which is not timed.
///
/// Counts are such that what is allocated stays in a processor's caches, but for the tree.
const TIMED: [(&str, u64, u64); 9] = [
    ("one-u64", 16_384, 501),
    ("forty-bytes", 4_096, 1_001),
    ("mixed-layouts", 16_384, 101),
    ("slices-and-str", 16_384, 301),
    ("vec-push", 16_384, 501),
    ("short-lived", 20_000, 3),
    ("rewind", 50_000, 3),
    ("tree", 20, 3),
    ("two-threads", 1 << 20, 11),
];

const ROUNDS: usize = 21;

/// Rounds of what takes a gibibyte.
const COLD_ROUNDS: usize = 7;

/// Measure nanoseconds an operation, and milliseconds of the drop of what is cold.
pub(crate) fn measure(program: &Program) -> Outcome<(Vec<Figure>, Vec<Figure>)> {
    let mut plan: Vec<Sampled<'_>> = Vec::new();
    for (workload, count, passes, rounds) in TIMED
        .iter()
        .map(|&(workload, count, passes)| (workload, count, passes, ROUNDS))
        .chain(FAULTING.map(|(workload, count)| (workload, count, 1, COLD_ROUNDS)))
    {
        let runs = program.runs.iter().filter(|run| run.workload == workload);
        plan.extend(runs.map(|run| Sampled {
            run,
            count,
            passes,
            rounds,
            ns: Vec::new(),
            drop_ms: Vec::new(),
        }));
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        eprintln!("xtask: round {} of {ROUNDS}", round + 1);
        let mut order: Vec<usize> = (0..plan.len()).collect();
        shuffle(&mut order, &mut random);
        for index in order {
            let sampled = &mut plan[index];
            if round < sampled.rounds {
                sampled.sample(program)?;
            }
        }
    }
    let cold = |sampled: &&Sampled<'_>| sampled.run.workload == "cold-objects";
    let drops = plan.iter().filter(cold);
    let drops = drops.map(|sampled| Figure::spread(sampled.run, Spread::of(&sampled.drop_ms)));
    let times = plan.iter();
    let times = times.map(|sampled| Figure::spread(sampled.run, Spread::of(&sampled.ns)));
    Ok((times.collect(), drops.collect()))
}

struct Sampled<'p> {
    run: &'p Run,
    count: u64,
    passes: u64,
    rounds: usize,
    /// Nanoseconds an operation, a round.
    ns: Vec<f64>,
    drop_ms: Vec<f64>,
}

impl Sampled<'_> {
    fn sample(&mut self, program: &Program) -> Outcome {
        let report = program.run(self.run, self.count, self.passes)?;
        // Two threads take as long as the later of them; one, as long as it runs.
        let ns = if self.run.workload == "two-threads" {
            report.ns
        } else {
            report.cpu_ns
        };
        self.ns.push(ns as f64 / report.operations as f64);
        self.drop_ms.push(report.drop_ns as f64 / 1e6);
        Ok(())
    }
}

/// Fisher and Yates, with xorshift: the same order every time the command is run.
pub(crate) fn shuffle(order: &mut [usize], random: &mut u64) {
    for last in (1..order.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_everybody() {
        let mut order: Vec<usize> = (0..50).collect();
        shuffle(&mut order, &mut 1);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}

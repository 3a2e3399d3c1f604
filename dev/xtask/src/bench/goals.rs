//! What arena-core has to reach, and whether it does.

use std::fs;

use super::data::{Figure, value};
use crate::run::Outcome;

/// The most that a workload may take on arena-core.
pub(crate) struct Goal {
    pub(crate) workload: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) at_most: f64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Instructions,
    Faults,
}

pub(crate) const fn faults(workload: &'static str, peer: &'static str, at_most: f64) -> Goal {
    Goal {
        unit: Unit::Faults,
        ..instructions(workload, peer, at_most)
    }
}

pub(crate) const fn instructions(workload: &'static str, peer: &'static str, at_most: f64) -> Goal {
    Goal {
        workload,
        peer,
        at_most,
        unit: Unit::Instructions,
    }
}

impl Goal {
    /// Tell whether a count is no more than `bound`, but for what counts are off by.
    pub(crate) fn allows(&self, measured: f64, bound: f64) -> bool {
        measured
            <= bound
                + match self.unit {
                    Unit::Instructions => tolerance(bound),
                    Unit::Faults => FAULT_TOLERANCE,
                }
    }
}

/// Instructions an operation.
pub(crate) const INSTRUCTIONS: &[Goal] = &[
    instructions("one-u64", "arena-core", 9.0),
    instructions("one-u64", "arena-core-1", 11.0),
    instructions("forty-bytes", "arena-core", 13.0),
    instructions("forty-bytes", "arena-core-1", 15.0),
    instructions("mixed-layouts", "arena-core", 16.0),
    instructions("mixed-layouts", "arena-core-1", 14.0),
    instructions("slices-and-str", "arena-core", 27.0),
    instructions("slices-and-str", "arena-core-1", 25.0),
    instructions("vec-push", "arena-core", 11.0),
    instructions("rewind", "arena-core", 123.0),
    // 1.3 and 2.5 times what a block takes of an arena that the thread owns.
    instructions("two-threads", "arena-core-local", 1.3 * 9.0),
    instructions("two-threads", "arena-core-shared", 2.5 * 9.0),
];

/// Instructions an operation above the hand-written limit, where the limit is not the one the
/// goals were first measured against.
pub(crate) const ABOVE_LIMIT: &[Goal] = &[
    instructions("short-lived", "arena-core", 32.0),
    instructions("tree", "arena-core", 1.0),
];

/// How many times the instructions of another peer a workload may take, in the same run.
pub(crate) const RATIOS: &[(&str, &str, f64, &str)] = &[
    ("freed-line", "traced-canary", 4.0, "arena-core"),
    // Off is nothing: the same instructions, to one in a hundred operations.
    ("freed-line", "traced-off", 1.0, "arena-core"),
    ("fresh-line", "traced-off", 1.0, "arena-core"),
    ("fresh-freed-line", "traced-off", 1.0, "arena-core"),
    // Two events more: some 150 instructions each, which take a third of the 150 ns they may.
    ("fresh-freed-line", "traced-recording", 2.5, "traced-canary"),
];

/// How many times the page faults of another peer a workload may take, in the same run, where there are
/// huge pages.
pub(crate) const FAULT_RATIOS: &[(&str, &str, f64, &str)] = &[
    ("fresh-line", "traced-canary", 1.25, "arena-core"),
    ("fresh-freed-line", "traced-canary", 1.25, "arena-core"),
];

/// Page faults. Those with huge pages hold only where the kernel has them to give.
pub(crate) const FAULTS: &[Goal] = &[
    faults("vec-faults", "arena-core", 4_100.0),
    faults("vec-faults", "arena-core-small-pages", 4_100.0),
    faults("vec-faults", "arena-core-huge-pages", 10.0),
    faults("cold-objects", "arena-core", 1_030.0),
    faults("cold-objects", "arena-core-small-pages", 262_150.0),
    faults("cold-objects", "arena-core-huge-pages", 520.0),
];

/// What a count may be off by: half an instruction, or a hundredth. A vector that grows, or a heap
/// that is a little fuller, moves a mean by less.
fn tolerance(at_most: f64) -> f64 {
    (at_most / 100.0).max(0.5)
}

/// What page faults may be off by: the first touch of a page of code or of the stack is one too.
const FAULT_TOLERANCE: f64 = 2.0;

/// Peers that instructions are compared with: the general-purpose arenas and the typed one.
const RIVALS: [&str; 5] = [
    "bumpalo",
    "bump-scope-8",
    "bump-scope",
    "blink-alloc",
    "typed-arena",
];

/// Fail if a goal is missed, or a peer is better.
pub(crate) fn hold(
    counts: &[Figure],
    fault_counts: &[Figure],
    traced: &[Figure],
    traced_faults: &[Figure],
) -> Outcome {
    let mut failures: Vec<String> = Vec::new();
    let mut judge = |verdict: Verdict| match verdict {
        Verdict::Held(line) => println!("{line}"),
        Verdict::Failed(line) => failures.push(line),
    };
    for goal in INSTRUCTIONS {
        judge(against(goal, counts, 0.0));
    }
    for goal in ABOVE_LIMIT {
        let limit = value(counts, goal.workload, "limit");
        judge(against(goal, counts, limit.unwrap_or(0.0)));
    }
    for &ratio in RATIOS {
        judge(against_ratio(ratio, traced));
    }
    let huge_pages = huge_pages();
    for goal in FAULTS {
        if goal.peer == "arena-core-small-pages" || huge_pages {
            judge(against(goal, fault_counts, 0.0));
        }
    }
    for &ratio in FAULT_RATIOS.iter().filter(|_| huge_pages) {
        judge(against_ratio(ratio, traced_faults));
    }
    for goal in INSTRUCTIONS.iter().chain(ABOVE_LIMIT) {
        if goal.peer == "arena-core" {
            judge(against_rivals(goal, counts));
        }
    }
    if !huge_pages {
        println!("not judged: faults with huge pages, which this kernel does not give on advice");
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// How a goal stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Held(String),
    Failed(String),
}

fn against(goal: &Goal, figures: &[Figure], above: f64) -> Verdict {
    let Goal { workload, peer, .. } = goal;
    let at_most = goal.at_most + above;
    let Some(measured) = value(figures, workload, peer) else {
        return Verdict::Failed(format!("{workload} on {peer}: not measured"));
    };
    let line = format!("{workload} on {peer}: {measured:.1}, the goal is {at_most:.1}");
    if goal.allows(measured, at_most) {
        return Verdict::Held(format!("held     {line}"));
    }
    Verdict::Failed(line)
}

/// No more than so many times another peer's count; what counts are off by is not forgiven here.
fn against_ratio(
    (workload, peer, times, other): (&str, &str, f64, &str),
    counts: &[Figure],
) -> Verdict {
    let of = |peer| value(counts, workload, peer);
    let (Some(measured), Some(bare)) = (of(peer), of(other)) else {
        return Verdict::Failed(format!("{workload} on {peer} and {other}: not measured"));
    };
    let line = format!(
        "{workload} on {peer}: {measured:.1}, the goal is {times:.1} times {bare:.1} on {other}"
    );
    match measured <= times * bare + 0.01 {
        true => Verdict::Held(format!("held     {line}")),
        false => Verdict::Failed(line),
    }
}

/// No better peer: not for the same minimum alignment, nor for the better of arena-core's two.
fn against_rivals(goal: &Goal, counts: &[Figure]) -> Verdict {
    let workload = goal.workload;
    let of = |peer: &str| value(counts, workload, peer).unwrap_or(f64::INFINITY);
    let (ours, best_of_ours) = (of("arena-core"), of("arena-core").min(of("arena-core-1")));
    let (rival, theirs) = RIVALS
        .iter()
        .map(|&rival| (rival, of(rival)))
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .expect("there are rivals");
    let aligned = of("bump-scope-8");
    let line = format!(
        "{workload}: arena-core {ours:.1} (the better of its two {best_of_ours:.1}), \
         {rival} {theirs:.1}, bump-scope-8 {aligned:.1}"
    );
    let level = ours <= aligned + tolerance(aligned) && best_of_ours <= theirs + tolerance(theirs);
    if level {
        Verdict::Held(format!("held     {line}"))
    } else {
        Verdict::Failed(format!("a peer is better: {line}"))
    }
}

/// Whether the kernel gives huge pages to whoever asks.
fn huge_pages() -> bool {
    fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|modes| !modes.contains("[never]"))
}

#[cfg(test)]
mod tests {
    use super::super::data::Spread;
    use super::*;

    fn figure(workload: &str, peer: &str, value: f64) -> Figure {
        Figure {
            workload: workload.to_owned(),
            peer: peer.to_owned(),
            spread: Spread::of(&[value]),
            title: peer.to_owned(),
        }
    }

    #[test]
    fn a_goal_is_held_or_missed() {
        let hold = instructions("one-u64", "arena-core", 9.0);
        let at = |value| [figure("one-u64", "arena-core", value)];
        assert!(matches!(against(&hold, &at(9.4), 0.0), Verdict::Held(_)));
        assert!(matches!(against(&hold, &at(9.6), 0.0), Verdict::Failed(_)));
        assert!(matches!(against(&hold, &at(9.6), 1.0), Verdict::Held(_)));
        assert!(matches!(against(&hold, &[], 0.0), Verdict::Failed(_)));
    }

    #[test]
    fn a_ratio_is_held_or_missed() {
        let ratio = ("freed-line", "traced-canary", 4.0, "arena-core");
        let at = |value| {
            let bare = figure("freed-line", "arena-core", 27.0);
            [figure("freed-line", "traced-canary", value), bare]
        };
        assert!(matches!(against_ratio(ratio, &at(108.0)), Verdict::Held(_)));
        assert!(matches!(
            against_ratio(ratio, &at(108.1)),
            Verdict::Failed(_)
        ));
        let none = against_ratio(ratio, &at(108.0)[..1]);
        assert!(matches!(none, Verdict::Failed(_)));
    }

    #[test]
    fn a_better_peer_is_a_failure() {
        let hold = instructions("tree", "arena-core", 9.0);
        let with = |peer, value| {
            let ours = figure("tree", "arena-core", 9.0);
            against_rivals(&hold, &[ours, figure("tree", peer, value)])
        };
        assert!(matches!(with("bumpalo", 9.0), Verdict::Held(_)));
        assert!(matches!(with("bumpalo", 8.0), Verdict::Failed(_)));
        assert!(matches!(with("limit", 8.0), Verdict::Held(_)));
    }
}

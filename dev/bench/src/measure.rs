//! What is read off besides callgrind's counts: time and page faults.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::ability::Make;

/// How much to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// Operations, or the depth of a tree.
    pub(crate) count: u64,
    /// How often. With more than one, the first only warms the memory.
    pub(crate) passes: u64,
}

impl Task {
    /// How many passes are timed.
    pub(crate) fn timed_passes(self) -> u64 {
        (self.passes - 1).max(1)
    }

    fn counts(self, round: u64) -> bool {
        round > 0 || self.passes == 1
    }
}

/// What came out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// All passes together, but for the first if there are more.
    pub(crate) timed: Duration,
    /// Ending the arena.
    pub(crate) drop: Duration,
    /// Minor page faults from before the arena is made until before it is dropped.
    pub(crate) faults: i64,
}

/// Run `pass` as often as asked on one arena.
pub(crate) fn measure<A: Make>(
    task: Task,
    make: impl FnOnce() -> A,
    pass: impl Fn(&mut A),
) -> Measured {
    let faults_before = faults();
    let mut arena = make();
    let mut timed = Duration::ZERO;
    for round in 0..task.passes {
        if round > 0 {
            arena.empty();
        }
        let start = Instant::now();
        pass(&mut arena);
        arena.free_each();
        if task.counts(round) {
            timed += start.elapsed();
        }
    }
    let faults = faults() - faults_before;
    let start = Instant::now();
    drop(arena);
    Measured {
        timed,
        drop: start.elapsed(),
        faults,
    }
}

/// Run something that makes its own arenas.
pub(crate) fn measure_whole(task: Task, pass: impl Fn()) -> Measured {
    let faults_before = faults();
    let mut timed = Duration::ZERO;
    for round in 0..task.passes {
        let start = Instant::now();
        pass();
        if task.counts(round) {
            timed += start.elapsed();
        }
    }
    Measured {
        timed,
        drop: Duration::ZERO,
        faults: faults() - faults_before,
    }
}

fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .expect("a process may ask about itself")
        .minor_page_faults()
}

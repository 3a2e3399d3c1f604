//! What is read off besides callgrind's counts: time and page faults.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

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
    /// The same, as far as this thread ran: what others had of the processor is left out.
    pub(crate) processor: Duration,
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
    let mut clock = Clock::default();
    for round in 0..task.passes {
        if round > 0 {
            arena.empty();
        }
        clock.time(task.counts(round), || {
            pass(&mut arena);
            arena.free_each();
        });
    }
    let faults = faults() - faults_before;
    let start = Instant::now();
    drop(arena);
    Measured {
        timed: clock.timed,
        processor: clock.processor,
        drop: start.elapsed(),
        faults,
    }
}

/// Run `pass` once on each of as many fresh arenas, and let the median stand for all.
///
/// Memory that nobody has touched is not the same from one moment to the next: a virtual machine gives
/// what was freed back to its host within seconds, and then a first touch is a fault of the host's as
/// well, for five to thirty times as long. An arena that follows another one gets the other's pages, and
/// a median leaves out the passes that the host has come between all the same.
pub(crate) fn measure_fresh<A: Make>(
    task: Task,
    make: impl Fn() -> A,
    pass: impl Fn(&mut A),
) -> Measured {
    let once = Task { passes: 1, ..task };
    let mut rounds: Vec<Measured> = (0..task.passes)
        .map(|_| measure(once, &make, &pass))
        .collect();
    let faults = rounds[0].faults;
    let counted = &mut rounds[usize::from(task.passes > 1)..];
    counted.sort_by_key(|round| round.processor);
    let median = counted[counted.len() / 2];
    let passes = u32::try_from(task.timed_passes()).expect("a few passes");
    Measured {
        timed: median.timed * passes,
        processor: median.processor * passes,
        faults,
        ..median
    }
}

/// Run something that makes its own arenas.
pub(crate) fn measure_whole(task: Task, pass: impl Fn()) -> Measured {
    let faults_before = faults();
    let mut clock = Clock::default();
    for round in 0..task.passes {
        clock.time(task.counts(round), &pass);
    }
    Measured {
        timed: clock.timed,
        processor: clock.processor,
        drop: Duration::ZERO,
        faults: faults() - faults_before,
    }
}

#[derive(Default)]
struct Clock {
    timed: Duration,
    processor: Duration,
}

impl Clock {
    fn time(&mut self, counts: bool, pass: impl FnOnce()) {
        let (start, processor) = (Instant::now(), processor_time());
        pass();
        if counts {
            self.processor += processor_time() - processor;
            self.timed += start.elapsed();
        }
    }
}

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("a thread may ask about itself")
        .into()
}

fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .expect("a process may ask about itself")
        .minor_page_faults()
}

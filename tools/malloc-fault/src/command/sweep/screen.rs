//! What a person sees while a sweep goes on: the announcement, groups as they are found, and a bar on a terminal.

use crate::command::show;
use crate::sweep::{Group, Point, Progress, Reference};
use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// How often the bar is drawn anew.
const PACE: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;

#[derive(Debug)]
pub(super) struct Screen {
    quiet: bool,
    terminal: bool,
    drawn: Option<Instant>,
    bad: usize,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            terminal: stderr().is_terminal(),
            drawn: None,
            bad: 0,
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Progress for Screen {
    fn begins(&mut self, reference: &Reference, points: usize, estimate: Duration) {
        if self.quiet {
            return;
        }
        let trace = &reference.trace;
        let calls = trace.calls.len();
        let same = if reference.deterministic {
            "the same in two runs"
        } else if reference.same_output {
            "other calls in a second run: points are found by their stacks"
        } else {
            "other output in a second run: outputs are not compared"
        };
        eprintln!(
            "{calls} calls from {} stacks, {:.1?} a run; {same}",
            reference.stacks(),
            reference.took
        );
        if !reference.is_simple() {
            eprintln!(
                "{} threads, {} processes: points that a fork cannot judge are run from the start",
                trace.threads, trace.processes
            );
        }
        if trace.calls_lost > 0 {
            eprintln!(
                "{} calls found no room in the list and are not swept",
                trace.calls_lost
            );
        }
        eprintln!("{points} points, about {:.1?}", estimate);
    }

    fn judged(&mut self, done: usize, of: usize, point: &Point) {
        self.bad += usize::from(point.verdict.is_bad());
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() > PACE);
        if self.quiet || !self.terminal || !due {
            return;
        }
        let full = done * WIDTH / of.max(1);
        let bar: String = (0..WIDTH)
            .map(|index| if index < full { '█' } else { '░' })
            .collect();
        eprint!("\r\x1b[K{bar} {done}/{of}, {} bad", self.bad);
        // A bar that cannot be drawn is no reason to stop.
        let _ = stderr().flush();
        self.drawn = Some(Instant::now());
    }

    fn found(&mut self, group: &Group) {
        if self.quiet {
            return;
        }
        self.clear();
        eprintln!(
            "{} ({})  {}",
            group.verdict,
            group.ending,
            show::short(&group.stack)
        );
    }
}

//! Fails every allocation of a program in turn, and judges what becomes of it.
//!
//! Two runs without failures say what is normal, and whether the program does the same twice. Then one run explores all points:
//! at each call the interposer forks, the child gets the failure and runs to its end, and the parent goes on. Points where a
//! fork is not sound are run again from the start. See [`judge`] for the verdicts.

mod again;
mod budget;
mod explore;
mod folder;
mod group;
mod judge;
mod output;
mod reference;
mod verdict;

pub(crate) use budget::Budget;
pub(crate) use group::Group;
pub(crate) use reference::Reference;
pub(crate) use verdict::{Shape, ShapeBurst, Verdict};

use crate::error::Error;
use crate::launch::Launch;
use crate::symbols::Symbols;
use crate::{channel::rerun, interrupt, target};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is swept, and how.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) chdir: Option<PathBuf>,
    /// Each run starts in a fresh copy of this folder.
    pub(crate) scratch: Option<PathBuf>,
    pub(crate) follow_exec: bool,
    pub(crate) shapes: Vec<Shape>,
    /// So many points, spread evenly; all if there is no number.
    pub(crate) sample: Option<usize>,
    /// Only calls for these sizes.
    pub(crate) sizes: (u64, u64),
    /// Only calls with this function or module on the stack.
    pub(crate) only: Option<String>,
    /// The longest that a point may take; ten runs and four seconds if there is none.
    pub(crate) limit: Option<Duration>,
    pub(crate) jobs: usize,
    /// Never fork: run again for each point.
    pub(crate) always_again: bool,
    /// Soft ceilings to try, as parts of the largest live sum.
    pub(crate) ceilings: bool,
    /// An errno that succeeding calls leave behind.
    pub(crate) noise: Option<i32>,
}

/// What became of the program after one failure.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// Index of the first call that failed, in the reference's trace; `None` for shapes without one.
    pub(crate) call: Option<usize>,
    pub(crate) shape: Shape,
    pub(crate) verdict: Verdict,
    /// Calls failed on purpose.
    pub(crate) failed: u64,
    /// Whether the same functions asked for the same size again.
    pub(crate) retried: bool,
    /// Blocks and bytes lost that a clean run does not lose.
    pub(crate) lost: (u64, u64),
    /// How it ended, in words.
    pub(crate) ending: String,
    /// Where it crashed: names, the innermost first.
    pub(crate) crash: Vec<crate::symbols::Named>,
    /// Why it was run from the start; one of [`rerun`].
    pub(crate) again: u32,
}

/// All that a sweep found.
#[derive(Debug)]
pub(crate) struct Swept {
    pub(crate) reference: Reference,
    pub(crate) points: Vec<Point>,
    pub(crate) groups: Vec<Group>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) selected: usize,
    pub(crate) took: Duration,
    pub(crate) interrupted: bool,
    /// The forked children disturbed the program, so all points were run again.
    pub(crate) disturbed: bool,
}

/// Is told how a sweep goes on.
pub(crate) trait Progress {
    /// The reference runs are done; the sweep begins.
    fn begins(&mut self, reference: &Reference, points: usize, estimate: Duration);
    /// A point is judged: the sum so far.
    fn judged(&mut self, done: usize, of: usize, point: &Point);
    /// A group was seen for the first time.
    fn found(&mut self, group: &Group);
}

/// Sweeps a program.
pub(crate) fn sweep(
    settings: &Settings,
    input: Option<OwnedFd>,
    progress: &mut dyn Progress,
) -> Result<Swept, Error> {
    let program = target::find(&settings.program)?;
    let stage = Stage {
        settings,
        program,
        input,
    };
    let reference = Reference::take(&stage)?;
    let began = Instant::now();
    let (own, foreign) = reference.select(settings)?;
    let total = (own.len() + foreign.len()) * settings.shapes.len();
    progress.begins(&reference, total, reference.estimate(total, settings));
    let mut judging = judge::Judging::new(&stage, reference, total, progress);
    let mut disturbed = false;
    for calls in [&own, &foreign] {
        if calls.is_empty() || interrupt::is_asked() {
            continue;
        }
        let mut left = Vec::new();
        if settings.always_again {
            left = judging.all_of(calls, rerun::NO);
        } else if explore::explore(&stage, calls, &mut judging, &mut left)?
            == explore::End::Disturbed
        {
            disturbed = true;
            judging.forget(calls);
            left = judging.all_of(calls, rerun::SHARED);
        }
        again::run(&stage, &mut judging, &left)?;
    }
    if !interrupt::is_asked() {
        again::without_calls(&stage, &mut judging)?;
    }
    let (reference, points, groups, mut symbols) = judging.finish()?;
    let budgets = budget::budgets(&reference, &points, &mut symbols);
    Ok(Swept {
        reference,
        points,
        groups,
        budgets,
        selected: own.len() + foreign.len(),
        took: began.elapsed(),
        interrupted: interrupt::is_asked(),
        disturbed,
    })
}

/// Starts the program, in each run in the same way.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) settings: &'a Settings,
    /// Found and looked at once for all runs.
    program: PathBuf,
    input: Option<OwnedFd>,
}

impl Stage<'_> {
    /// The program, ready to be run; and the folder that it runs in, if that is to be removed.
    pub(crate) fn launch(&self) -> Result<(Launch, Option<tempfile::TempDir>), Error> {
        let settings = self.settings;
        let mut launch = Launch::checked(self.program.clone())
            .args(&settings.arguments)
            .captured();
        if settings.follow_exec {
            launch = launch.follow_exec();
        }
        if let Some(folder) = &settings.chdir {
            launch = launch.current_dir(folder);
        }
        let scratch = settings.scratch.as_deref().map(folder::copy).transpose()?;
        if let Some(copy) = &scratch {
            launch = launch.current_dir(copy.path());
        }
        if let Some(input) = &self.input {
            launch = launch.input(folder::open_anew(input)?);
        }
        Ok((launch, scratch))
    }
}

/// Names for the modules of a run.
pub(crate) fn symbols(reference: &Reference) -> Symbols {
    Symbols::new(reference.trace.modules.clone())
}

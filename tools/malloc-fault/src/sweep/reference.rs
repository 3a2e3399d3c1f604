//! What the program does without failures, twice.

use super::{Settings, Shape, Stage};
use crate::channel::Kind;
use crate::error::Error;
use crate::launch::Run;
use crate::shared::Shared;
use crate::symbols::Symbols;
use crate::trace::{CallSeen, Trace};
use std::collections::{HashMap, HashSet};
use std::process::ExitStatus;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The longest that the program may take without failures, if no limit is given.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a point may take beyond ten runs: a busy machine, an abort that first reads debug information.
const SLACK: Duration = Duration::from_secs(4);

/// A run without failures.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) trace: Trace,
    /// Of each call of the trace, what identifies it.
    pub(crate) keys: Vec<Key>,
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) took: Duration,
    /// Whether a second run made the same calls and printed the same.
    pub(crate) deterministic: bool,
    /// Whether a second run printed the same.
    pub(crate) same_output: bool,
    /// Blocks and bytes that are lost without any failure, by their stack's hash.
    pub(crate) lost: HashMap<u64, (u64, u64)>,
    /// The largest sum of live bytes.
    pub(crate) peak: u64,
    /// What the first run has left: what was worked out about code and stacks serves the run that explores.
    pub(crate) channel: Shared,
}

/// A call by its stack, its functions and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) stack: u64,
    pub(crate) site: u64,
    pub(crate) size: u64,
}

impl Reference {
    /// Runs the program twice.
    pub(crate) fn take(stage: &Stage<'_>) -> Result<Self, Error> {
        let limit = stage.settings.limit.unwrap_or(PATIENCE).max(PATIENCE);
        let (first, took) = run(stage, limit)?;
        let (second, took_again) = run(stage, limit)?;
        let (trace, again) = (first.trace(), second.trace());
        if trace.calls.is_empty() {
            return Err(Error::Refused(format!(
                "{}: makes no allocation call that could fail",
                first.program().display()
            )));
        }
        let keys = keys(&trace);
        let same_output = first.status() == second.status()
            && first.stdout() == second.stdout()
            && first.stderr() == second.stderr();
        Ok(Self {
            deterministic: keys == self::keys(&again) && same_output,
            same_output,
            keys,
            status: first.status(),
            out: first.stdout().to_owned(),
            err: first.stderr().to_owned(),
            took: took.min(took_again),
            lost: lost(&first),
            peak: first.channel.header.live_high_water_mark.load(Relaxed),
            trace,
            channel: first.channel,
        })
    }

    /// The longest that a point may take.
    pub(crate) fn limit(&self, settings: &Settings) -> Duration {
        settings.limit.unwrap_or(self.took * 10 + SLACK)
    }

    /// The calls to fail: those in the program's own code, then those in the loader, locale and stdio.
    pub(crate) fn select(&self, settings: &Settings) -> Result<(Vec<usize>, Vec<usize>), Error> {
        let mut symbols = super::symbols(self);
        let mut chosen: Vec<usize> = (0..self.trace.calls.len())
            .filter(|index| self.is_chosen(*index, settings, &mut symbols))
            .collect();
        if chosen.is_empty() {
            return Err(Error::Refused(
                "no call of the program passes the filters".to_owned(),
            ));
        }
        if let Some(sample) = settings.sample.filter(|sample| *sample < chosen.len()) {
            let all = chosen.len();
            chosen = (0..sample)
                .map(|index| chosen[index * all / sample])
                .collect();
        }
        Ok(chosen.into_iter().partition(|index| self.is_own(*index)))
    }

    fn is_chosen(&self, index: usize, settings: &Settings, symbols: &mut Symbols) -> bool {
        let call = &self.trace.calls[index];
        let (min, max) = settings.sizes;
        let resizes = matches!(call.kind, Kind::Realloc | Kind::Reallocarray);
        if call.size < min || call.size > max || resizes && call.size == 0 {
            return false;
        }
        settings.only.as_ref().is_none_or(|wanted| {
            let stack = symbols.stack(&self.trace.stack(call.stack));
            stack
                .iter()
                .any(|frame| frame.function == *wanted || frame.module == *wanted)
        })
    }

    /// Whether a call is made by other code than libc and the loader.
    fn is_own(&self, index: usize) -> bool {
        let stack = self.trace.stack(self.trace.calls[index].stack);
        let module = stack
            .frames
            .first()
            .and_then(|frame| self.trace.modules.get(frame.module as usize));
        let name = module
            .and_then(|path| path.file_name())
            .map(|name| name.to_string_lossy());
        !name.is_some_and(|name| name.starts_with("libc.so") || name.starts_with("ld-linux"))
    }

    /// How long a sweep may take, if a point takes half a run.
    pub(crate) fn estimate(&self, points: usize, settings: &Settings) -> Duration {
        let jobs = u32::try_from(settings.jobs.max(1)).unwrap_or(1);
        self.took * u32::try_from(points).unwrap_or(u32::MAX) / 2 / jobs
    }

    /// Which call with this stack a call is, counted from 1.
    pub(crate) fn hit(&self, index: usize) -> u64 {
        let stack = self.keys[index].stack;
        self.keys[..=index]
            .iter()
            .filter(|key| key.stack == stack)
            .count() as u64
    }

    /// The index of a call by its process and its number there.
    pub(crate) fn index_of(&self, process: u32, number: u64) -> Option<usize> {
        let guess = usize::try_from(number).ok()?.checked_sub(1)?;
        let is_it = |call: &CallSeen| call.number == number && call.process == process;
        if self.trace.calls.get(guess).is_some_and(is_it) {
            return Some(guess);
        }
        self.trace.calls.iter().position(is_it)
    }

    /// Whether any thread or process but the first made calls.
    pub(crate) fn is_simple(&self) -> bool {
        self.trace.threads <= 1 && self.trace.processes <= 1
    }

    /// The stacks that the trace names, each once.
    pub(crate) fn stacks(&self) -> usize {
        self.keys
            .iter()
            .map(|key| key.stack)
            .collect::<HashSet<_>>()
            .len()
    }
}

fn run(stage: &Stage<'_>, limit: Duration) -> Result<(Run, Duration), Error> {
    let (launch, _scratch) = stage.launch()?;
    let program = launch.program().to_owned();
    let began = Instant::now();
    let run = launch.leaks().time_limit(limit).run()?;
    if run.is_timed_out() {
        return Err(Error::Endless(program, limit.as_secs()));
    }
    Ok((run, began.elapsed()))
}

fn keys(trace: &Trace) -> Vec<Key> {
    let key = |call: &CallSeen| {
        let stack = trace.stack_ref(call.stack);
        Key {
            stack: stack.map_or(0, |stack| stack.hash),
            site: stack.map_or(0, |stack| stack.site),
            size: call.size,
        }
    };
    trace.calls.iter().map(key).collect()
}

fn lost(run: &Run) -> HashMap<u64, (u64, u64)> {
    let record = &run.channel.points[0];
    super::judge::lost_rows(&run.channel, record)
        .into_iter()
        .map(|(stack, blocks, bytes)| (stack, (blocks, bytes)))
        .collect()
}

/// The shapes of a sweep with the one that finds budgets.
pub(crate) fn with_budget(shapes: &[Shape]) -> Vec<Shape> {
    let mut all = shapes.to_vec();
    if !all.contains(&Shape::BUDGET) {
        all.push(Shape::BUDGET);
    }
    all
}

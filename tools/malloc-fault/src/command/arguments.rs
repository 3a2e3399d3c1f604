//! The command line.

use crate::error::Error;
use crate::launch::Launch;
use crate::plan::{Burst, Chance, FaultPlan, PERSISTENT, PlanError, Schedule, StackHit};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Make malloc fail on purpose in any dynamically linked program, and see what becomes of it.
#[derive(Parser, Debug)]
#[command(name = "malloc-fault", version)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) what: What,
}

#[derive(Subcommand, Debug)]
pub(super) enum What {
    /// List the allocation calls of a program, with the places that made them
    Trace(TraceArguments),
    /// Run a program once under one plan
    Run(Box<RunArguments>),
    /// Fail every allocation of a program in turn, and judge what becomes of it
    Sweep(Box<SweepArguments>),
}

/// The program and how it is started.
#[derive(Args, Debug)]
pub(super) struct Program {
    /// Count in the programs, too, that this one executes
    #[arg(long)]
    pub(super) follow_exec: bool,

    /// Run the program in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) chdir: Option<PathBuf>,

    /// The program and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(super) program: Vec<OsString>,
}

impl Program {
    pub(super) fn launch(&self) -> Result<Launch, Error> {
        let (program, arguments) = self
            .program
            .split_first()
            .ok_or_else(|| Error::Refused("no program is given: write it after --".to_owned()))?;
        let mut launch = Launch::new(program)?.args(arguments);
        if self.follow_exec {
            launch = launch.follow_exec();
        }
        if let Some(folder) = &self.chdir {
            launch = launch.current_dir(folder);
        }
        Ok(launch)
    }
}

#[derive(Args, Debug)]
pub(super) struct TraceArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// Print the whole stack of each call
    #[arg(long)]
    pub(super) stacks: bool,

    /// Write the list to this file in place of standard error
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    #[command(flatten)]
    pub(super) program: Program,
}

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) plan: PlanArguments,

    /// Print each call as it was counted
    #[arg(long)]
    pub(super) log: bool,

    /// Print what was done as one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// Look for lost blocks when the program ends
    #[arg(long)]
    pub(super) leaks: bool,

    /// End the program after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<f64>,

    #[command(flatten)]
    pub(super) program: Program,
}

impl RunArguments {
    pub(super) fn limit(&self) -> Result<Option<Duration>, Error> {
        self.timeout.map(seconds).transpose()
    }
}

/// A number of seconds as a time.
pub(super) fn seconds(seconds: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::Refused(format!("{seconds} s is no time limit")))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum BurstArgument {
    /// The call and those directly after it
    Consecutive,
    /// So many in total, of those that pass the filters
    Total,
    /// So many at the place of the first
    Site,
}

/// Which calls fail.
#[derive(Args, Debug)]
#[command(next_help_heading = "Which calls fail")]
pub(super) struct PlanArguments {
    /// The first call that fails, counted from 1
    #[arg(long, value_name = "N", conflicts_with = "stack")]
    pub(super) at: Option<u64>,

    /// How many fail, or `all`
    #[arg(long, value_name = "K", default_value = "1", value_parser = count)]
    pub(super) count: u64,

    /// What the count is about
    #[arg(long, value_enum, default_value = "consecutive")]
    pub(super) burst: BurstArgument,

    /// A call with this stack, innermost function first: `xmalloc:12 < parse < main`; found by a run without failures
    #[arg(long, value_name = "STACK")]
    pub(super) stack: Option<String>,

    /// Which call with that stack
    #[arg(long, value_name = "J", default_value = "1")]
    pub(super) hit: u64,

    /// Call k fails if and only if the k-th digit is 1: `--schedule 00101`
    #[arg(long, value_name = "DIGITS", conflicts_with_all = ["at", "stack", "chance", "ceiling"])]
    pub(super) schedule: Option<String>,

    /// Only calls for these sizes: `24`, `16..64`, `1024..`
    #[arg(long, value_name = "SIZES")]
    pub(super) size: Option<String>,

    /// Only calls made directly by this function, or by any of this library: `parse`, `libjq.so.1`
    #[arg(long, value_name = "NAME")]
    pub(super) caller: Option<String>,

    /// Only calls of this thread, counted from 1 in the order of first calls
    #[arg(long, value_name = "T")]
    pub(super) thread: Option<u32>,

    /// Only calls of this process: 1 is the program, those that it forks follow
    #[arg(long, value_name = "P")]
    pub(super) process: Option<u32>,

    /// Count from where the program calls `malloc_fault_marker`
    #[arg(long)]
    pub(super) after_marker: bool,

    /// Fail what would bring the live bytes above this
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["at", "stack", "chance"])]
    pub(super) ceiling: Option<u64>,

    /// Fail each call with this probability, 0 to 1
    #[arg(long, value_name = "P", conflicts_with_all = ["at", "stack"])]
    pub(super) chance: Option<f64>,

    /// Another seed, other calls
    #[arg(long, value_name = "S", default_value = "1")]
    pub(super) seed: u64,

    /// Calls that succeed leave this in errno, as C allows
    #[arg(long, value_name = "ERRNO")]
    pub(super) noise: Option<i32>,

    /// The whole plan as text, as reports write it: `at=5,count=2`
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["at", "stack", "schedule", "ceiling", "chance"])]
    pub(super) plan: Option<String>,
}

fn count(text: &str) -> Result<u64, String> {
    if text == "all" {
        return Ok(PERSISTENT);
    }
    text.parse()
        .map_err(|_| "neither a number nor `all`".to_owned())
}

impl PlanArguments {
    /// The plan, without what a run must be seen for: a stack by its names, a caller by its name.
    pub(super) fn plan(&self) -> Result<FaultPlan, Error> {
        if let Some(text) = &self.plan {
            return Ok(FaultPlan::parse(text)?);
        }
        let mut plan = match &self.size {
            Some(sizes) => FaultPlan::parse(&format!("size={sizes}"))?,
            None => FaultPlan::NONE,
        };
        if self.at == Some(0) {
            return Err(PlanError::AtZero.into());
        }
        let filtered = self.size.is_some() || self.caller.is_some() || self.thread.is_some();
        let counts = self.stack.is_some() || self.schedule.is_some() || self.chance.is_some();
        plan.fail_at = self.at.unwrap_or_default();
        if self.at.is_none() && !counts && filtered && self.ceiling.is_none() {
            // A filter alone means the first call that passes it.
            plan.fail_at = 1;
        }
        plan.fail_count = self.count;
        plan.burst = match self.burst {
            BurstArgument::Consecutive => Burst::Consecutive,
            BurstArgument::Total => Burst::Total,
            BurstArgument::Site => Burst::Site,
        };
        if let Some(digits) = &self.schedule {
            plan.schedule = Schedule::parse(digits)?;
        }
        if let Some(chance) = self.chance {
            let per_million = (chance * 1e6).round();
            if !(0.0..=1e6).contains(&per_million) {
                return Err(PlanError::Chance.into());
            }
            plan.chance = Some(Chance {
                per_million: per_million as u32,
                seed: self.seed,
            });
        }
        plan.filter.thread = self.thread.unwrap_or_default();
        plan.filter.process = self.process.unwrap_or_default();
        plan.filter.after_marker = self.after_marker;
        plan.ceiling = self.ceiling;
        plan.noise = self.noise;
        if self.stack.is_some() {
            plan.stack = Some(StackHit {
                hash: 0,
                hit: self.hit,
            });
        }
        Ok(plan.check()?)
    }
}

#[derive(Args, Debug)]
pub(super) struct SweepArguments {
    /// Bursts of so many failures: `2`, `1..=3`
    #[arg(long, value_name = "K", default_value = "1..=3", value_parser = counts)]
    pub(super) count: (u64, u64),

    /// Also try: `persistent`, `total:K`, `site:K`, `ceiling`, `noise:ERRNO`
    #[arg(long, value_name = "SHAPE")]
    pub(super) shape: Vec<String>,

    /// Only so many points, spread evenly
    #[arg(long, value_name = "N")]
    pub(super) sample: Option<usize>,

    /// Only calls for these sizes: `24`, `16..64`
    #[arg(long, value_name = "SIZES")]
    pub(super) size: Option<String>,

    /// Only calls with this function or library on the stack
    #[arg(long, value_name = "NAME")]
    pub(super) only: Option<String>,

    /// The longest that one point may take, in seconds; else ten runs and four seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<f64>,

    /// How many points may run at a time; else as many as there are processors
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,

    /// Run from the start for each point, and never fork
    #[arg(long)]
    pub(super) rerun: bool,

    /// Start each run in a fresh copy of this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) scratch: Option<PathBuf>,

    /// Crashes, hangs and leaks that are known: no reason for exit status 1
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,

    /// Write what was found as a baseline
    #[arg(long, value_name = "FILE")]
    pub(super) write_baseline: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// Write a report for CI in JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,

    /// Open gdb at this call, just before it fails
    #[arg(long, value_name = "POINT")]
    pub(super) gdb: Option<u64>,

    #[command(flatten)]
    pub(super) program: Program,
}

fn counts(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("{text:?} is no burst: write `2`, or `1..=3`");
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (from, to) = match text.split_once("..=") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (number(text)?, number(text)?),
    };
    if from == 0 {
        return Err(PlanError::CountZero.to_string());
    }
    if from > to || to - from > 5 {
        return Err(format!(
            "{text:?} is no burst: it names at most 6 counts, the smaller first"
        ));
    }
    Ok((from, to))
}

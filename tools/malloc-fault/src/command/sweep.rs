//! `malloc-fault sweep`: every failure point, judged.

mod baseline;
mod gdb;
mod json;
mod junit;
mod screen;
mod table;

use super::arguments::{SweepArguments, seconds};
use super::print;
use crate::error::Error;
use crate::interrupt;
use crate::plan::{FaultPlan, PERSISTENT};
use crate::shared;
use crate::sweep::{Settings, Shape, ShapeBurst, Swept, sweep};
use baseline::Baseline;
use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::thread;

/// Exit status for a crash, hang or leak that no baseline lists.
const FOUND: u8 = 1;
/// Exit status after Ctrl-C, as shells give it.
const INTERRUPTED: u8 = 130;

pub(super) fn run(arguments: &SweepArguments) -> Result<ExitCode, Error> {
    if let Some(number) = arguments.gdb {
        return gdb::open(arguments, number);
    }
    let settings = settings(arguments)?;
    let baseline = arguments
        .baseline
        .as_deref()
        .map(Baseline::read)
        .transpose()?
        .unwrap_or_default();
    interrupt::listen();
    gather_orphans();
    let mut screen = screen::Screen::new(arguments.json);
    let swept = sweep(&settings, input()?, &mut screen);
    screen.clear();
    end_orphans();
    let swept = swept?;
    let write = |path, text: String| fs::write(path, text).map_err(Error::io("writing a report"));
    if let Some(path) = &arguments.junit {
        write(path, junit::report(&swept, &settings, &baseline))?;
    }
    if let Some(path) = &arguments.write_baseline {
        write(path, Baseline::of(&swept.groups))?;
    }
    print(&if arguments.json {
        format!("{}\n", json::report(&swept, &settings, &baseline))
    } else {
        table::report(&swept, &baseline)
    })?;
    Ok(status(&swept, &baseline))
}

fn status(swept: &Swept, baseline: &Baseline) -> ExitCode {
    if swept.interrupted {
        return ExitCode::from(INTERRUPTED);
    }
    let new = swept.groups.iter().any(|group| !baseline.lists(&group.key));
    if new {
        ExitCode::from(FOUND)
    } else {
        ExitCode::SUCCESS
    }
}

fn settings(arguments: &SweepArguments) -> Result<Settings, Error> {
    let (program, rest) = arguments
        .program
        .program
        .split_first()
        .ok_or_else(|| Error::Refused("no program is given: write it after --".to_owned()))?;
    if arguments.sample == Some(0) {
        return Err(Error::Refused(
            "--sample 0 leaves no point to sweep".to_owned(),
        ));
    }
    let sizes = match &arguments.size {
        Some(sizes) => FaultPlan::parse(&format!("size={sizes}"))?.filter,
        None => FaultPlan::NONE.filter,
    };
    let mut settings = Settings {
        program: program.clone(),
        arguments: rest.to_vec(),
        chdir: arguments.program.chdir.clone(),
        scratch: arguments.scratch.clone(),
        follow_exec: arguments.program.follow_exec,
        shapes: (arguments.count.0..=arguments.count.1)
            .map(Shape::consecutive)
            .collect(),
        sample: arguments.sample,
        sizes: (sizes.size_min, sizes.size_max),
        only: arguments.only.clone(),
        limit: arguments.timeout.map(seconds).transpose()?,
        jobs: arguments
            .jobs
            .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
            .clamp(1, 16),
        always_again: arguments.rerun,
        ceilings: false,
        noise: None,
    };
    for shape in &arguments.shape {
        add_shape(&mut settings, shape)?;
    }
    Ok(settings)
}

fn add_shape(settings: &mut Settings, text: &str) -> Result<(), Error> {
    let wrong = || {
        let words = "persistent, total:K, site:K, ceiling, noise:ERRNO";
        Error::Refused(format!("{text:?} is no shape: the shapes are {words}"))
    };
    let (name, number) = match text.split_once(':') {
        Some((name, number)) => (name, Some(number.parse::<u64>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let burst = |count, burst| Shape {
        count,
        burst,
        once: false,
    };
    match (name, number) {
        ("persistent", None) => settings.shapes.push(Shape::consecutive(PERSISTENT)),
        ("total", Some(count @ 1..)) => settings.shapes.push(burst(count, ShapeBurst::Total)),
        ("site", Some(count @ 1..)) => settings.shapes.push(burst(count, ShapeBurst::Site)),
        ("ceiling", None) => settings.ceilings = true,
        ("noise", Some(errno)) => settings.noise = Some(i32::try_from(errno).map_err(|_| wrong())?),
        _ => return Err(wrong()),
    }
    // The channel has room for eight, and one is the sweep's own.
    if settings.shapes.len() > 7 {
        return Err(Error::Refused("more than seven shapes at once".to_owned()));
    }
    Ok(())
}

/// What the program is to read: a file that can be opened anew for each run. A pipe is read to its end first.
fn input() -> Result<Option<OwnedFd>, Error> {
    let mut stdin = io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // Without standard input there is nothing to give on.
    if stdin.read_to_end(&mut bytes).is_err() || bytes.is_empty() {
        return Ok(None);
    }
    let file = shared::memory_file("input")?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let len = rustix::io::write(&file, rest).map_err(Error::system("keeping the input"))?;
        rest = &rest[len..];
    }
    Ok(Some(file))
}

/// Makes what the program's children leave behind this process's own.
fn gather_orphans() {
    // SAFETY: sets an attribute of this process.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// Ends what is left of the program's children.
fn end_orphans() {
    let path = format!("/proc/self/task/{}/children", std::process::id());
    for _ in 0..100 {
        let children = fs::read_to_string(&path).unwrap_or_default();
        let pids: Vec<i32> = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect();
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            // SAFETY: a child of this process that has not been waited for: everything of ours has.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            // SAFETY: waits for that child.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL) };
        }
    }
}

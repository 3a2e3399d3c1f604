//! Opens a debugger at a failure point.

use super::SweepArguments;
use crate::error::Error;
use crate::plan::{FaultPlan, StackHit};
use crate::shared::Shared;
use crate::{channel, interposer};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode};
use std::sync::atomic::Ordering::Relaxed;

/// Runs gdb with the program, stopped where the call is about to fail.
///
/// The call is found by its stack: under a debugger the numbers of calls may be others.
pub(super) fn open(arguments: &SweepArguments, number: u64) -> Result<ExitCode, Error> {
    let launch = arguments.program.launch()?;
    let program = launch.program().to_owned();
    let trace = launch.captured().run()?.trace();
    let stack_of = |slot| trace.stack(slot).hash;
    let call = trace
        .calls
        .iter()
        .find(|call| call.number == number && call.process == 1);
    let call = call.ok_or_else(|| {
        Error::Refused(format!(
            "the program makes {} calls: there is no call {number}",
            trace.calls.len()
        ))
    })?;
    let hash = stack_of(call.stack);
    let hit = trace
        .calls
        .iter()
        .take_while(|other| other.number != number)
        .filter(|other| stack_of(other.stack) == hash)
        .count();
    let plan = FaultPlan {
        fail_count: arguments.count.0,
        stack: Some(StackHit {
            hash,
            hit: hit as u64 + 1,
        }),
        ..FaultPlan::NONE
    };
    let library = interposer::file()?;
    let channel = Shared::new()?;
    channel.header.wants.store(channel::wants::STACKS, Relaxed);
    let wrapper = format!(
        "set exec-wrapper env LD_PRELOAD={} {}={plan} {}={}",
        library.path,
        channel::PLAN_VARIABLE,
        channel::CHANNEL_VARIABLE,
        channel.path()
    );
    let status = Command::new("gdb")
        .args(["-q", "-ex", &wrapper, "-ex", "set breakpoint pending on"])
        .args([
            "-ex",
            "break malloc_fault_failing",
            "-ex",
            "run",
            "-ex",
            "backtrace",
        ])
        .arg("--args")
        .arg(program)
        .args(&arguments.program.program[1..])
        .status()
        .map_err(|error| Error::Refused(format!("gdb cannot be started: {error}")))?;
    let code = status.code().or(status.signal()).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

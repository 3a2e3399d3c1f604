//! A process of its own for what must not happen in this one.
//!
//! [`report_of`] starts the same program again with a private subcommand. The new process has one thread and a fresh
//! heap, may tear its memory apart, and answers on standard output. Every wait has a deadline, and every child is
//! reaped.

use super::trouble::{During, Trouble};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::env;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The longest that a demo waits for another process. Each needs a few milliseconds; a machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The private subcommand. Its argument is the number of the demo.
const SUBCOMMAND: &str = "__child";

/// The number of the demo whose child this process is, if it was started as one.
#[must_use]
pub fn role() -> Option<String> {
    let mut arguments = env::args().skip(1);
    (arguments.next()? == SUBCOMMAND).then(|| arguments.next().unwrap_or_default())
}

/// The part that a child is to do, where its demo has several.
#[must_use]
pub fn act() -> Option<String> {
    env::args().nth(3)
}

/// How a child ended, and what it printed until then.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status, or the signal that ended it.
    pub status: ExitStatus,
    /// Its standard output.
    pub said: String,
}

/// Runs one part of the child of a demo, which may well end with a signal.
///
/// # Errors
///
/// If it cannot be started, or outlives the deadline (it is killed then).
pub fn end_of(number: &str, act: &str) -> Result<Ended, Trouble> {
    let mut command = Command::new(this_program());
    command.args([SUBCOMMAND, number, act]).stdin(Stdio::null());
    let doing = format!("the child of demo {number}, part {act:?}");
    ended(&mut command, &doing, DEADLINE)
}

/// Runs the child of a demo under another program, which is given as its name and arguments.
///
/// # Errors
///
/// If it cannot be started, or outlives the deadline (it is killed then).
pub fn end_under(under: &[&str], number: &str) -> Result<Ended, Trouble> {
    let (program, arguments) = under.split_first().unwrap_or((&"env", &[]));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(this_program())
        .args([SUBCOMMAND, number])
        .stdin(Stdio::null())
        // What the program has to say of itself is not the demo's.
        .stderr(Stdio::null());
    let doing = format!("the child of demo {number} under {program}");
    ended(&mut command, &doing, DEADLINE)
}

/// Runs the child of a demo and returns what it printed.
///
/// # Errors
///
/// If it cannot be started, outlives the deadline (it is killed then), or does not end with success.
pub fn report_of(number: &str) -> Result<String, Trouble> {
    let mut command = Command::new(this_program());
    command.args([SUBCOMMAND, number]).stdin(Stdio::null());
    output_of(
        &mut command,
        &format!("the child of demo {number}"),
        DEADLINE,
    )
}

fn output_of(command: &mut Command, doing: &str, patience: Duration) -> Result<String, Trouble> {
    let Ended { status, said } = ended(command, doing, patience)?;
    if status.success() {
        Ok(said)
    } else {
        Err(Trouble::new(format!("{doing} ended with {status}")))
    }
}

fn ended(command: &mut Command, doing: &str, patience: Duration) -> Result<Ended, Trouble> {
    let mut child = command.stdout(Stdio::piped()).spawn().during(doing)?;
    collect(&mut child, doing, patience)
}

/// Reads what a child prints, and reaps it in any case; killed first if it takes longer than our patience.
fn collect(child: &mut Child, doing: &str, patience: Duration) -> Result<Ended, Trouble> {
    let said = read_to_end(child, Instant::now() + patience);
    if said.is_err() {
        // It may have ended by itself meanwhile; then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().during(doing)?;
    said.map(|said| Ended { status, said })
}

/// The program that this process runs. Where no `/proc` is mounted its name must do.
#[must_use]
pub fn this_program() -> PathBuf {
    env::current_exe()
        .ok()
        .or_else(|| env::args_os().next().map(PathBuf::from))
        .unwrap_or_default()
}

/// Waits until a pipe has something to read or has been closed by all its writers.
///
/// # Errors
///
/// If neither happens before the deadline.
pub fn wait_readable(pipe: BorrowedFd<'_>, deadline: Instant) -> Result<(), Trouble> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pipe, PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(Trouble::new("the other process did not answer in time")),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Trouble::new(format!("poll: {error}"))),
        }
    }
}

fn read_to_end(child: &mut Child, deadline: Instant) -> Result<String, Trouble> {
    let Some(pipe) = child.stdout.as_mut() else {
        return Err(Trouble::new("the child has no pipe to answer through"));
    };
    let mut report = Vec::new();
    let mut part = [0; 1024];
    loop {
        wait_readable(pipe.as_fd(), deadline)?;
        match pipe.read(&mut part).during("the answer of the child")? {
            0 => break,
            n => report.extend_from_slice(&part[..n]),
        }
    }
    String::from_utf8(report).during("the answer of the child")
}

#[cfg(test)]
mod tests;

use super::{Reaped, Report, wait};
use crate::stage::child::DEADLINE;
use nix::errno::Errno;
use nix::unistd::{self, ForkResult, Pid, fork};
use std::os::fd::OwnedFd;
use std::time::Instant;

/// A child that does as it is told, with calls that are async-signal-safe and nothing else.
fn child(act: fn(&OwnedFd) -> i32) -> (Pid, OwnedFd) {
    let (from_child, to_parent) = unistd::pipe().expect("a pipe");
    // SAFETY: `act` makes only async-signal-safe calls, and the child ends with _exit.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Parent { child } => (child, from_child),
        ForkResult::Child => {
            let status = act(&to_parent);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(status) }
        }
    }
}

#[test]
fn a_child_that_never_ends_is_killed_and_reaped() {
    let (pid, _pipe) = child(|_| {
        // SAFETY: sleeps until a signal comes.
        unsafe { libc::pause() }
    });
    drop(Reaped(Some(pid)));
    assert_eq!(wait(pid), Err(Errno::ECHILD), "the child was left behind");
}

#[test]
fn a_child_that_ends_badly_is_trouble_and_reaped() {
    let (pid, pipe) = child(|_| 7);
    let trouble = Reaped(Some(pid)).reap(&pipe, Instant::now() + DEADLINE);
    assert!(trouble.is_err_and(|trouble| trouble.to_string().contains('7')));
    assert_eq!(wait(pid), Err(Errno::ECHILD));
}

#[test]
fn half_a_report_is_trouble() {
    let (pid, pipe) = child(|pipe| i32::from(unistd::write(pipe, b"half").is_err()));
    let report = Report::receive(&pipe, Instant::now() + DEADLINE);
    assert!(report.is_err_and(|trouble| trouble.to_string().contains("4 bytes")));
    drop(Reaped(Some(pid)));
}

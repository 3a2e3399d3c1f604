use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;

fn patience(deadline: Duration) -> Patience<'static> {
    Patience {
        deadline,
        stop: None,
    }
}

fn child(act: fn(u8)) -> Child<'static> {
    let patience = patience(Duration::from_secs(20));
    // SAFETY: the acts below are single system calls, or a panic.
    unsafe { Child::fork(patience, &mut |command| act(command)) }.unwrap()
}

/// Tell that nobody is left to wait for under this number.
fn is_reaped(pid: Pid) -> bool {
    waitpid(pid, None) == Err(Errno::ECHILD)
}

fn kill_self(_: u8) {
    // SAFETY: a signal to this process.
    unsafe { libc::raise(libc::SIGKILL) };
}

fn stop_self(_: u8) {
    // SAFETY: as above.
    unsafe { libc::raise(libc::SIGSTOP) };
}

#[test]
fn a_child_does_what_it_is_told_and_ends_when_the_parent_hangs_up() {
    let mut child = child(|_| ());
    let pid = child.pid().unwrap();
    for command in 0..=255 {
        assert_eq!(child.tell(command), Ok(()));
    }
    assert_eq!(child.end(), End::Exited { code: 0 });
    assert!(is_reaped(pid));
}

#[test]
fn an_interrupt_is_left_to_the_parent() {
    let mut child = child(|_| {
        // SAFETY: a signal to this process.
        unsafe { libc::raise(libc::SIGINT) };
    });
    assert_eq!(child.tell(b'x'), Ok(()));
    assert_eq!(child.end(), End::Exited { code: 0 });
}

#[test]
fn a_killed_child_is_an_answer() {
    let mut child = child(kill_self);
    let pid = child.pid().unwrap();
    let killed = End::Killed {
        signal: libc::SIGKILL,
    };
    assert_eq!(child.tell(b'x'), Err(Silence::Ended(killed)));
    assert!(is_reaped(pid));
    assert_eq!(child.tell(b'x'), Err(Silence::Ended(End::Lost)));
}

#[test]
fn a_child_that_does_not_answer_is_killed_after_the_deadline() {
    // SAFETY: a signal to itself.
    let child = unsafe { Child::fork(patience(Duration::from_millis(50)), &mut stop_self) };
    let mut child = child.unwrap();
    let pid = child.pid().unwrap();
    let start = Instant::now();
    let overdue = End::Overdue { seconds: 0.05 };
    assert_eq!(child.tell(b'x'), Err(Silence::Ended(overdue)));
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(is_reaped(pid));
}

#[test]
fn a_dropped_child_is_killed_and_reaped() {
    let child = child(|_| ());
    let pid = child.pid().unwrap();
    drop(child);
    assert!(is_reaped(pid));
}

#[test]
fn a_child_that_panics_does_not_return_into_the_caller() {
    let mut child = child(|_| {
        // Not a word on standard error: the hook would write there.
        std::panic::resume_unwind(Box::new("in the child"));
    });
    assert_eq!(
        child.tell(b'x'),
        Err(Silence::Ended(End::Exited { code: 101 }))
    );
}

#[test]
fn a_stop_ends_the_wait_and_no_child_is_left() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let patience = Patience {
        deadline: Duration::from_secs(20),
        stop: Some(&STOP),
    };
    // SAFETY: does nothing.
    let mut child = unsafe { Child::fork(patience, &mut |_| ()) }.unwrap();
    let pid = child.pid().unwrap();
    assert_eq!(child.tell(b'x'), Ok(()));
    STOP.store(true, Ordering::Relaxed);
    assert_eq!(child.tell(b'x'), Err(Silence::Interrupted));
    drop(child);
    assert!(is_reaped(pid));
}

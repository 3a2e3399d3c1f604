use super::{collect, output_of, wait_readable};
use nix::unistd::{pipe, write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

#[test]
fn a_silent_pipe_ends_the_wait_at_the_deadline() {
    let (reader, _writer) = pipe().expect("a pipe");
    let trouble = wait_readable(reader.as_fd(), soon()).expect_err("nothing was written");
    assert!(trouble.to_string().contains("in time"), "{trouble}");
}

#[test]
fn a_pipe_with_bytes_or_without_writers_is_readable() {
    let (reader, writer) = pipe().expect("a pipe");
    write(&writer, b"!").expect("written");
    assert!(wait_readable(reader.as_fd(), Instant::now() + PATIENCE).is_ok());
    let (reader, writer) = pipe().expect("a pipe");
    drop(writer);
    // A child that another test forks at this moment may hold the writing end a little longer.
    assert!(wait_readable(reader.as_fd(), Instant::now() + PATIENCE).is_ok());
}

#[test]
fn a_child_that_outlives_the_deadline_is_killed_and_reaped() {
    // cat waits for an end of input that does not come: this test holds the other end.
    let mut cat = Command::new("cat");
    let mut cat = cat
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cat starts");
    let collected = collect(&mut cat, "cat", Duration::from_millis(20));
    let trouble = collected.expect_err("cat has nothing to say");
    assert!(trouble.to_string().contains("in time"), "{trouble}");
    let status = cat.try_wait().expect("a child").expect("it was reaped");
    assert_eq!(status.signal(), Some(libc::SIGKILL));
}

#[test]
fn a_child_that_fails_is_named_with_its_status() {
    let mut fails = Command::new("false");
    let trouble = output_of(&mut fails, "the part", PATIENCE).expect_err("status 1");
    assert!(
        trouble
            .to_string()
            .contains("the part ended with exit status: 1"),
        "{trouble}"
    );
}

#[test]
fn a_child_that_cannot_be_started_is_trouble() {
    let mut missing = Command::new("/nonexistent/program");
    assert!(output_of(&mut missing, "the part", PATIENCE).is_err());
}

#[test]
fn what_a_child_prints_comes_back_whole() {
    let mut echo = Command::new("echo");
    echo.arg("three words here");
    let report = output_of(&mut echo, "echo", PATIENCE);
    assert_eq!(report.expect("printed"), "three words here\n");
}

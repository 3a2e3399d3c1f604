//! The demos at a terminal: a pseudo-terminal stands in for the reader's.

#![cfg(target_os = "linux")]

mod common;

use common::{LAUNCHER, NUMBERED, command, scratch};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, ptr};

/// A program at a terminal, and the reader's side of it.
struct Terminal {
    reader: File,
    child: Child,
    /// Everything on the screen so far.
    screen: String,
    /// How much of it earlier waits have seen.
    seen: usize,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let (mut reader, mut program) = (-1, -1);
        let (name, modes, size) = (ptr::null_mut(), ptr::null(), ptr::null());
        // SAFETY: two out-parameters that live through the call; the rest may be null.
        let refused = unsafe { libc::openpty(&mut reader, &mut program, name, modes, size) };
        assert_eq!(refused, 0, "a pseudo-terminal");
        // SAFETY: a descriptor that openpty made and nobody else owns.
        let reader = unsafe { OwnedFd::from_raw_fd(reader) };
        // SAFETY: as above.
        let program = unsafe { OwnedFd::from_raw_fd(program) };
        let side = || Stdio::from(program.try_clone().expect("a descriptor"));
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command
            .env("TERM", "xterm")
            .spawn()
            .expect("the program starts");
        Self {
            reader: File::from(reader),
            child,
            screen: String::new(),
            seen: 0,
        }
    }

    /// Reads until a text appears that no earlier wait has seen.
    fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(at) = self.screen[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let more = self.read_more(deadline);
            assert!(more, "{text:?} did not appear in:\n{}", self.screen);
        }
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.reader, "{line}").expect("the terminal takes a line");
    }

    /// Waits for the end of the program, and gives its exit status and the whole screen.
    fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.read_more(deadline) {}
        let status = self.child.wait().expect("the program ends");
        (status.code(), self.screen.clone())
    }

    /// False at the end of the terminal, which is when the last program at it has ended.
    fn read_more(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).expect("a short time");
        let mut fds = [PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, timeout).expect("poll");
        assert!(
            ready > 0,
            "nothing happened any more after:\n{}",
            self.screen
        );
        let mut bytes = [0; 4096];
        // Linux says EIO when nobody holds the program's side any more.
        let len = self.reader.read(&mut bytes).unwrap_or(0);
        // A letter of several bytes may be cut in two; no test looks for one.
        self.screen
            .push_str(&String::from_utf8_lossy(&bytes[..len]));
        len > 0
    }
}

fn at_terminal(test: &str, program: &str, arguments: &[&str]) -> Terminal {
    let mut command = command(program, &scratch(test));
    command.args(arguments);
    Terminal::start(command)
}

/// Wherever a test stops, its program does not stay behind.
impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_tour_asks_tells_and_goes_on_at_the_next_undone_demo() {
    let state = scratch("guided");
    let mut tour = Terminal::start(command(LAUNCHER, &state));
    tour.wait_for("Enter runs 08");
    tour.type_line("");
    tour.wait_for("Your answer (a-c, Enter passes)");
    tour.type_line("z");
    tour.wait_for("is none of them");
    tour.type_line("b");
    tour.wait_for("You said so.");
    tour.wait_for("Enter runs 09a");
    tour.type_line("09z");
    tour.wait_for("No demo \"09z\"");
    tour.type_line("l");
    tour.wait_for("done  08");
    tour.wait_for("next  09a");
    tour.type_line("");
    tour.wait_for("Your answer");
    tour.type_line("1");
    tour.wait_for("You said a.");
    tour.wait_for("Enter runs 09b");
    tour.type_line("q");
    let (status, screen) = tour.end();
    assert_eq!(status, Some(0), "{screen}");

    let kept = fs::read_to_string(state.join("own-the-heap/progress.json")).expect("progress");
    let kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept["done"]["08"]["right"], true, "{kept}");
    assert_eq!(kept["done"]["09a"]["right"], false, "{kept}");

    let mut again = Terminal::start(command(LAUNCHER, &state));
    again.wait_for("Enter runs 09b");
    let [.., (last, _)] = NUMBERED;
    again.type_line(last);
    again.wait_for("Your answer");
    again.type_line("");
    again.wait_for("That was the last one");
    again.type_line("");
    assert_eq!(again.end().0, Some(0));
}

#[test]
fn the_end_of_input_ends_the_tour() {
    const END_OF_INPUT: &str = "\u{4}";
    let mut tour = at_terminal("ctrl-d", LAUNCHER, &[]);
    tour.wait_for("q quits: ");
    tour.reader
        .write_all(END_OF_INPUT.as_bytes())
        .expect("typed");
    assert_eq!(tour.end().0, Some(0));
}

#[test]
fn a_demo_asks_only_with_predict() {
    let (_, program) = NUMBERED[1];
    let (status, screen) = at_terminal("no-predict", program, &[]).end();
    assert_eq!(status, Some(0));
    assert!(!screen.contains("Your answer"), "{screen}");

    let mut asking = at_terminal("predict-wrong", program, &["--predict"]);
    asking.wait_for("Your answer");
    asking.type_line("2");
    asking.wait_for("You said b.");
    assert_eq!(asking.end().0, Some(0), "no demo depends on the answer");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let (_, program) = NUMBERED[1];
    let state = scratch("colour");
    for (variable, value, coloured) in [
        ("UNRELATED", "1", true),
        ("NO_COLOR", "1", false),
        ("NO_COLOR", "", true),
    ] {
        let mut command = command(program, &state);
        command.env(variable, value);
        let (_, screen) = Terminal::start(command).end();
        assert_eq!(screen.contains("\x1b["), coloured, "{variable}={value:?}");
    }
}

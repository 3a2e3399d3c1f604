//! Surroundings that are missing or broken: no reader, no disk, no home, no `/proc`. None may stop a lesson.

#![cfg(target_os = "linux")]

mod common;

use common::{LAUNCHER, NUMBERED, assert_good, by_number, command, run, scratch, stderr, stdout};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{io, ptr};

/// Closes the reading end before the program has written, or after its first bytes, and waits for its end.
fn run_without_reader(mut command: Command, bytes_read: usize) -> (Option<i32>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdout.take().expect("a pipe");
    let mut head = vec![0; bytes_read];
    pipe.read_exact(&mut head).expect("some output");
    drop(pipe);
    let output = child.wait_with_output().expect("the program ends");
    (output.status.code(), stderr(&output))
}

#[test]
fn a_reader_who_leaves_is_no_failure_and_no_panic() {
    let state = scratch("closed");
    for bytes_read in [0, 1] {
        for (number, program) in NUMBERED.into_iter().chain([("launcher", LAUNCHER)]) {
            let ended = run_without_reader(command(program, &state), bytes_read);
            assert_eq!(ended, (Some(0), String::new()), "{number}");
            let mut json = command(program, &state);
            json.arg("--json");
            assert_eq!(run_without_reader(json, 0).1, "", "{number}");
        }
    }
    for word in ["list", "all", "--help"] {
        let mut launcher = command(LAUNCHER, &state);
        launcher.arg(word);
        assert_eq!(run_without_reader(launcher, 0).1, "", "{word}");
    }
}

#[test]
fn a_full_disk_under_the_output_is_said_and_fails() {
    let state = scratch("full");
    for (number, program) in NUMBERED.into_iter().chain([("launcher", LAUNCHER)]) {
        let full = File::create("/dev/full").expect("the device that is always full");
        let output = command(program, &state).stdout(full).output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{number}");
        assert!(stderr(&output).contains("the output was lost"), "{number}");
    }
}

#[test]
fn a_state_directory_that_cannot_be_written_costs_one_note() {
    let state = scratch("no-state");
    let in_the_way = state.join("file");
    fs::write(&in_the_way, "a file where a directory should be").expect("written");
    let programs = NUMBERED.into_iter().chain([("launcher", LAUNCHER)]);
    for (number, program) in programs {
        let output = command(program, &in_the_way)
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{number}");
        let notes = stderr(&output);
        assert_eq!(notes.lines().count(), 1, "{number}: {notes}");
        assert!(
            notes.starts_with("progress is not kept: "),
            "{number}: {notes}"
        );
    }
}

#[test]
fn no_home_costs_one_note() {
    let state = scratch("no-home");
    let (_, program) = NUMBERED[1];
    for program in [program, LAUNCHER] {
        let mut command = command(program, &state);
        command.env_remove("XDG_STATE_HOME").env_remove("HOME");
        let output = command.output().expect("the program starts");
        assert!(output.status.success());
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn a_garbled_progress_file_costs_one_note_and_is_replaced() {
    let state = scratch("garbled");
    let file = state.join("own-the-heap/progress.json");
    fs::create_dir_all(state.join("own-the-heap")).expect("a directory");
    for program in [NUMBERED[1].1, LAUNCHER] {
        fs::write(&file, b"\xff\xfe{ not progress").expect("written");
        let output = command(program, &state)
            .output()
            .expect("the program starts");
        assert!(output.status.success());
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains("garbled"));
        let text = fs::read_to_string(&file).expect("the file");
        assert!(text.contains("\"09a\""), "{text}");
    }
}

#[test]
fn predict_without_a_terminal_is_answered_in_the_text() {
    let (_, program) = NUMBERED[1];
    let output = run("predict", program, &["--predict"]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("--predict needs a terminal"));
    assert!(stdout(&output).contains("🎯 Answer: c)"));
}

#[test]
fn a_malloc_with_one_arena_is_not_what_chapter_08_says() {
    // The two threads now share an arena: the demo must say what it expected and what it saw.
    let state = scratch("one-arena");
    let mut command = command(NUMBERED[0].1, &state);
    command.env("GLIBC_TUNABLES", "glibc.malloc.arena_max=1");
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let notes = stderr(&output);
    for difference in [
        "over_1_mib_apart: expected true, seen false",
        "regions_differ: expected true, seen false",
        "arenas_added: expected 2, seen 0",
        "answer: expected",
    ] {
        assert!(notes.contains(difference), "{notes}");
    }
    assert!(
        !state.join("own-the-heap").exists(),
        "a demo that failed is not done"
    );
}

#[test]
fn a_failed_demo_fails_the_whole_run() {
    let state = scratch("one-fails");
    let mut command = command(LAUNCHER, &state);
    command
        .arg("all")
        .env("GLIBC_TUNABLES", "glibc.malloc.arena_max=1");
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let (all, good) = (NUMBERED.len(), NUMBERED.len() - 1);
    let verdict = format!("\n{good} of {all} demos saw what their chapters say.\n");
    assert!(stdout(&output).ends_with(&verdict));
}

#[test]
fn a_limit_on_address_space_is_said_with_what_was_granted() {
    let state = scratch("limit-as");
    let mut command = command(by_number("15"), &state);
    let limit = || setrlimit(Resource::RLIMIT_AS, 1 << 30, 1 << 30).map_err(io::Error::from);
    // SAFETY: one system call between fork and exec.
    unsafe { command.pre_exec(limit) };
    let output = command.output().expect("the program starts");
    assert_good(&output);
    let text = stdout(&output);
    for line in [
        "❌ mmap    64 GiB  refused: ",
        "❌ mmap     1 GiB  refused: ",
        "✅ mmap   512 MiB → base+0\n",
        "of 68719476736 bytes (anonymous memory) refused: ",
        "✅ map    512 MiB → base+0\n",
        "🎯 Answer: c)",
    ] {
        assert!(text.contains(line), "{line:?} is missing in {text}");
    }
}

#[test]
fn without_huge_pages_the_demo_says_so_and_goes_on() {
    let state = scratch("no-huge-pages");
    let mut command = command(by_number("15"), &state);
    let forbid = || {
        // SAFETY: a flag of this process, handed on through exec; the arguments after it must be 0.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) })?;
        Ok(())
    };
    // SAFETY: one system call between fork and exec.
    unsafe { command.pre_exec(forbid) };
    let output = command.output().expect("the program starts");
    assert_good(&output);
    let text = stdout(&output);
    let said = "resident: asked for a huge page, none to be had here\n";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("🎯 Answer: c)"), "{text}");
}

#[test]
fn a_child_that_is_told_nonsense_says_so() {
    let output = run("nonsense", by_number("12"), &["__child", "12", "nonsense"]);
    assert_eq!(output.status.code(), Some(1));
    let said = "❌ the child of demo 12: no part Some(\"nonsense\")";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
}

#[test]
fn a_crash_on_purpose_leaves_no_core_file() {
    let state = scratch("no-core");
    let mut command = command(by_number("12"), &state);
    let as_much_as_allowed = || {
        let (_, most) = getrlimit(Resource::RLIMIT_CORE)?;
        setrlimit(Resource::RLIMIT_CORE, most, most).map_err(io::Error::from)
    };
    // SAFETY: two system calls between fork and exec.
    unsafe { command.pre_exec(as_much_as_allowed) };
    let output = command.current_dir(&state).output();
    assert_good(&output.expect("the program starts"));
    let names: Vec<_> = fs::read_dir(&state)
        .expect("the scratch directory")
        .map(|row| row.expect("a row").file_name())
        .collect();
    assert_eq!(names, ["own-the-heap"]);
}

/// Hides `/proc` from a command, in a mount namespace of its own. Needs the right to make one.
fn hide_proc(command: &mut Command) {
    let mount = |source: &std::ffi::CStr, target: &std::ffi::CStr, kind: &std::ffi::CStr, flags| {
        // SAFETY: four strings that end with NUL and live through the call; no data.
        let done = unsafe {
            libc::mount(
                source.as_ptr(),
                target.as_ptr(),
                kind.as_ptr(),
                flags,
                ptr::null(),
            )
        };
        Errno::result(done).map(drop).map_err(io::Error::from)
    };
    let hide = move || {
        // SAFETY: changes the namespace of this process alone, between fork and exec.
        Errno::result(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        // What covers it stays here. (The root is no mount point where a user has changed it.)
        mount(c"none", c"/proc", c"", libc::MS_PRIVATE)?;
        mount(c"none", c"/proc", c"tmpfs", 0)
    };
    // SAFETY: between fork and exec only system calls are made; nothing allocates or takes a lock.
    unsafe { command.pre_exec(hide) };
}

#[test]
fn without_proc_every_demo_goes_on() {
    for (number, program) in NUMBERED.into_iter().chain([("launcher", LAUNCHER)]) {
        let state = scratch(&format!("no-proc-{number}"));
        let mut command = command(program, &state);
        hide_proc(&mut command);
        let output = match command.output() {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return tests::skip("a mount namespace");
            }
            output => output.expect("the program starts"),
        };
        assert_good(&output);
        if number == "08" {
            assert!(
                stdout(&output).contains("not to be seen here"),
                "{}",
                stdout(&output)
            );
        }
    }
}

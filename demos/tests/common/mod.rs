//! What the tests of the binaries share: starting them away from the reader's own state.

// Each test target compiles this file for itself and uses a part of it.
#![allow(dead_code, reason = "no target uses all of it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Number and program of every numbered binary.
pub(crate) const NUMBERED: [(&str, &str); 22] = [
    ("08", env!("CARGO_BIN_EXE_08_malloc_tls_isolation")),
    ("09a", env!("CARGO_BIN_EXE_09a_arena_scope_local_mmap")),
    ("09b", env!("CARGO_BIN_EXE_09b_arena_scope_leak_tracer")),
    ("09c", env!("CARGO_BIN_EXE_09c_arena_scope_fork_test")),
    ("10", env!("CARGO_BIN_EXE_10_overlapping_allocations")),
    ("11", env!("CARGO_BIN_EXE_11_thread_safety")),
    ("12", env!("CARGO_BIN_EXE_12_use_after_unmap")),
    ("13", env!("CARGO_BIN_EXE_13_stale_offsets")),
    ("14", env!("CARGO_BIN_EXE_14_dropped_values")),
    ("15", env!("CARGO_BIN_EXE_15_reserve_and_touch")),
    ("16", env!("CARGO_BIN_EXE_16_resize")),
    ("17", env!("CARGO_BIN_EXE_17_ignored_null")),
    ("18", env!("CARGO_BIN_EXE_18_malloc_retry")),
    ("19", env!("CARGO_BIN_EXE_19_errno")),
    ("20", env!("CARGO_BIN_EXE_20_overflow_tools")),
    ("21", env!("CARGO_BIN_EXE_21_leak_check")),
    ("22", env!("CARGO_BIN_EXE_22_double_free_detector")),
    ("23", env!("CARGO_BIN_EXE_23_tagheap_layout")),
    ("24", env!("CARGO_BIN_EXE_24_tagheap_coalescing")),
    ("25", env!("CARGO_BIN_EXE_25_tagheap_realloc")),
    ("26", env!("CARGO_BIN_EXE_26_tagheap_tags")),
    ("27", env!("CARGO_BIN_EXE_27_tagheap_defrag")),
];

/// The program of the demo with this number.
pub(crate) fn by_number(number: &str) -> &'static str {
    let found = NUMBERED.into_iter().find(|(known, _)| *known == number);
    found.expect("a known number").1
}

/// The launcher.
pub(crate) const LAUNCHER: &str = env!("CARGO_BIN_EXE_own-the-heap");

/// An empty directory that no other test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}

/// A command that finds its state in `state` and nothing of the reader's environment that changes what it prints.
pub(crate) fn command(program: &str, state: &PathBuf) -> Command {
    let mut command = Command::new(program);
    command
        .env("XDG_STATE_HOME", state)
        .env_remove("NO_COLOR")
        .env_remove("GLIBC_TUNABLES")
        .env_remove("MALLOC_ARENA_MAX")
        .stdin(Stdio::null());
    command
}

/// What a program prints and how it ends, with a state directory of its own.
pub(crate) fn run(test: &str, program: &str, arguments: &[&str]) -> Output {
    let state = scratch(test);
    let output = command(program, &state).args(arguments).output();
    output.expect("the program starts")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the output is UTF-8")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("the notes are UTF-8")
}

/// Fails unless the program ended with 0 and without a note.
pub(crate) fn assert_good(output: &Output) {
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}: {}",
        output.status,
        stderr(output)
    );
}

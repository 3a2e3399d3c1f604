//! Starts the command, and compiles what it is to start.

#![allow(dead_code, reason = "each test file uses a part")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The command with these arguments, and nothing to read.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_malloc-fault"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Compiles a small program in C.
pub(crate) fn compile(name: &str, source: &str, options: &[&str]) -> String {
    let file = scratch(&format!("{name}.c"));
    fs::write(&file, source).expect("the source");
    let program = scratch(name);
    let mut compiler = Command::new("cc");
    compiler
        .arg("-g")
        .arg(&file)
        .arg("-o")
        .arg(&program)
        .args(options);
    assert!(compiler.status().expect("a compiler").success(), "{name}");
    program.to_str().expect("a path in UTF-8").to_owned()
}

/// A program that makes one call, and ends with 3 if it fails.
pub(crate) const ONE_CALL: &str = "#include <stdlib.h>\nint main(void) { void *p = malloc(24); if (!p) return 3; free(p); return 0; }\n";

/// Asserts exit status 2 and one line with these words.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, words: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(words), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// The report of a sweep for machines.
pub(crate) fn report(arguments: &[&str]) -> Value {
    let output = run(&[&["sweep", "--json"], arguments].concat());
    let report = serde_json::from_slice(&output.stdout);
    report.unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// A field of each point of a report, as text, in the order of the calls.
pub(crate) fn of_points(report: &Value, field: &str) -> Vec<String> {
    let mut points = report["points"].as_array().expect("a list").clone();
    points.sort_by_key(|point| point["call"].as_u64());
    points
        .iter()
        .filter(|point| point["budget_probe"] == false)
        .map(|point| point[field].as_str().unwrap_or("-").to_owned())
        .collect()
}

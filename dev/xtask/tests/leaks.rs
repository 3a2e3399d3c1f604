//! How `cargo xtask leaks` ends where tools are missing: they are hidden by an empty `PATH`.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

/// Run the command where no program is found by its name.
fn leaks(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("leaks")
        .args(arguments)
        .env("PATH", "/nowhere")
        .output()
        .expect("xtask")
}

/// Assert an exit status, and that these words are in the table.
#[track_caller]
fn assert_ends(output: &Output, status: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}{complaint}");
    assert!(said.contains(words), "{words:?} is not in:\n{said}");
}

#[test]
fn a_missing_tool_is_said_with_the_command_that_installs_it() {
    let output = leaks(&["valgrind"]);
    assert_ends(&output, 3, "missing valgrind");
    assert_ends(&output, 3, "apt-get install valgrind");
}

#[test]
fn a_missing_compiler_is_said_with_the_command_that_installs_it() {
    assert_ends(&leaks(&["asan"]), 3, "apt-get install gcc libc6-dev");
}

#[test]
fn a_missing_toolchain_is_said_with_the_packages_that_have_it() {
    for mode in ["tsan", "msan"] {
        assert_ends(
            &leaks(&[mode]),
            3,
            "apt-get install --no-install-recommends",
        );
    }
}

#[test]
fn each_missing_tool_has_a_row() {
    let output = leaks(&["all"]);
    for tool in ["valgrind", "helgrind", "asan", "lsan", "tsan", "msan"] {
        assert_ends(&output, 3, &format!("missing {tool}"));
    }
}

#[test]
fn missing_tools_are_allowed_on_request() {
    assert_ends(&leaks(&["all", "--allow-missing"]), 0, "missing valgrind");
}

#[test]
fn an_unknown_tool_is_refused() {
    let output = leaks(&["purify"]);
    assert_eq!(output.status.code(), Some(2));
}

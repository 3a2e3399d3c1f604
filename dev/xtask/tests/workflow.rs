//! The hosted workflow: each of its `cargo xtask` lines names commands and options that are there, and each
//! tool has a job.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn workflow() -> String {
    let path = root().join(".github/workflows/leaks.yml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of all `run:` keys, whether they stand behind the key or indented below it.
fn run_lines(workflow: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = workflow.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((before, behind)) = line.split_once("run: ") else {
            continue;
        };
        if !before.trim_matches(['-', ' ']).is_empty() {
            continue;
        }
        if behind != "|" {
            found.push(behind.to_owned());
            continue;
        }
        let indent = before.len();
        while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > indent) {
            found.push(next.trim().to_owned());
        }
    }
    found
}

/// The values of a list of the matrix, `tool: [a, b]`.
fn matrix(workflow: &str, name: &str) -> Vec<String> {
    let key = format!("{name}: [");
    let list = workflow
        .lines()
        .find_map(|line| line.trim().strip_prefix(&key));
    let list = list.unwrap_or_else(|| panic!("no list {name:?}"));
    let values = list.trim_end_matches(']').split(", ");
    values.map(str::to_owned).collect()
}

/// Whether xtask takes the words: asked for help behind them, it reads them first.
fn is_taken(words: &str) -> bool {
    let asked = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(words.split_whitespace())
        .arg("--help")
        .output();
    asked.expect("xtask").status.success()
}

#[test]
fn each_command_of_the_workflow_is_one() {
    let workflow = workflow();
    let lines = run_lines(&workflow);
    let ours = lines
        .iter()
        .filter_map(|line| line.strip_prefix("cargo xtask "));
    let mut count = 0;
    for line in ours {
        for tool in matrix(&workflow, "tool") {
            let words = line.replace("${{ matrix.tool }}", &tool);
            assert!(!words.contains("${{"), "an unknown expression: {words}");
            assert!(is_taken(&words), "no such command: cargo xtask {words}");
            count += 1;
        }
    }
    assert!(count > 6, "{count} commands: {lines:#?}");
}

#[test]
fn each_package_of_the_workflow_is_one() {
    for line in run_lines(&workflow()) {
        let words = line.split_whitespace().collect::<Vec<_>>();
        for pair in words.windows(2).filter(|pair| pair[0] == "--package") {
            let manifests = ["tools", "dev", "."].map(|dir| root().join(dir).join(pair[1]));
            let is_there = manifests.iter().any(|dir| dir.join("Cargo.toml").is_file());
            assert!(is_there, "no package: {line}");
        }
    }
}

#[test]
fn each_tool_has_a_job() {
    let help = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["leaks", "--help"])
        .output();
    let help = String::from_utf8(help.expect("xtask").stdout).expect("UTF-8");
    let tools = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ")?.split_once(':'));
    let mut tools = tools.map(|(tool, _)| tool.to_owned()).collect::<Vec<_>>();
    tools.retain(|tool| tool != "all");
    assert_eq!(tools, matrix(&workflow(), "tool"), "{help}");
}

#[test]
fn a_command_or_an_option_that_is_not_there_is_told() {
    assert!(is_taken("leaks valgrind"));
    for words in [
        "leak valgrind",
        "leaks purify",
        "leaks asan --fast",
        "headers --chek",
    ] {
        assert!(!is_taken(words), "{words}");
    }
}

#[test]
fn lines_are_read_behind_the_key_and_below_it() {
    let text = "      - run: one\n      - name: run: no\n        run: |\n          two\n          three\n      - run: four\n";
    assert_eq!(run_lines(text), ["one", "two", "three", "four"]);
}

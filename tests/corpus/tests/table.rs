//! heap-trace on the fault corpus, and what the table of all tools must say.
//!
//! `cargo xtask corpus` makes the table; CI makes it again and compares. Here the columns of
//! heap-trace are run again, without the names of stacks, which take most of the time.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

const METHODS: [&str; 3] = ["canary", "guard-after", "guard-before"];

/// One row of the table.
#[derive(Debug)]
struct Row {
    program: String,
    fault: String,
    act: String,
    /// By tool.
    cells: BTreeMap<String, String>,
}

impl Row {
    fn is_reported_by(&self, tool: &str) -> bool {
        self.cells[tool] == "reported"
    }

    fn is_reported_by_heap_trace(&self) -> bool {
        METHODS.iter().any(|method| self.is_reported_by(method))
    }
}

fn table() -> Vec<Row> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results/corpus.csv");
    let text = std::fs::read_to_string(path).expect("the table is committed");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let tools: Vec<String> = lines.next().expect("a heading").skip(3).collect();
    lines
        .map(|mut cells| Row {
            program: cells.next().expect("a name"),
            fault: cells.next().expect("a fault"),
            act: cells.next().expect("an act"),
            cells: tools.iter().cloned().zip(cells).collect(),
        })
        .collect()
}

fn run(name: &str, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corpus"));
    command
        .arg(name)
        .env("HEAP_TRACE", words)
        .env("RUST_BACKTRACE", "0");
    command.output().expect("the corpus starts")
}

fn cell(row: &Row, output: &Output) -> &'static str {
    let said = String::from_utf8_lossy(&output.stderr);
    if row.act == "clean" {
        let is_quiet = output.status.success() && said.is_empty();
        return if is_quiet { "quiet" } else { "alarm" };
    }
    let names = |start: &str| said.contains(&format!("{start}{}: ", row.fault));
    match names("heap-trace: ") || names("\n") {
        true => "reported",
        false if output.status.code().is_none() => "crash",
        false => "missed",
    }
}

#[test]
fn heap_trace_reports_what_the_table_says() {
    let (rows, next) = (table(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                        for method in METHODS {
                            let output = run(&row.program, &format!("{method},quiet,no-stacks"));
                            let said = String::from_utf8_lossy(&output.stderr);
                            let cell = cell(row, &output);
                            assert_eq!(
                                cell, row.cells[method],
                                "{} {method}:\n{said}",
                                row.program
                            );
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

#[test]
fn the_table_has_every_program_once() {
    let listed = run("list", "quiet,no-stacks");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let rows = table();
    let known: Vec<_> = rows
        .iter()
        .map(|row| format!("{},{},{}", row.program, row.fault, row.act))
        .collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), known);
    let clean = rows.iter().filter(|row| row.act == "clean").count();
    assert!(
        clean >= 30 && rows.len() - clean >= 60,
        "{clean} of {} are clean",
        rows.len()
    );
}

#[test]
fn every_write_is_reported_and_every_read_that_address_sanitizer_reports() {
    for row in table() {
        let must = match row.act.as_str() {
            "write" => true,
            "read" => row.is_reported_by("AddressSanitizer"),
            _ => false,
        };
        assert!(!must || row.is_reported_by_heap_trace(), "{row:?}");
    }
}

#[test]
fn every_leak_that_valgrind_reports_is_reported_by_each_method() {
    for row in table().iter().filter(|row| row.act == "leak") {
        for method in METHODS {
            assert!(
                row.is_reported_by(method) || !row.is_reported_by("valgrind"),
                "{row:?}"
            );
        }
    }
}

#[test]
fn no_clean_program_is_reported_by_heap_trace() {
    for row in table().iter().filter(|row| row.act == "clean") {
        assert!(
            METHODS.iter().all(|method| row.cells[*method] == "quiet"),
            "{row:?}"
        );
    }
}

#[test]
fn reports_name_the_lines_of_the_program() {
    for (program, method, lines) in [
        (
            "leak_early_return",
            "canary",
            &["definitely lost: 64 bytes", "leaks.rs:"][..],
        ),
        (
            "double_free_heap",
            "canary",
            &["double free: block", "freed at", "frees.rs:"],
        ),
        (
            "overflow_heap_write_1_byte",
            "guard-after",
            &["overflow: write 0 bytes past", "spans.rs:", "touched at"],
        ),
        (
            "use_after_reset_read",
            "guard-before",
            &["use after reset: read of byte 0", "given up at", "uses.rs:"],
        ),
    ] {
        let output = run(program, &format!("{method},quiet"));
        let said = String::from_utf8_lossy(&output.stderr);
        for line in lines {
            assert!(said.contains(line), "{program}: no {line:?} in\n{said}");
        }
    }
}

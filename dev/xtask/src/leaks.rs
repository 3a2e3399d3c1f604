//! `cargo xtask leaks`: the tests under the tools that C programmers trust, and the tools under test.
//!
//! Each tool runs the Rust tests of the border's crates and the C programs of heap-capi; then it has to
//! report each planted fault of its class. What it said is in `target/leaks/`.

use std::process::ExitCode;

use clap::ValueEnum;

mod binaries;
mod clients;
mod excluded;
mod faults;
mod report;
mod tests;
mod tool;

pub(crate) use clients::need_compilers;
use report::{Report, Row, Verdict};
use tool::{TOOLS, Tool};

use crate::run::Outcome;

/// Which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Every tool in turn.
    All,
    /// memcheck: leaks, invalid accesses and frees, uninitialised values; no rebuild.
    Valgrind,
    /// Races between threads of C; no rebuild.
    Helgrind,
    /// AddressSanitizer with its leak checker.
    Asan,
    /// LeakSanitizer alone: cheap.
    Lsan,
    /// ThreadSanitizer, with an instrumented standard library.
    Tsan,
    /// MemorySanitizer, with an instrumented standard library.
    Msan,
}

/// A tool is missing: neither good nor bad.
const MISSING: u8 = 3;

/// Run one tool or all; `only` restricts the tests and programs to those with it in their names, or to
/// the package of that name.
pub(crate) fn run(mode: Mode, only: Option<&str>, allow_missing: bool) -> ExitCode {
    let chosen = TOOLS
        .iter()
        .filter(|tool| mode == Mode::All || tool.mode == mode);
    let mut rows = Vec::new();
    for tool in chosen {
        println!("\n── {}", tool.name);
        match (tool.version)() {
            Err(why) => {
                eprintln!("{} is missing: {why}", tool.name);
                rows.push(Row::bare(tool.name, "everything", Verdict::Missing(why)));
            }
            Ok(version) => match under(tool, &version, only) {
                Ok(more) => rows.extend(more),
                Err(why) => {
                    eprintln!("{why}");
                    rows.push(Row::bare(tool.name, "everything", Verdict::Bad(why)));
                }
            },
        }
    }
    if let (Some(only), true) = (only, rows.is_empty()) {
        eprintln!("nothing was run: no package, test or program has {only:?} in its name");
        return ExitCode::FAILURE;
    }
    println!("\n{}", report::table(&rows));
    if rows
        .iter()
        .any(|row| matches!(row.verdict, Verdict::Bad(_)))
    {
        return ExitCode::FAILURE;
    }
    let missing = |row: &Row| matches!(row.verdict, Verdict::Missing(_));
    if !allow_missing && rows.iter().any(missing) {
        return ExitCode::from(MISSING);
    }
    ExitCode::SUCCESS
}

/// What CI runs: the C programs and the planted faults under each tool that judges C, and the tests of
/// the crates on the border under valgrind.
pub(crate) fn check_border() -> Outcome {
    let mut rows = Vec::new();
    for tool in TOOLS {
        let mut report = Report::create(tool.report, &(tool.version)()?)?;
        rows.extend(clients::run_all(tool, None, &mut report)?);
        rows.extend(faults::run_all(tool, None, &mut report)?);
        if tool.mode == Mode::Valgrind {
            let on_border = |package: &str| tests::BORDER.contains(&package);
            rows.extend(tests::run_all(tool, on_border, None, &mut report)?);
        }
    }
    let bad = rows
        .iter()
        .filter(|row| matches!(row.verdict, Verdict::Bad(_) | Verdict::Missing(_)));
    match bad.count() {
        0 => Ok(()),
        count => Err(format!("{count} findings:\n{}", report::table(&rows))),
    }
}

/// Run everything under one tool.
fn under(tool: &Tool, version: &str, only: Option<&str>) -> Outcome<Vec<Row>> {
    let mut report = Report::create(tool.report, version)?;
    println!("   {version}");
    let mut rows = Vec::new();
    let package = binaries::packages()?
        .into_iter()
        .find(|package| Some(package.name.as_str()) == only);
    if let Some(package) = package {
        rows.extend(tests::run_all(
            tool,
            |name| name == package.name,
            None,
            &mut report,
        )?);
    } else {
        rows.extend(clients::run_all(tool, only, &mut report)?);
        rows.extend(faults::run_all(tool, only, &mut report)?);
        // A name of a C program is hardly one of a Rust test, too.
        if only.is_none() || rows.is_empty() {
            rows.extend(tests::run_all(tool, |_| true, only, &mut report)?);
        }
    }
    report.end(&rows)?;
    println!("   report: {}", report.shown());
    Ok(rows)
}

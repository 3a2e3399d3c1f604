//! The C programs of heap-capi, and how programs in C are built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Mode;
use super::report::{Report, Row, Verdict};
use super::tool::Tool;
use crate::run::{Outcome, command, root, run};

/// The library with everything that tools can be told.
const BUILD: &str = "cargo build --quiet --package heap-capi --features asan,valgrind \
                     --target-dir target/leaks/build";
const LIBRARY: &str = "target/leaks/build/debug/libheap_capi.a";

/// Build the library that C programs link.
pub(crate) fn build_library() -> Outcome {
    run(command(BUILD))
}

/// The C files of a folder of heap-capi's tests.
pub(crate) fn sources(folder: &str) -> Outcome<Vec<PathBuf>> {
    let folder = root().join("tools/heap-capi/tests").join(folder);
    let rows = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = rows
        .filter_map(|row| Some(row.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == "c"))
        .collect::<Vec<_>>();
    paths.sort();
    Ok(paths)
}

/// Its name without folder and ending.
pub(crate) fn name(source: &Path) -> String {
    let stem = source.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Build one program for a tool.
pub(crate) fn build(tool: &Tool, flags: &[&str], source: &Path) -> Outcome<PathBuf> {
    let folder = root().join("target/leaks/bin");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let program = folder.join(format!("{}-{}", name(source), tool.name));
    let mut compile = command(
        "cc -std=c99 -D_POSIX_C_SOURCE=200809L -g -fno-omit-frame-pointer -I tools/heap-capi/include",
    );
    compile
        .args(flags)
        .arg(source)
        .args([LIBRARY, "-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program);
    run(compile)?;
    Ok(program)
}

/// The command that runs a program under a tool.
pub(crate) fn under(tool: &Tool, program: &Path) -> Command {
    let mut words = tool.under.iter();
    let mut command = match words.next() {
        Some(first) => Command::new(first),
        None => Command::new(program),
    };
    command.args(words).current_dir(root());
    if !tool.under.is_empty() {
        command.arg(program);
    }
    command
        .env("ASAN_OPTIONS", "detect_leaks=1")
        // As the sanitizers end by themselves: a report is a failure.
        .env("TSAN_OPTIONS", "exitcode=66");
    command
}

pub(crate) fn run_all(tool: &Tool, only: Option<&str>, report: &mut Report) -> Outcome<Vec<Row>> {
    let Some(flags) = tool.c_flags else {
        return Ok(Vec::new());
    };
    // It has not instrumented the library: the order within is judged by the Rust tests.
    if tool.mode == Mode::Tsan {
        return Ok(Vec::new());
    }
    build_library()?;
    let mut rows = Vec::new();
    for source in sources("c")? {
        let name = name(&source);
        let what = format!("C program {name}");
        if !what.contains(only.unwrap_or_default()) {
            continue;
        }
        let mut program = under(tool, &build(tool, flags, &source)?);
        if tool.mode == Mode::Helgrind {
            program.arg("only-locked");
        }
        let said = report.run(program)?;
        let verdict = match said.verdict(tool.telling, "nothing to report".to_owned()) {
            Verdict::Good(_) if !said.text.contains("all good") => {
                Verdict::Bad("it did not reach its end".to_owned())
            }
            verdict => verdict,
        };
        rows.push(Row {
            tool: tool.name,
            what,
            verdict,
            seconds: said.seconds,
        });
        print!("{}", super::report::table(&rows[rows.len() - 1..]));
    }
    Ok(rows)
}

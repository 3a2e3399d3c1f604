//! What each tool costs on our own tests: wall-clock times, by medians of alternating rounds.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use super::clients::{self, Compiler};
use super::suite;
use super::tool::{TOOLS, Tool};
use super::{Mode, binaries};
use crate::run::{Outcome, command, output};

/// A row of the table.
struct Subject {
    name: &'static str,
    program: Program,
}

/// What is measured.
#[derive(Clone, Copy)]
enum Program {
    /// A program in C, built by cc.
    C(&'static str),
    /// The unit tests of a package, with 256 cases a property under every tool.
    Tests(&'static str),
}

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "the C program `arena`",
        program: Program::C("arena"),
    },
    Subject {
        name: "the C program `heap`",
        program: Program::C("heap"),
    },
    Subject {
        name: "tagheap's unit tests",
        program: Program::Tests("tagheap"),
    },
];

/// A subject under a tool, or by itself: what is run in each round, and how long it took.
struct Cell {
    subject: usize,
    /// Its place in the row; the first is for no tool.
    column: usize,
    command: Command,
    milliseconds: Vec<f64>,
}

/// Build everything, then measure, and print the table.
pub(crate) fn run(rounds: usize) -> ExitCode {
    match measure(rounds) {
        Ok(cells) => {
            println!("{}", table(&cells, rounds));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize) -> Outcome<Vec<Cell>> {
    clients::build_library()?;
    let mut cells = Vec::new();
    for (row, subject) in SUBJECTS.iter().enumerate() {
        for column in 0..=TOOLS.len() {
            if let Some(command) = prepare(subject.program, column)? {
                cells.push(Cell {
                    subject: row,
                    column,
                    command,
                    milliseconds: Vec::new(),
                });
            }
        }
    }
    // Every cell once in each round: what else the machine does, it does to all of them.
    for _ in 0..rounds {
        for cell in &mut cells {
            let start = Instant::now();
            let ended = cell.command.output().map_err(|error| error.to_string())?;
            cell.milliseconds
                .push(start.elapsed().as_secs_f64() * 1000.0);
            if !ended.status.success() {
                let said = String::from_utf8_lossy(&ended.stderr).into_owned();
                return Err(format!(
                    "{}: {}\n{said}",
                    SUBJECTS[cell.subject].name, ended.status
                ));
            }
        }
    }
    Ok(cells)
}

/// The command to be measured; none where the tool does not judge such a program.
fn prepare(program: Program, column: usize) -> Outcome<Option<Command>> {
    let memcheck = |tool: &&Tool| tool.mode == Mode::Valgrind;
    let (tool, under) = match column.checked_sub(1).and_then(|at| TOOLS.get(at)) {
        Some(tool) => (tool, tool.under),
        // What valgrind runs is built for no tool.
        None => {
            let tool = TOOLS.iter().find(memcheck).expect("valgrind is a tool");
            (tool, &[] as &[&str])
        }
    };
    match program {
        Program::C(name) if tool.no_programs.is_none() => {
            let sources = clients::sources("c")?;
            let mut found = sources
                .iter()
                .filter(|source| clients::name(source) == name);
            let source = found.next().ok_or(format!("no program is called {name}"))?;
            let program = Compiler::of("cc").build(tool, source)?;
            let mut command = clients::under(tool, &program);
            if under.is_empty() && !tool.under.is_empty() {
                command = clients::below(under, &program);
            }
            Ok(Some(command))
        }
        Program::Tests(name) if tool.judges_rust() => {
            let mut command = clients::below(under, &unit_tests(tool, name)?);
            command
                .envs(tool.environment())
                .env("PROPTEST_CASES", "256");
            Ok(Some(command))
        }
        _ => Ok(None),
    }
}

/// The unit tests of a package, built for a tool.
fn unit_tests(tool: &Tool, package: &str) -> Outcome<PathBuf> {
    let packages = binaries::packages()?;
    let found = packages.iter().find(|found| found.name == package);
    let mut targets = found.into_iter().flat_map(|package| &package.targets);
    let library = targets.find(|target| target.argument == "--lib");
    let library = library.ok_or(format!("no library is called {package}"))?;
    let built = suite::build(tool, &format!("--package {package} --lib"), &[library])?;
    let programs = built.map_err(|said| format!("{}\n{}", said.line, said.text))?;
    programs
        .into_iter()
        .next()
        .ok_or(format!("cargo made no tests of {package}"))
}

fn table(cells: &[Cell], rounds: usize) -> String {
    let names = TOOLS.iter().map(|tool| tool.name);
    let names = std::iter::once("plain").chain(names).collect::<Vec<_>>();
    let mut lines = vec![
        format!("| | {} |", names.join(" | ")),
        format!("|---|{}", "---:|".repeat(names.len())),
    ];
    for (row, subject) in SUBJECTS.iter().enumerate() {
        let of = |column| {
            let mut cells = cells.iter();
            cells.find(|cell| cell.subject == row && cell.column == column)
        };
        let plain = of(0).map_or(f64::NAN, |cell| quantile(&cell.milliseconds, 0.5));
        let times = (0..names.len()).map(|column| of(column).map_or(String::new(), Cell::shown));
        let factors = (0..names.len()).map(|column| {
            let median = of(column).map(|cell| quantile(&cell.milliseconds, 0.5));
            median.map_or(String::new(), |median| format!("{:.1}", median / plain))
        });
        let line = |words: Vec<String>| words.join(" | ");
        lines.push(format!("| {} | {} |", subject.name, line(times.collect())));
        lines.push(format!("| as a factor | {} |", line(factors.collect())));
    }
    lines.push(format!(
        "\nmilliseconds: median (quartiles) of {rounds} alternating rounds; {}",
        machine()
    ));
    lines.join("\n")
}

impl Cell {
    fn shown(&self) -> String {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|part| quantile(&self.milliseconds, part));
        format!("{median:.0} ({low:.0}–{high:.0})")
    }
}

/// The value below which this part of the values lies.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (part * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let system = output(command("uname --kernel-release --machine"));
    let system = system.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!(
        "{processors} processors, Linux {}",
        system.unwrap_or_default()
    )
}

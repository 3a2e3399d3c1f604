//! `cargo xtask leaks`: the tests under the tools that C programmers trust, and the tools under test.
//!
//! Each tool runs the Rust tests of the workspace and the C programs of heap-capi; then it has to report
//! each planted fault of its class. What it said is in `target/leaks/`.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::{Args, ValueEnum};

mod binaries;
mod clients;
mod cost;
mod excluded;
mod faults;
mod pool;
mod process;
mod report;
mod screen;
mod suite;
mod summary;
mod tool;
mod workspace;

pub(crate) use clients::{need_compilers, need_symbolizer};
use report::{Report, Row, Verdict};
use screen::Screen;
use summary::Summary;
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

/// What is run, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which tool.
    #[arg(value_enum, default_value = "all")]
    mode: Mode,
    /// Only this package's tests; those of heap-capi are the programs in C and the planted faults, too.
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Only the programs whose names contain this; or, where none does, the tests.
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// Only what CI runs: the programs in C, the planted faults, and under valgrind the tests of the
    /// crates on the border with C.
    #[arg(long, conflicts_with = "package")]
    quick: bool,
    /// Only what is left out otherwise, to see whether it still has to be.
    #[arg(long, conflicts_with = "quick")]
    excluded: bool,
    /// How many packages or programs run at a time [default: one for each processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Go on without a tool that is missing, and say so.
    #[arg(long)]
    allow_missing: bool,
    /// Print what it came to as JSON on standard output, and everything else on standard error.
    #[arg(long)]
    json: bool,
    /// Measure what each tool costs instead: medians of as many alternating rounds, in a table.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u16).range(1..),
          conflicts_with_all = ["package", "test", "quick", "excluded", "json", "jobs"])]
    cost: Option<u16>,
}

/// A tool is missing: neither good nor bad.
const MISSING: u8 = 3;

/// A tool at work.
pub(crate) struct Session<'a> {
    tool: &'a Tool,
    report: Report,
    screen: &'a Screen,
    package: Option<&'a str>,
    /// A part of the names that are chosen.
    only: Option<&'a str>,
    quick: bool,
    excluded: bool,
    jobs: usize,
}

/// Run what the options say.
pub(crate) fn run(options: &Options) -> ExitCode {
    if let Some(rounds) = options.cost {
        return cost::run(usize::from(rounds));
    }
    if let Err(why) = packages_there(options.package.as_deref()) {
        eprintln!("{why}");
        return ExitCode::from(2);
    }
    let screen = Screen::new(options.json);
    let summaries = thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        scope.spawn(|| screen.tick_until(end));
        let chosen = TOOLS
            .iter()
            .filter(|tool| options.mode == Mode::All || tool.mode == options.mode);
        let summaries = chosen
            .map(|tool| by(tool, options, &screen))
            .collect::<Vec<_>>();
        drop(ended);
        summaries
    });
    conclude(options, &screen, &summaries)
}

/// Refuse the name of a package that is not.
fn packages_there(package: Option<&str>) -> Outcome {
    let Some(name) = package else { return Ok(()) };
    let names = binaries::packages()?
        .into_iter()
        .map(|package| package.name);
    let names = names.collect::<Vec<_>>();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(format!(
        "no package is called {name:?}; there are {}",
        names.join(", ")
    ))
}

/// Say what it came to.
fn conclude(options: &Options, screen: &Screen, summaries: &[Summary]) -> ExitCode {
    if summaries.iter().all(|summary| summary.rows.is_empty()) {
        let Some(only) = &options.test else {
            eprintln!("nothing was run: there is no test among what was chosen");
            return ExitCode::SUCCESS;
        };
        eprintln!("nothing was run: no test or program has {only:?} in its name");
        return ExitCode::FAILURE;
    }
    screen.line("");
    for summary in summaries {
        // What was good has been said; the report has all of it.
        let is_news = |row: &&Row| matches!(row.verdict, Verdict::Bad(_) | Verdict::Missing(_));
        for row in summary.rows.iter().filter(is_news) {
            screen.line(&row.line());
        }
    }
    screen.line(&summary::table(summaries));
    if options.json {
        println!("{:#}", summary::json(summaries));
    }
    if summaries.iter().any(|summary| summary.findings() > 0) {
        return ExitCode::FAILURE;
    }
    if !options.allow_missing && summaries.iter().any(|summary| summary.missing() > 0) {
        return ExitCode::from(MISSING);
    }
    ExitCode::SUCCESS
}

/// What CI runs, `cargo xtask leaks --quick`.
pub(crate) fn check_border() -> Outcome {
    let options = Options {
        mode: Mode::All,
        package: None,
        test: None,
        quick: true,
        excluded: false,
        jobs: None,
        allow_missing: false,
        json: false,
        cost: None,
    };
    if run(&options) == ExitCode::SUCCESS {
        Ok(())
    } else {
        Err("cargo xtask leaks --quick: see the table above".to_owned())
    }
}

/// Run what is chosen under one tool.
fn by(tool: &Tool, options: &Options, screen: &Screen) -> Summary {
    let start = Instant::now();
    screen.line(&format!("\n── {}", tool.name));
    let mut summary = Summary {
        tool: tool.name,
        version: None,
        report: None,
        rows: Vec::new(),
        seconds: 0.0,
    };
    match (tool.version)() {
        Err(why) => {
            eprintln!("{} is missing: {why}", tool.name);
            summary
                .rows
                .push(Row::missing(tool.name, "everything", why));
        }
        Ok(version) => {
            screen.line(&format!("   {version}"));
            if let Err(why) = fill(&mut summary, tool, &version, options, screen) {
                eprintln!("{why}");
                summary
                    .rows
                    .push(Row::bare(tool.name, "everything", Verdict::Bad(why)));
            }
            summary.version = Some(version);
        }
    }
    summary.seconds = start.elapsed().as_secs_f64();
    summary
}

fn fill(
    summary: &mut Summary,
    tool: &Tool,
    version: &str,
    options: &Options,
    screen: &Screen,
) -> Outcome {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    let session = Session {
        tool,
        report: Report::create(tool.report, version)?,
        screen,
        package: options.package.as_deref(),
        only: options.test.as_deref(),
        quick: options.quick,
        excluded: options.excluded,
        jobs: options.jobs.map_or_else(processors, usize::from),
    };
    summary.report = Some(session.report.shown());
    session.run(&mut summary.rows)?;
    session
        .report
        .add(&format!("\n{}", report::table(&summary.rows)))
}

impl Session<'_> {
    /// Run the programs and the tests.
    fn run(&self, rows: &mut Vec<Row>) -> Outcome {
        let is_chosen = |name: &str| self.package.is_none_or(|package| package == name);
        if is_chosen("heap-capi") && !self.excluded {
            rows.extend(clients::run_all(self)?);
            rows.extend(faults::run_all(self)?);
        }
        // A name of a C program is hardly one of a Rust test, too.
        let is_found = self.only.is_some() && !rows.is_empty();
        if !is_found && (!self.quick || self.tool.mode == Mode::Valgrind) {
            let is_quick = |name: &str| !self.quick || workspace::BORDER.contains(&name);
            rows.extend(workspace::run_all(self, |name| {
                is_chosen(name) && is_quick(name)
            })?);
        }
        Ok(())
    }

    /// Print a row while the next one is awaited.
    fn show(&self, row: Row) -> Row {
        self.screen.line(&row.line());
        row
    }

    fn during<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        self.screen.during(what, work)
    }
}

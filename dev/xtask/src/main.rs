//! The workspace's own commands: `cargo xtask ci`, `cargo xtask leaks`, `cargo xtask book` …

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod book;
mod ci;
mod corpus;
mod fault;
mod install;
mod instrumented;
mod leaks;
mod planted;
mod run;

/// What the workspace does to itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the checks that CI runs after the tests: format, lints, docs, features, tools.
    Ci {
        /// Go on without a tool that is missing and cannot be installed, and say what was skipped.
        #[arg(long)]
        allow_missing: bool,
        /// Run only the checks whose names contain this.
        #[arg(long, value_name = "WORDS", default_value = "")]
        only: String,
    },
    /// Stamp snippets, transcripts and tables into the Markdown files.
    Book {
        /// Change nothing; fail if a file is stale or a link leads nowhere.
        #[arg(long)]
        check: bool,
    },
    /// Write the C headers anew from the Rust source.
    Headers {
        /// Change nothing; fail if a header is stale.
        #[arg(long)]
        check: bool,
    },
    /// Install the C API: libraries, headers, and a file for pkg-config.
    InstallCapi {
        /// Below which folder: lib, include/own-the-heap and lib/pkgconfig are made in it.
        #[arg(long, value_name = "FOLDER", default_value = "/usr/local")]
        prefix: std::path::PathBuf,
    },
    /// Run the tests, C programs and planted faults under leak checkers and sanitizers.
    ///
    /// Exit status: 0 if there is nothing to report, 1 if there is, 3 if a tool is missing.
    Leaks(leaks::Options),
    /// Run the fault corpus under heap-trace, AddressSanitizer and valgrind, and write the table of who
    /// reports what.
    Corpus {
        /// Write nothing; fail if the table is not what the tools say.
        #[arg(long)]
        check: bool,
    },
    /// Count instructions and page faults beside the peers, and write them down with their tables
    /// (needs valgrind and a C compiler).
    Bench {
        /// Fail if arena-core misses its goals or a peer is better; write nothing.
        #[arg(long, group = "mode")]
        check: bool,
        /// Measure times instead.
        #[arg(long, group = "mode")]
        times: bool,
        /// Measure the times of a traced arena instead, beside AddressSanitizer (needs a nightly
        /// compiler).
        #[arg(long, group = "mode")]
        tracing: bool,
        /// Measure nothing, and make the tables again from the data files.
        #[arg(long, group = "mode")]
        tables: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Ci {
            allow_missing,
            only,
        } => ci::run_all(allow_missing, &only),
        Task::Book { check } => book::run(check),
        Task::Headers { check } => ci::headers(check),
        Task::InstallCapi { prefix } => install::install(&prefix),
        Task::Leaks(options) => return leaks::run(&options),
        Task::Corpus { check } => corpus::run(check),
        Task::Bench {
            check,
            times,
            tracing,
            tables,
        } => bench::run_mode(match (check, times, tracing, tables) {
            (true, ..) => bench::Mode::Check,
            (_, true, ..) => bench::Mode::Times,
            (.., true, _) => bench::Mode::Tracing,
            (.., true) => bench::Mode::Tables,
            _ => bench::Mode::Count,
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

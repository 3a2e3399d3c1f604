//! The workspace's own commands: `cargo xtask ci`, `cargo xtask book`, `cargo xtask bench`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod book;
mod ci;
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
    },
    /// Stamp snippets, transcripts and tables into the Markdown files.
    Book {
        /// Change nothing; fail if a file is stale or a link leads nowhere.
        #[arg(long)]
        check: bool,
    },
    /// Count instructions beside the peers (needs valgrind).
    Bench {
        /// Fail if arena-core misses its goals; write nothing.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Ci { allow_missing } => ci::run_all(allow_missing),
        Task::Book { check } => book::run(check),
        Task::Bench { check } => bench::run_bench(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

//! The command: parse, measure, print.

mod bills;
mod interrupt;
mod json;
mod page;
mod text;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use bills::Bills;

use crate::bill::Workload;
use crate::latency::Latency;
use crate::{ForkProbe, Hazards, Matrix};

/// What fork does to a mapping, measured on this machine.
#[derive(Parser, Debug)]
#[command(name = "fork-probe", version)]
struct Arguments {
    /// What to measure; the matrix if nothing is said
    #[command(subcommand)]
    what: Option<What>,

    /// Print what was measured as JSON, for machines
    #[arg(long, global = true)]
    json: bool,

    /// Draw what was measured into a file as well
    #[arg(long, global = true, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// How long to wait for each answer of a child, in seconds
    #[arg(long, global = true, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    deadline: f64,
}

#[derive(Subcommand, Debug, Clone)]
enum What {
    /// Probe every kind of mapping with every advice
    Matrix {
        /// OS pages to observe in each
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=65_536))]
        pages: u32,
        /// Print the accounts and the times of each as well
        #[arg(long)]
        accounts: bool,
    },
    /// Show what goes wrong around a fork, and what cures it
    Hazards,
    /// Draw up the bill: what a child writes, and what is copied for it, by allocator
    Bill {
        /// Nodes of the tree that the parent builds
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(4..=1_000_000))]
        blocks: u32,
        /// Nodes that the child touches; 1 % of the blocks if nothing is said
        #[arg(long)]
        deeds: Option<u32>,
        /// What the sizes and choices are drawn from
        #[arg(long, default_value_t = Workload::default().seed, value_parser = clap::value_parser!(u64).range(1..))]
        seed: u64,
        /// Print every page with the deed that unshared it
        #[arg(long)]
        items: bool,
    },
    /// Measure how fork's own time grows with the memory touched
    Latency {
        /// The largest size, in MiB; sizes are 1 MiB and four times the one before
        #[arg(long, default_value_t = 1024, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
        up_to: u32,
        /// How often each size is measured
        #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        runs: u32,
    },
}

/// Nothing was left out.
const WHOLE: u8 = 0;
/// Something could not be measured; what was printed says what.
const PARTIAL: u8 = 1;
/// The command line cannot be followed, as clap has it.
const USAGE: u8 = 2;
/// Stopped by an interrupt, as shells have it.
const INTERRUPTED: u8 = 130;

/// Run the command with these arguments, the program's name not among them.
///
/// Exits with 0 if everything was measured, 1 if something could not be (the report says what), 2 for a
/// command line that cannot be followed, 130 after an interrupt.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("fork-probe");
    match Arguments::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(arguments) => ExitCode::from(perform(&arguments)),
        Err(error) => {
            // Whoever closed the stream does not want to read it.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
        }
    }
}

/// A report: for people, for machines, as a picture.
struct Report {
    text: String,
    json: serde_json::Value,
    svg: String,
    complete: bool,
}

fn perform(arguments: &Arguments) -> u8 {
    let stop = interrupt::flag();
    let probe = ForkProbe::new()
        .deadline(Duration::from_secs_f64(arguments.deadline))
        .stop_when(stop);
    let what = arguments.what.clone();
    let report = match what.unwrap_or(What::Matrix {
        pages: 16,
        accounts: false,
    }) {
        What::Matrix { pages, accounts } => {
            of_matrix(&probe.pages(pages as usize).matrix(), accounts)
        }
        What::Hazards => of_hazards(&probe.hazards()),
        What::Bill {
            blocks,
            deeds,
            seed,
            items,
        } => {
            let work = Workload {
                blocks: blocks as usize,
                deeds: deeds.unwrap_or((blocks / 100).max(1)) as usize,
                seed,
            };
            of_bills(&work, &bills::draw_up(&probe, &work), items)
        }
        What::Latency { up_to, runs } => {
            of_latency(&probe.latency((up_to as usize) << 20, runs as usize))
        }
    };
    let interrupted = stop.load(std::sync::atomic::Ordering::Relaxed);
    let told = tell(arguments, &report);
    if interrupted {
        INTERRUPTED
    } else if told && report.complete {
        WHOLE
    } else {
        PARTIAL
    }
}

fn of_matrix(matrix: &Matrix, accounts: bool) -> Report {
    let mut text = text::matrix(matrix);
    if accounts {
        text.push_str(&text::accounts::all(matrix));
    }
    Report {
        text,
        json: json::report("matrix", matrix),
        svg: page::matrix(matrix),
        complete: matrix.complete,
    }
}

fn of_hazards(hazards: &Hazards) -> Report {
    Report {
        text: text::hazards::hazards(hazards),
        json: json::report("hazards", hazards),
        svg: page::bars::amplification(hazards.amplification.as_ref()),
        complete: hazards.unseen.is_empty(),
    }
}

fn of_bills(work: &Workload, Bills { bills, stopped }: &Bills, items: bool) -> Report {
    let mut text = text::bills::bills(work, bills, items);
    let stopped = stopped.as_ref().map(ToString::to_string);
    if let Some(why) = &stopped {
        text.push_str(&format!("partial: {why}\n"));
    }
    let all = serde_json::json!({ "work": work, "bills": bills, "stopped": stopped });
    Report {
        text,
        json: json::report("bill", &all),
        svg: page::bars::bills(work, bills),
        complete: stopped.is_none(),
    }
}

fn of_latency(latency: &Latency) -> Report {
    Report {
        text: text::curves::latency(latency),
        json: json::report("latency", latency),
        svg: page::chart::latency(latency),
        complete: latency.complete,
    }
}

/// Print, and draw; tell whether both could be done.
fn tell(arguments: &Arguments, report: &Report) -> bool {
    let mut done = true;
    if let Some(file) = &arguments.svg
        && let Err(error) = std::fs::write(file, &report.svg)
    {
        eprintln!("fork-probe: cannot write {}: {error}", file.display());
        done = false;
    }
    let printed = if arguments.json {
        writeln!(io::stdout(), "{:#}", report.json)
    } else {
        io::stdout().write_all(report.text.as_bytes())
    };
    match printed {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("fork-probe: cannot print: {error}");
            false
        }
        _ => done,
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.01 to 3600 is needed".to_owned()),
    }
}

//! arena-core beside its peers: counted, held to its goals, timed, put into tables.
//!
//! `cargo xtask bench` counts instructions and page faults and writes them to `dev/bench/results/`;
//! `--check` counts what the gate needs, tagheap's churn and malloc-fault's library too, writes nothing,
//! and fails on a missed goal; `--times` measures times, `--tracing` those of a traced arena; `--tables` makes the tables
//! from the data files again.

use crate::run::{Outcome, need};

mod count;
mod data;
mod gate;
mod goals;
mod heaps;
mod interposer;
mod program;
mod tables;
mod times;
mod tracing;

use program::Program;

/// What to do with the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Count everything and write it down.
    Count,
    /// Count what the gate needs and hold it against the goals.
    Check,
    /// Measure times and write them down.
    Times,
    /// Count and measure what tracing takes, beside AddressSanitizer, and write it down.
    Tracing,
    /// Make the tables again from what is written down.
    Tables,
}

/// Do it.
pub(crate) fn run_mode(mode: Mode) -> Outcome {
    match mode {
        Mode::Count => {
            let program = prepare(&["peers", "mimalloc"])?;
            data::write_environment()?;
            data::write(
                data::INSTRUCTIONS,
                &count::instructions(&program, |_| true)?,
            )?;
            data::write(data::FAULTS, &count::faults(&program, |_| true)?)?;
            tables::write_all()
        }
        Mode::Times => {
            let program = prepare(&["peers", "mimalloc"])?;
            data::write_environment()?;
            let (times, drops) = times::measure(&program)?;
            data::write(data::TIMES, &times)?;
            data::write(data::DROPS, &drops)?;
            tables::write_all()
        }
        Mode::Tracing => {
            let program = prepare(&["traced"])?;
            data::write(data::TRACING, &count::tracing(&program)?)?;
            data::write(data::TRACING_FAULTS, &count::tracing_faults(&program)?)?;
            data::write(data::TRACING_TIMES, &tracing::measure(program)?)?;
            tables::write_all()
        }
        Mode::Tables => tables::write_all(),
        Mode::Check => {
            let program = prepare(&["peers", "traced"])?;
            let is_gated = |peer: &str| !matches!(peer, "glibc" | "mimalloc");
            let counts = count::instructions(&program, is_gated)?;
            let faults = count::faults(&program, |peer| peer.starts_with("arena-core"))?;
            let traced = count::tracing(&program)?;
            let traced_faults = count::tracing_faults(&program)?;
            print!("{}", tables::instructions(&counts));
            goals::hold(&counts, &faults, &traced, &traced_faults)?;
            interposer::hold(&program)?;
            heaps::hold()
        }
    }
}

/// What `cargo xtask ci` runs.
pub(crate) fn run_bench(check: bool) -> Outcome {
    run_mode(if check { Mode::Check } else { Mode::Count })
}

fn prepare(features: &[&str]) -> Outcome<Program> {
    need("valgrind", "valgrind")?;
    if features.contains(&"mimalloc") {
        need("cc", "gcc")?;
    }
    Program::build(features)
}

//! Runs one workload on one peer, a given number of times: what callgrind counts.
//!
//! `cargo xtask bench` runs this twice under callgrind, with different counts, and divides the
//! difference: set-up and tear-down cancel out.

use std::hint::black_box;
use std::process::ExitCode;

mod limit;
mod peers;

/// A struct of 40 bytes, as a node of a tree might be.
#[derive(Clone, Copy)]
struct Forty {
    _words: [u64; 5],
}

impl Forty {
    #[inline(always)]
    fn new(n: u64) -> Self {
        Self { _words: [n; 5] }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [workload, peer, count] = args.as_slice() else {
        eprintln!(
            "usage: bench <{}> <peer> <count>",
            peers::WORKLOADS.join("|")
        );
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse::<u64>() else {
        eprintln!("bench: {count:?} is not a count");
        return ExitCode::from(2);
    };
    match peers::find(workload, peer) {
        Some(run) => {
            run(black_box(count));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!(
                "bench: no workload {workload:?} for peer {peer:?}; peers: {}",
                peers::NAMES.join(", ")
            );
            ExitCode::from(2)
        }
    }
}

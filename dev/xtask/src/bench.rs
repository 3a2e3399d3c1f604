//! Instruction counts beside the peers, by callgrind: the same whatever else the machine does.

use std::fmt::Write as _;

use crate::run::{Outcome, command, need, output, root, run};

const WORKLOADS: [(&str, &str); 2] = [("one-u64", "one u64"), ("forty-bytes", "a 40-byte struct")];
const PEERS: [(&str, &str); 6] = [
    ("limit", "hand-written limit"),
    ("arena-core", "arena-core"),
    ("arena-core-1", "arena-core, min-align 1"),
    ("bumpalo", "bumpalo"),
    ("bump-scope", "bump-scope"),
    ("bump-scope-8", "bump-scope, min-align 8"),
];

/// The most instructions an operation may take on arena-core with a minimum alignment of 8.
const GOALS: [f64; 2] = [10.0, 14.0];

/// Where the table goes that documents stamp.
const TABLE: &str = "dev/bench/results/instructions.md";

/// Count every workload on every peer.
fn count_all() -> Outcome<Vec<Vec<f64>>> {
    need("valgrind", "valgrind")?;
    run(command(
        "cargo build --quiet --package bench --profile bench",
    ))?;
    WORKLOADS
        .iter()
        .map(|(workload, _)| {
            PEERS
                .iter()
                .map(|(peer, _)| instructions(workload, peer))
                .collect()
        })
        .collect()
}

/// Count, and write the table, or hold the counts against the goals.
pub(crate) fn run_bench(check: bool) -> Outcome {
    let counts = count_all()?;
    let table = table(&counts);
    print!("{table}");
    if !check {
        return std::fs::write(root().join(TABLE), table)
            .map_err(|error| format!("{TABLE}: {error}"));
    }
    for ((row, goal), (_, workload)) in counts.iter().zip(GOALS).zip(WORKLOADS) {
        let ours = row[1];
        if ours > goal {
            return Err(format!(
                "{workload}: {ours} instructions an operation, the goal is {goal}"
            ));
        }
    }
    Ok(())
}

/// Instructions an operation: the difference of two runs, so that set-up cancels out.
fn instructions(workload: &str, peer: &str) -> Outcome<f64> {
    const FEW: u64 = 100_000;
    const MANY: u64 = 300_000;
    let (few, many) = (total(workload, peer, FEW)?, total(workload, peer, MANY)?);
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

fn total(workload: &str, peer: &str, count: u64) -> Outcome<u64> {
    let line = format!(
        "valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/bench {workload} {peer} {count}"
    );
    let said = String::from_utf8_lossy(&output(command(&line))?.stderr).into_owned();
    let collected = said
        .lines()
        .find_map(|line| line.split("Collected :").nth(1));
    collected
        .and_then(|n| n.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing:\n{said}"))
}

fn table(counts: &[Vec<f64>]) -> String {
    let mut out = String::from("| instructions an operation |");
    for (_, name) in PEERS {
        let _ = write!(out, " {name} |");
    }
    out += "\n|---|";
    out += &"---|".repeat(PEERS.len());
    for ((_, workload), row) in WORKLOADS.iter().zip(counts) {
        let _ = write!(out, "\n| {workload} |");
        for count in row {
            let _ = write!(out, " {count:.1} |");
        }
    }
    out + "\n"
}

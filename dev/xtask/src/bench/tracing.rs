//! What tracing costs in time, beside AddressSanitizer: the same program built three times, and all
//! measured in one run, in shuffled order.

use std::rc::Rc;

use super::data::{Figure, Spread};
use super::program::Program;
use super::times::shuffle;
use crate::run::Outcome;

/// How the program is built: a name, the words that a title gets, cargo, arguments, flags. The first is
/// built already.
const BUILDS: [[&str; 5]; 3] = [
    ["", "", "cargo", "--features traced", ""],
    [
        "nightly-",
        ", nightly",
        "cargo +nightly",
        "--target x86_64-unknown-linux-gnu --target-dir target/nightly",
        "",
    ],
    [
        "asan-",
        ", AddressSanitizer",
        "cargo +nightly",
        "--target x86_64-unknown-linux-gnu --target-dir target/asan --features arena-core/asan",
        "-Zsanitizer=address",
    ],
];

/// What is measured of each build. AddressSanitizer is told what the blocks of an arena are; malloc's
/// it knows by itself.
const PEERS: [&[&str]; 3] = [
    &[
        "arena-core",
        "traced-off",
        "traced-canary",
        "traced-recording",
    ],
    &["arena-core", "glibc"],
    &["arena-core", "glibc"],
];

/// What a peer is compared with.
pub(crate) const BARE: [(&str, &str); 5] = [
    ("traced-off", "arena-core"),
    ("traced-canary", "arena-core"),
    ("traced-recording", "arena-core"),
    ("asan-arena-core", "nightly-arena-core"),
    ("asan-glibc", "nightly-glibc"),
];

/// The workloads, with the count and the passes of a run: of those on fresh memory, each on an arena of
/// its own.
pub(crate) const WORKLOADS: [(&str, u64, u64); 3] = [
    ("freed-line", 65_536, 51),
    ("fresh-line", FRESH, 9),
    ("fresh-freed-line", FRESH, 9),
];

/// Blocks on fresh memory.
pub(crate) const FRESH: u64 = 1 << 18;

const ROUNDS: usize = 11;

/// Measure nanoseconds an operation, of the time that the thread had of a processor.
pub(crate) fn measure(program: Program) -> Outcome<Vec<Figure>> {
    let mut plan = Vec::new();
    let mut ours = Some(program);
    for ([name, words, cargo, arguments, flags], peers) in BUILDS.into_iter().zip(PEERS) {
        let program = match ours.take() {
            Some(program) => program,
            None => Program::build_as(cargo, arguments, flags)?,
        };
        let program = Rc::new(program);
        for (workload, count, passes) in WORKLOADS {
            for run in &program.runs {
                if run.workload == workload && peers.contains(&run.peer.as_str()) {
                    let mut figure = Figure::of(run, 0.0);
                    figure.peer = format!("{name}{}", run.peer);
                    figure.title = format!("{}{words}", run.title);
                    plan.push((
                        program.clone(),
                        run.clone(),
                        count,
                        passes,
                        figure,
                        Vec::new(),
                    ));
                }
            }
        }
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..ROUNDS {
        let mut order: Vec<usize> = (0..plan.len()).collect();
        shuffle(&mut order, &mut random);
        for index in order {
            let (program, run, count, passes, _, samples) = &mut plan[index];
            let report = program.run(run, *count, *passes)?;
            samples.push(report.cpu_ns as f64 / report.operations as f64);
        }
    }
    let figures = plan.into_iter().map(|(.., figure, samples)| Figure {
        spread: Spread::of(&samples),
        ..figure
    });
    Ok(figures.collect())
}

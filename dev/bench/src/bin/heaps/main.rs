//! tagheap beside other heaps: churn, tags, defragmentation, and how much room they need.
//!
//! `cargo run --profile bench -p bench --features heaps --bin heaps` prints the tables; with the path
//! of a file behind it, they are written there; `heaps times 1000` prints one column of the first, and
//! `heaps defrag` the third.
//!
//! Each time is the median of rounds, and a round runs every heap once, so that what else the machine
//! does falls on all of them.

use std::fmt::Write;
use std::process::ExitCode;

mod churn;
mod clock;
mod counted;
mod moves;
mod peers;
mod random;
mod traces;

use churn::{Churn, Setting};
use peers::Peer;
use traces::TRACES;

/// Rounds of the churn, which are short.
const CHURN_ROUNDS: usize = 31;

/// Rounds of the rest.
const ROUNDS: usize = 11;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [peak, index] = &args[..]
        && peak == "peak"
        && let Ok(index) = index.parse()
    {
        println!("{}", traces::peak_of_malloc(index));
        return ExitCode::SUCCESS;
    }
    if args == ["defrag"] {
        print!("{}", defrag_table());
        return ExitCode::SUCCESS;
    }
    if let [what, live] = &args[..]
        && what == "times"
        && let Ok(live) = live.parse()
    {
        let [times] = churn_times([Setting::with(live)]);
        for (peer, time) in Peer::ALL.iter().zip(times) {
            println!("{time:8.1} {}", peer.name());
        }
        return ExitCode::SUCCESS;
    }
    if let [what, peer, live, pairs] = &args[..]
        && what == "churn"
    {
        return counted::run(peer, live, pairs);
    }
    let tables = [churn_table(), tag_table(), defrag_table(), room_table()].join("\n");
    let written = match args.first() {
        Some(path) => std::fs::write(path, &tables),
        None => Ok(()),
    };
    print!("{tables}");
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("heaps: {error}");
            ExitCode::FAILURE
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A row of a Markdown table.
fn row(out: &mut String, head: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<_> = cells.into_iter().collect();
    let _ = writeln!(out, "| {head} | {} |", cells.join(" | "));
}

fn head(out: &mut String, title: &str, columns: &[String]) {
    row(out, title, columns.iter().cloned());
    let _ = writeln!(out, "|---|{}", "---:|".repeat(columns.len()));
}

fn churn_table() -> String {
    let mut out = String::new();
    let columns = Setting::ALL.map(Setting::name);
    head(
        &mut out,
        "nanoseconds for a free and an allocation",
        &columns,
    );
    let times = churn_times(Setting::ALL);
    for (index, peer) in Peer::ALL.iter().enumerate() {
        row(
            &mut out,
            peer.name(),
            times.iter().map(|times| format!("{:.0}", times[index])),
        );
    }
    out
}

/// The medians of all peers in all settings, interleaved.
fn churn_times<const N: usize>(settings: [Setting; N]) -> [[f64; Peer::ALL.len()]; N] {
    let mut churns = settings.map(|setting| Peer::ALL.map(|peer| Churn::new(peer, setting)));
    let mut rounds = settings.map(|_| Peer::ALL.map(|_| Vec::new()));
    for _ in 0..CHURN_ROUNDS {
        for (churn, times) in churns.iter_mut().flatten().zip(rounds.iter_mut().flatten()) {
            times.push(churn.round());
        }
    }
    rounds.map(|rounds| rounds.map(median))
}

fn tag_table() -> String {
    let mut out = String::new();
    let blocks = [10, 1_000, 50_000];
    let columns = blocks.map(|blocks| format!("{blocks} blocks"));
    head(
        &mut out,
        "`free_tags` of one tag among 100,000 blocks",
        &columns,
    );
    let time = |blocks| median((0..ROUNDS).map(|_| moves::free_tag(blocks)).collect());
    row(
        &mut out,
        "nanoseconds for each freed",
        blocks.map(|blocks| format!("{:.0}", time(blocks))),
    );
    out
}

fn defrag_table() -> String {
    let mut out = String::new();
    let sizes = [4096 - 24, 64];
    let columns = sizes.map(|size| format!("payloads of {size} bytes"));
    head(
        &mut out,
        "gigabytes a second, 64 MiB, every third block freed",
        &columns,
    );
    let rounds = sizes.map(|size| (0..ROUNDS).map(|_| moves::defrag(size)).collect::<Vec<_>>());
    let column = |pick: fn(&(f64, f64)) -> f64| {
        rounds
            .each_ref()
            .map(|rounds| median(rounds.iter().map(pick).collect()))
    };
    let (defrag, plain) = (column(|round| round.0), column(|round| round.1));
    row(
        &mut out,
        "the same moves, and nothing else",
        plain.map(|rate| format!("{rate:.2}")),
    );
    row(
        &mut out,
        "`defrag`",
        defrag.map(|rate| format!("{rate:.2}")),
    );
    let share = [0, 1].map(|index| format!("{:.2}", defrag[index] / plain[index]));
    row(&mut out, "share", share);
    out
}

fn room_table() -> String {
    let mut out = String::new();
    let peers = [Peer::TagHeap, Peer::Rlsf, Peer::Talc, Peer::Glibc];
    let columns = peers.map(|peer| peer.name().to_owned());
    head(
        &mut out,
        "most live of the least room that will do",
        &columns,
    );
    for (index, (name, make)) in TRACES.iter().enumerate() {
        let live = traces::most_live(&make()) as f64;
        let share = |peer| format!("{:.0} %", 100.0 * live / traces::least(peer, index) as f64);
        row(&mut out, name, peers.map(share));
    }
    out
}

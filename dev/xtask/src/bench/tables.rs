//! The tables: made from the data files alone, stamped into the documents by `cargo xtask book`.

use std::fmt::Write as _;

use super::data::{self, Figure, Spread, value};
use super::goals::{self, Goal};
use super::tracing;
use crate::run::Outcome;

/// What each workload is called in a table.
const WORKLOADS: [(&str, &str); 14] = [
    ("one-u64", "one u64"),
    ("forty-bytes", "a 40-byte struct"),
    (
        "mixed-layouts",
        "mixed sizes 1-256, aligns 1-16, raw `Layout`",
    ),
    ("slices-and-str", "slices of 16-64 bytes and `str`"),
    ("vec-push", "`Vec` push through allocator-api2"),
    (
        "short-lived",
        "short-lived arena: create, 32 allocations, drop",
    ),
    ("rewind", "checkpoint, 16 allocations, rewind"),
    ("tree", "binary tree, depth 20, a node"),
    ("vec-faults", "4 Mi pushes into a `Vec` in a fresh arena"),
    ("cold-objects", "1 GiB of 64-byte objects, cold"),
    ("two-threads", "two threads, one u64 at a time"),
    ("freed-line", "64 bytes allocated, written, freed"),
    ("fresh-line", "64 bytes allocated, written, in fresh memory"),
    (
        "fresh-freed-line",
        "64 bytes allocated, written, freed, in fresh memory",
    ),
];

/// Make every table of what has been measured.
pub(crate) fn write_all() -> Outcome {
    let counts = data::read(data::INSTRUCTIONS)?;
    let faults = data::read(data::FAULTS)?;
    let traced = [
        data::read(data::TRACING)?,
        data::read(data::TRACING_FAULTS)?,
    ];
    for (name, text) in all(&counts, &faults, &traced)? {
        data::write_text(name, &text)?;
    }
    Ok(())
}

/// The tables' files and what is to be in them; of traced arenas, instructions and page faults.
fn all(
    counts: &[Figure],
    faults: &[Figure],
    traced: &[Vec<Figure>; 2],
) -> Outcome<Vec<(&'static str, String)>> {
    let mut tables = vec![
        ("instructions.md", instructions(counts)),
        (
            "threads.md",
            by_peer(&by_threads(counts).1, "instructions a block", 1),
        ),
        ("faults.md", by_peer(faults, "page faults", 0)),
        ("goals.md", goals_table(counts, faults, traced)),
        ("environment.md", environment()?),
    ];
    tables.push((
        "tracing.md",
        tracing_table(&traced[0], &data::read(data::TRACING_TIMES)?),
    ));
    if let (Ok(times), Ok(drops)) = (data::read(data::TIMES), data::read(data::DROPS)) {
        let (alone, together) = by_threads(&times);
        tables.push((
            "times.md",
            by_workload(&alone, "nanoseconds an operation", cell_ns),
        ));
        tables.push(("drops.md", by_peer(&drops, "milliseconds to drop", 1)));
        tables.push((
            "threads-times.md",
            by_peer(&together, "nanoseconds a block", 2),
        ));
    }
    Ok(tables)
}

/// The table of instructions, as it is printed too.
pub(crate) fn instructions(counts: &[Figure]) -> String {
    let (mut alone, _) = by_threads(counts);
    alone.retain(|figure| {
        !tracing::WORKLOADS
            .iter()
            .any(|(name, ..)| *name == figure.workload)
    });
    by_workload(&alone, "instructions an operation", |figure| {
        format!("{:.1}", figure.spread.median)
    })
}

/// Part what one thread does from what two do.
fn by_threads(figures: &[Figure]) -> (Vec<Figure>, Vec<Figure>) {
    figures
        .iter()
        .cloned()
        .partition(|figure| figure.workload != "two-threads")
}

fn cell_ns(figure: &Figure) -> String {
    let spread = figure.spread;
    let half = (spread.high - spread.low) / 2.0 / spread.median * 100.0;
    format!("{:.2} ±{half:.0} %", spread.median)
}

/// Workloads down, peers across, a dash where a peer cannot.
fn by_workload(figures: &[Figure], what: &str, cell: impl Fn(&Figure) -> String) -> String {
    let peers = peers(figures);
    let mut out = format!("| {what} |");
    for (_, title) in &peers {
        let _ = write!(out, " {title} |");
    }
    let _ = write!(out, "\n|---|{}", "---:|".repeat(peers.len()));
    for (workload, title) in WORKLOADS {
        let row: Vec<&Figure> = figures
            .iter()
            .filter(|figure| figure.workload == workload)
            .collect();
        if row.is_empty() {
            continue;
        }
        let _ = write!(out, "\n| {title} |");
        for (peer, _) in &peers {
            let figure = row.iter().find(|figure| figure.peer == *peer);
            let text = figure.map_or_else(|| "–".to_owned(), |figure| cell(figure));
            let _ = write!(out, " {text} |");
        }
    }
    out + "\n"
}

/// Instructions and nanoseconds of a traced arena and of others, each with how many times those of its
/// bare peer it is.
fn tracing_table(counts: &[Figure], times: &[Figure]) -> String {
    let mut out = String::from("| an operation |");
    for (name, ..) in tracing::WORKLOADS {
        let title = WORKLOADS.iter().find(|(workload, _)| *workload == name);
        let title = title.map_or(name, |(_, title)| title);
        let _ = write!(out, " {title}: instructions | nanoseconds |");
    }
    let _ = write!(
        out,
        "\n|---|{}",
        "---:|---:|".repeat(tracing::WORKLOADS.len())
    );
    for (peer, title) in peers(times) {
        let _ = write!(out, "\n| {title} |");
        for (workload, ..) in tracing::WORKLOADS {
            for (figures, decimals) in [(counts, 1), (times, 2)] {
                let text = beside_bare(figures, workload, peer, decimals);
                let _ = write!(out, " {} |", text.as_deref().unwrap_or("–"));
            }
        }
    }
    out + "\n"
}

/// The median, the quartiles where they differ, and how many times the bare peer's median it is.
fn beside_bare(figures: &[Figure], workload: &str, peer: &str, decimals: usize) -> Option<String> {
    let of = |peer: &str, figure: &&Figure| figure.workload == workload && figure.peer == peer;
    let Spread { median, low, high } = figures.iter().find(|figure| of(peer, figure))?.spread;
    let mut text = format!("{median:.decimals$}");
    if low != high {
        let _ = write!(text, " ({low:.decimals$} to {high:.decimals$})");
    }
    let bare = tracing::BARE.iter().find(|(name, _)| *name == peer);
    if let Some(bare) = bare.and_then(|(_, bare)| value(figures, workload, bare)) {
        let _ = write!(text, ", {:.2}×", median / bare);
    }
    Some(text)
}

/// Peers down, workloads across: median, and the quartiles where they differ.
fn by_peer(figures: &[Figure], what: &str, decimals: usize) -> String {
    let workloads: Vec<_> = WORKLOADS
        .iter()
        .filter(|(name, _)| figures.iter().any(|figure| figure.workload == *name))
        .collect();
    let mut out = format!("| {what} |");
    for (_, title) in &workloads {
        let _ = write!(out, " {title} |");
    }
    let _ = write!(out, "\n|---|{}", "---:|".repeat(workloads.len()));
    for (peer, title) in peers(figures) {
        let _ = write!(out, "\n| {title} |");
        for (workload, _) in &workloads {
            let figure = figures
                .iter()
                .find(|figure| figure.peer == peer && figure.workload == *workload);
            let text = match figure.map(|figure| figure.spread) {
                None => "–".to_owned(),
                Some(spread) if spread.low == spread.high => {
                    format!("{:.decimals$}", spread.median)
                }
                Some(spread) => format!(
                    "{:.decimals$} ({:.decimals$} to {:.decimals$})",
                    spread.median, spread.low, spread.high
                ),
            };
            let _ = write!(out, " {text} |");
        }
    }
    out + "\n"
}

/// Each peer once, with its title, in the order of the file.
fn peers(figures: &[Figure]) -> Vec<(&str, &str)> {
    let mut peers: Vec<(&str, &str)> = Vec::new();
    for figure in figures {
        if !peers.iter().any(|(peer, _)| *peer == figure.peer) {
            peers.push((&figure.peer, &figure.title));
        }
    }
    peers
}

fn goals_table(counts: &[Figure], faults: &[Figure], traced: &[Vec<Figure>; 2]) -> String {
    let mut out = String::from("| goal | on | at most | measured | |\n|---|---|---:|---:|---|");
    let mut row = |goal: &Goal, figures: &[Figure], above: f64, unit: &str| {
        let at_most = goal.at_most + above;
        let Some(measured) = value(figures, goal.workload, goal.peer) else {
            return;
        };
        let held = if goal.allows(measured, at_most) {
            "held"
        } else {
            "missed"
        };
        let title = WORKLOADS
            .iter()
            .find(|(workload, _)| *workload == goal.workload)
            .map_or(goal.workload, |(_, title)| title);
        let on = figures
            .iter()
            .find(|figure| figure.peer == goal.peer)
            .map_or(goal.peer, |figure| &figure.title);
        let (at_most, measured) = if unit == "faults" {
            (format!("{at_most:.0}"), format!("{measured:.0}"))
        } else {
            (format!("{at_most:.1}"), format!("{measured:.1}"))
        };
        let _ = write!(
            out,
            "\n| {title}, {unit} | {on} | {at_most} | {measured} | {held} |"
        );
    };
    for goal in goals::INSTRUCTIONS {
        row(goal, counts, 0.0, "instructions");
    }
    for goal in goals::ABOVE_LIMIT {
        let limit = value(counts, goal.workload, "limit").unwrap_or(0.0);
        row(goal, counts, limit, "instructions");
    }
    for goal in goals::FAULTS {
        row(goal, faults, 0.0, "faults");
    }
    let [traced, traced_faults] = traced;
    for &(workload, peer, times, bare) in goals::RATIOS {
        let bare = value(traced, workload, bare).unwrap_or(0.0);
        let goal = goals::instructions(workload, peer, times * bare);
        row(&goal, traced, 0.0, "instructions");
    }
    for &(workload, peer, times, bare) in goals::FAULT_RATIOS {
        let bare = value(traced_faults, workload, bare).unwrap_or(0.0);
        row(
            &goals::faults(workload, peer, times * bare),
            traced_faults,
            0.0,
            "faults",
        );
    }
    out + "\n"
}

fn environment() -> Outcome<String> {
    let text = data::read_text(data::ENVIRONMENT)?;
    let mut out = String::from("| measured with | |\n|---|---|\n");
    for line in text.lines().skip(1) {
        let (what, version) = line.split_once(',').unwrap_or((line, ""));
        let _ = writeln!(out, "| {what} | {version} |");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_made_from_the_data_beside_it() {
        let counts = data::read(data::INSTRUCTIONS).unwrap();
        let faults = data::read(data::FAULTS).unwrap();
        let traced = [data::TRACING, data::TRACING_FAULTS].map(|file| data::read(file).unwrap());
        for (name, text) in all(&counts, &faults, &traced).unwrap() {
            assert_eq!(
                data::read_text(name).unwrap(),
                text,
                "dev/bench/results/{name}: run `cargo xtask bench --tables`"
            );
        }
    }
}

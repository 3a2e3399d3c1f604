//! Reports for people.

pub(super) mod accounts;
pub(super) mod bills;
pub(super) mod curves;
pub(super) mod hazards;

use std::fmt::Write;

use super::json::kernel_version;
use crate::matrix::{Matrix, Result, Row};
use crate::observation::{BothAllocate, Observation, PageState, Source, Writes};
use crate::recipe::AtFork;

/// How many pages of a map are printed; a huge page has too many, and they repeat.
const MAP: usize = 16;

/// The matrix as a table.
pub(super) fn matrix(matrix: &Matrix) -> String {
    let mut text = format!(
        "what fork does to {} pages of {} bytes, on Linux {}\n\
         the child writes a byte in every second page, the parent in every fourth, not the same\n\n",
        matrix.pages,
        matrix.page_size,
        kernel_version(),
    );
    line(
        &mut text,
        "mapping",
        [
            "child",
            "each sees",
            "pages",
            "copied",
            "faults",
            "both",
            "",
        ],
    );
    line(
        &mut text,
        "",
        [
            "reads",
            "the other",
            "",
            "c + p",
            "c + p + again",
            "allocate",
            "the child",
        ],
    );
    for row in &matrix.rows {
        matrix_row(&mut text, row);
    }
    text.push('\n');
    let legend = PageState::ALL.map(|state| format!("{} {}", state.letter(), state.name()));
    let _ = writeln!(text, "pages: {}", legend.join(", "));
    let _ = writeln!(
        text,
        "copied: pages that were shared before a side's writes and not after; c by the child, p by the parent\n\
         again: the parent's faults where the child wrote before it; nothing is copied a second time\n\
         both allocate: a block of 64 bytes each, from the inherited arena"
    );
    for line in sources(matrix) {
        let _ = writeln!(text, "{line}");
    }
    let milliseconds = matrix.nanoseconds / 1_000_000;
    let _ = if matrix.complete {
        writeln!(text, "{} mappings in {milliseconds} ms", matrix.rows.len())
    } else {
        let whole = matrix.rows.len();
        writeln!(
            text,
            "partial: {whole} mappings in {milliseconds} ms, and not all of them whole"
        )
    };
    text
}

fn line(text: &mut String, name: &str, cells: [&str; 7]) {
    let [reads, sees, map, copied, faults, both, end] = cells;
    let all = format!(
        "{name:<29} {reads:<7} {sees:<10} {map:<16}  {copied:<9} {faults:<15} {both:<11} {end}"
    );
    text.push_str(all.trim_end());
    text.push('\n');
}

fn matrix_row(text: &mut String, row: &Row) {
    let name = match row.recipe.at_fork {
        AtFork::Inherit => row.recipe.ground.to_string(),
        advice => format!("  + {advice}"),
    };
    match &row.result {
        Result::Seen(seen) => observation(text, &name, seen),
        Result::Refused { errno, why } => {
            let why = errno.map_or(why.clone(), |errno| {
                format!("refused: {:?}", nix::errno::Errno::from_raw(errno))
            });
            let _ = writeln!(text, "{name:<29} {why}");
        }
    }
}

fn observation(text: &mut String, name: &str, seen: &Observation) {
    let reads = match seen.child_sees_inherited {
        Some(true) => "bytes",
        Some(false) => "zeroes",
        None => "–",
    };
    let sees = match (seen.parent_sees_child, seen.child_sees_parent) {
        (Some(true), Some(true)) => "yes",
        (Some(false), Some(false)) => "no",
        (None, None) => "–",
        _ => "one way",
    };
    let map: String = seen.letters().chars().take(MAP).collect();
    let copied = |writes: &Writes| {
        writes
            .copied()
            .map_or("?".to_owned(), |pages| pages.to_string())
    };
    let written = seen.child.pages > 0;
    let (copied, faults) = if written {
        (
            format!("{} + {}", copied(&seen.child), copied(&seen.parent)),
            format!(
                "{} + {} + {}",
                seen.child.faults, seen.parent.faults, seen.rewrites.faults
            ),
        )
    } else {
        ("–".to_owned(), "–".to_owned())
    };
    let both = seen
        .both_allocate
        .as_ref()
        .map_or("–", BothAllocate::in_words);
    let mut end = seen.end.to_string();
    if let Some(refusal) = seen.refusal {
        let _ = write!(end, ", {refusal}");
    }
    if !seen.complete {
        end.push_str(" (partial)");
    }
    line(
        text,
        name,
        [reads, sees, &map, &copied, &faults, both, &end],
    );
}

impl BothAllocate {
    fn in_words(&self) -> &'static str {
        match (self.same_offset(), self.child_bytes_lost) {
            (true, true) => "same, lost",
            (true, false) => "same, apart",
            (false, true) => "other, lost",
            (false, false) => "other",
        }
    }
}

/// Who said what became of the pages, whether two sources agree, and what could not be seen.
fn sources(matrix: &Matrix) -> Vec<String> {
    let seen: Vec<_> = matrix
        .rows
        .iter()
        .filter_map(|row| match &row.result {
            Result::Seen(seen) => Some(seen),
            Result::Refused { .. } => None,
        })
        .collect();
    let mut lines = Vec::new();
    if let Some(private) = seen.iter().find(|seen| seen.child.pages > 0) {
        lines.push(match private.map_source {
            Source::Frames => "source: frame numbers from pagemap".to_owned(),
            Source::Exclusive => {
                "source: pagemap's exclusive bit (frame numbers are for root alone)".to_owned()
            }
            Source::Bytes => "source: the bytes each side reads, for want of pagemap".to_owned(),
        });
    }
    let both = |writes: &Writes| writes.copied_by_pagemap.zip(writes.copied_by_smaps);
    let pairs: Vec<_> = seen
        .iter()
        .flat_map(|seen| [&seen.child, &seen.parent, &seen.rewrites].map(both))
        .flatten()
        .collect();
    let agree = pairs
        .iter()
        .filter(|(pagemap, smaps)| pagemap == smaps)
        .count();
    if !pairs.is_empty() {
        lines.push(format!(
            "pagemap and smaps agree on {agree} of {} counts of copied pages",
            pairs.len()
        ));
    }
    for why in seen.iter().flat_map(|seen| &seen.unseen) {
        let line = format!("not seen: {why}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

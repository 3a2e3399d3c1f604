//! Which bytes of a region are worth a picture.

use crate::event::Action;
use crate::history::History;
use crate::trace::Trace;

/// A part of a region that is drawn in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The row in [`History::regions`].
    pub ground: usize,
    /// The first byte, counted from the base of the region.
    pub from: u64,
    /// The first byte that is not drawn.
    pub to: u64,
}

impl Window {
    /// How many bytes it shows.
    #[must_use]
    pub fn len(self) -> u64 {
        self.to - self.from
    }

    /// True if it shows nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.to == self.from
    }
}

/// Gaps up to this are drawn in any case.
const SMALL_GAP: u64 = 4096;

/// The most windows of one region: malloc's heap has as many gaps as one likes.
const MOST: usize = 12;

/// Windows begin and end at multiples of this, where the region allows.
const GRAIN: u64 = 64;

/// The windows of all regions, in the order of the regions: the bytes that anything ever touched,
/// without the large gaps between them.
#[must_use]
pub fn windows(trace: &Trace, history: &History) -> Vec<Window> {
    let touched = touched(trace, history);
    let mut windows = Vec::new();
    for (ground, mut ranges) in touched.into_iter().enumerate() {
        ranges.sort_unstable();
        windows.extend(windows_of(history, ground, &ranges));
    }
    windows
}

/// The ranges that anything touched, for each region.
fn touched(trace: &Trace, history: &History) -> Vec<Vec<(u64, u64)>> {
    let mut touched = vec![Vec::new(); history.regions.len()];
    for placement in &history.placements {
        let extent = placement.extent;
        if let (Some(start), Some(end)) = (extent.start(), extent.end()) {
            touched[placement.ground].push((start, end));
        }
    }
    for (index, event) in trace.events.iter().enumerate() {
        let (Action::Write { region, at, size }
        | Action::Read { region, at, size }
        | Action::Fault {
            region, at, size, ..
        }) = event.action
        else {
            continue;
        };
        if let Some(ground) = history.ground_at(region, index) {
            touched[ground].push((at, at.saturating_add(size)));
        }
    }
    for (after, snapshot) in &trace.snapshots {
        let ground = history.ground_at(snapshot.region, *after);
        if let Some(ground) = ground {
            let ranges = snapshot
                .spans
                .iter()
                .map(|span| (span.at, span.at.saturating_add(span.size)));
            touched[ground].extend(ranges);
        }
    }
    touched
}

fn windows_of(history: &History, ground: usize, ranges: &[(u64, u64)]) -> Vec<Window> {
    let size = history.regions[ground].size;
    let bound = if size == 0 { u64::MAX } else { size };
    let runs = runs(ranges);
    let Some(&(first, _)) = runs.first() else {
        let to = size.clamp(GRAIN, SMALL_GAP);
        let from = 0;
        return vec![Window { ground, from, to }];
    };
    let pieces = runs.into_iter().map(|(from, to)| {
        // An arena is drawn from its base, and with a little of what is left.
        let is_first = from == first && size != 0 && from <= SMALL_GAP;
        let from = if is_first { 0 } else { from - from % GRAIN };
        let spare = if size == 0 { 0 } else { (to - from) / 8 };
        let to = to.saturating_add(spare).checked_next_multiple_of(GRAIN);
        // What was touched beyond the end is drawn too.
        let bound = bound.max(runs_end(ranges));
        let to = to.unwrap_or(u64::MAX).min(bound).max(from + 1);
        Window { ground, from, to }
    });
    pieces.collect()
}

fn runs_end(ranges: &[(u64, u64)]) -> u64 {
    ranges.iter().map(|&(_, end)| end).max().unwrap_or_default()
}

/// Merges sorted ranges that touch or nearly touch.
fn runs(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &(from, to) in ranges {
        match runs.last_mut() {
            Some(last) if from <= last.1.saturating_add(SMALL_GAP) => last.1 = last.1.max(to),
            _ => runs.push((from, to)),
        }
    }
    let mut gaps: Vec<u64> = runs.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    let Some(&limit) = gaps.get(MOST - 1) else {
        return runs;
    };
    let mut fewer: Vec<(u64, u64)> = Vec::new();
    for (from, to) in runs {
        match fewer.last_mut() {
            Some(last) if from - last.1 <= limit => last.1 = to,
            _ => fewer.push((from, to)),
        }
    }
    fewer
}

//! What a heap looks like at one moment: the spans that every renderer draws.

use crate::event::Violation;
use crate::history::{Death, History, Placement};
use crate::snapshot::{Snapshot, State};
use crate::trace::Trace;
use std::collections::BTreeSet;

mod windows;
pub use windows::{Window, windows};

/// A range of bytes of one region that are drawn alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The first byte, counted from the base of the region.
    pub at: u64,
    /// The first byte that is not part of it.
    pub end: u64,
    /// What it is.
    pub state: State,
    /// The row in [`History::placements`], if it is part of a block.
    pub placement: Option<usize>,
    /// The row in the snapshot, if it came from one.
    pub span: Option<usize>,
}

/// The spans of a region at a moment, by rising offset, without a gap from `from` to `to`.
///
/// A snapshot says it all until the next event that changes a block of its region; otherwise the
/// events do. Where two live blocks overlap, the younger one is seen.
#[must_use]
pub fn spans(trace: &Trace, history: &History, window: Window, moment: usize) -> Vec<Drawn> {
    let mut layers = match snapshot_at(trace, history, window.ground, moment) {
        Some(snapshot) => layers_of_snapshot(snapshot),
        None => layers_of_blocks(history, window.ground, moment),
    };
    layers.extend(layers_of_marks(history, window.ground, moment));
    flatten(&layers, window)
}

/// The snapshot that says what a region is at a moment, if one does.
#[must_use]
pub fn snapshot_at<'t>(
    trace: &'t Trace,
    history: &History,
    ground: usize,
    moment: usize,
) -> Option<&'t Snapshot> {
    let region = history.regions[ground].region;
    let found = trace.snapshots.iter().rev().find(|(after, snapshot)| {
        *after <= moment
            && snapshot.region == region
            && history.ground_at(region, *after) == Some(ground)
    });
    let (after, snapshot) = found?;
    let changes = |placement: &Placement| {
        let died = placement.died.map(|(event, _)| event);
        let changed = |event: usize| (*after..moment).contains(&event);
        placement.ground == ground && (changed(placement.born) || died.is_some_and(changed))
    };
    let stale = history.placements.iter().any(changes);
    (!stale).then_some(snapshot)
}

/// One range to be painted; a higher rank is painted over a lower one, a later row over an earlier.
struct Layer {
    at: u64,
    end: u64,
    rank: (u8, usize),
    drawn: Drawn,
}

impl Layer {
    fn new(at: u64, end: u64, rank: (u8, usize), state: State) -> Self {
        let drawn = Drawn {
            at,
            end,
            state,
            placement: None,
            span: None,
        };
        Self {
            at,
            end,
            rank,
            drawn,
        }
    }
}

fn layers_of_blocks(history: &History, ground: usize, moment: usize) -> Vec<Layer> {
    let mut layers = Vec::new();
    let rows = history.placements.iter().enumerate();
    for (row, placement) in rows.take_while(|(_, placement)| placement.born < moment) {
        if placement.ground != ground {
            continue;
        }
        let extent = placement.extent;
        let start = extent.start().unwrap_or_default();
        let end = extent.end().unwrap_or(u64::MAX);
        let mut push = |at, end, rank, state| {
            let mut layer = Layer::new(at, end, (rank, row), state);
            layer.drawn.placement = Some(row);
            layers.push(layer);
        };
        if placement.is_live_at(moment) {
            push(start, end, 2, State::Margin);
            push(extent.at, extent.at + extent.size, 3, State::Live);
        } else {
            push(start, end, 1, State::Freed);
        }
    }
    layers
}

fn layers_of_snapshot(snapshot: &Snapshot) -> Vec<Layer> {
    let spans = snapshot.spans.iter().enumerate();
    let layer = |(row, span): (usize, &crate::snapshot::Span)| {
        let end = span.at.saturating_add(span.size);
        let mut layer = Layer::new(span.at, end, (1, row), span.state);
        layer.drawn.span = Some(row);
        layer
    };
    spans.map(layer).collect()
}

fn layers_of_marks(history: &History, ground: usize, moment: usize) -> Vec<Layer> {
    let marks = history.marks.iter().enumerate();
    let there = marks.filter(|(_, mark)| mark.ground == ground && mark.is_there_at(moment));
    there
        .map(|(row, mark)| {
            let end = mark.at.saturating_add(mark.size.max(1));
            let mut layer = Layer::new(mark.at, end, (4, row), state_of(mark.violation));
            layer.drawn.placement = mark.placement;
            layer
        })
        .collect()
}

/// How bytes are drawn with which this is wrong.
#[must_use]
pub fn state_of(violation: Violation) -> State {
    match violation {
        Violation::Leak => State::Leaked,
        _ => State::Corrupted,
    }
}

/// What is seen of layers from above, from one end of the window to the other.
fn flatten(layers: &[Layer], window: Window) -> Vec<Drawn> {
    let mut edges = Vec::with_capacity(2 * layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let (at, end) = (layer.at.max(window.from), layer.end.min(window.to));
        if at < end {
            edges.push((at, true, index));
            edges.push((end, false, index));
        }
    }
    edges.sort_unstable();
    let mut spans: Vec<Drawn> = Vec::new();
    let mut open = BTreeSet::new();
    let mut at = window.from;
    let mut emit = |at: u64, end: u64, open: &BTreeSet<((u8, usize), usize)>| {
        if at == end {
            return;
        }
        let top = open.last().map(|&(_, index)| layers[index].drawn);
        let unused = Layer::new(at, end, (0, 0), State::Unused).drawn;
        let drawn = Drawn {
            at,
            end,
            ..top.unwrap_or(unused)
        };
        match spans.last_mut() {
            Some(last)
                if last.state == drawn.state
                    && last.placement == drawn.placement
                    && last.span == drawn.span =>
            {
                last.end = end;
            }
            _ => spans.push(drawn),
        }
    };
    for (edge, opens, index) in edges {
        emit(at, edge, &open);
        at = edge;
        let key = (layers[index].rank, index);
        if opens {
            open.insert(key);
        } else {
            open.remove(&key);
        }
    }
    emit(at, window.to, &open);
    spans
}

/// The moment that one picture of a whole recording shows best: the last at which something was
/// wrong, else the first at which the most bytes were live, else the end.
#[must_use]
pub fn best_moment(history: &History) -> usize {
    let last_mark = history.marks.last().map(|mark| mark.born + 1);
    match (last_mark, history.peak()) {
        (Some(mark), _) => mark,
        (None, 0) => history.len(),
        (None, peak) => peak_before_deaths(history, peak),
    }
}

/// The last moment at which a region was as full as it ever was; just before its end if nothing was in it.
#[must_use]
pub fn fullest_moment(history: &History, ground: usize) -> usize {
    let rows = history.placements.iter();
    let mut changes = Vec::new();
    for placement in rows.filter(|placement| placement.ground == ground) {
        let size = i128::from(placement.extent.size);
        changes.push((placement.born, size));
        changes.extend(placement.died.map(|(event, _)| (event, -size)));
    }
    changes.sort_unstable();
    let end = history.regions[ground].died.unwrap_or(history.len());
    let (mut live, mut most, mut moment) = (0, 0, end);
    let events: Vec<_> = changes.chunk_by(|a, b| a.0 == b.0).collect();
    for (index, changes) in events.iter().enumerate() {
        live += changes.iter().map(|(_, size)| size).sum::<i128>();
        if live > 0 && live >= most {
            most = live;
            moment = events.get(index + 1).map_or(end, |next| next[0].0);
        }
    }
    moment
}

/// The last moment after `peak` before any block dies: reads and notes after it change no picture.
fn peak_before_deaths(history: &History, peak: usize) -> usize {
    let deaths = history.placements.iter().filter_map(|placement| {
        let (event, death) = placement.died?;
        (event >= peak && death != Death::Move).then_some(event)
    });
    let births = history.placements.iter().map(|placement| placement.born);
    let unmaps = history.regions.iter().filter_map(|ground| ground.died);
    let next = deaths
        .chain(births)
        .chain(unmaps)
        .filter(|&event| event >= peak)
        .min();
    next.unwrap_or(history.len())
}

#[cfg(test)]
mod tests;

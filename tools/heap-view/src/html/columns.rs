//! A recording as the player reads it: tables by column, numbers as differences from row to row.
//!
//! What a row can be told from another is left out: a block's site is that of the event that made
//! it, how a block ended is the kind of the event that ended it.

use crate::event::{Action, Event, RegionId};
use crate::history::History;
use crate::picture::windows;
use crate::snapshot::{Snapshot, State};
use crate::trace::Trace;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes the tables as one JSON object.
pub(super) fn write(trace: &Trace, history: &History, out: &mut impl Write) -> io::Result<()> {
    let windows = windows(trace, history);
    let windows: Vec<_> = windows
        .iter()
        .map(|w| [w.ground as u64, w.from, w.to])
        .collect();
    let small = json!({
        "title": trace.title,
        "dropped": trace.dropped,
        "labels": trace.labels(),
        "sites": sites(trace),
        "regions": regions(history),
        "marks": marks(history),
        "snapshots": snapshots(trace, history),
        "windows": windows,
        "states": State::ALL.map(State::name),
    });
    write!(out, "{{\"small\":{small},\"kinds\":\"{}\"", kinds(trace))?;
    write_events(trace, out)?;
    write_placements(history, out)?;
    out.write_all(b"}")
}

/// One letter for each event.
fn kinds(trace: &Trace) -> String {
    let letter = |event: &Event| match event.action {
        Action::Map { .. } => 'm',
        Action::Unmap { .. } => 'u',
        Action::Alloc { .. } => 'a',
        Action::Refuse { .. } => 'x',
        Action::Free { .. } => 'f',
        Action::Realloc { .. } => 'r',
        Action::Move { .. } => 'v',
        Action::Rewind { .. } => 'w',
        Action::Reset { .. } => 's',
        Action::Write { .. } => 'W',
        Action::Read { .. } => 'R',
        Action::Fork { .. } => 'k',
        Action::Fault { .. } => '!',
        Action::Note => 'n',
    };
    trace.events.iter().map(letter).collect()
}

fn write_events(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    let events = || trace.events.iter().enumerate();
    let number = |id: Option<usize>| id.map_or(-1, |index| index as i128);
    out.write_all(b",\"events\":{")?;
    column(out, "ground", grounds(trace).into_iter())?;
    column(
        out,
        ",at",
        events().map(|(_, e)| bytes_of(&e.action).0.into()),
    )?;
    column(
        out,
        ",size",
        events().map(|(_, e)| bytes_of(&e.action).1.into()),
    )?;
    let site = |event: &Event| number(event.site.map(|id| id.index()));
    column(out, ",site", events().map(|(_, e)| site(e)))?;
    let label = |event: &Event| number(event.label.map(|id| id.index()));
    column(out, ",label", events().map(|(_, e)| label(e)))?;
    column(out, ",thread", events().map(|(_, e)| e.thread.into()))?;
    column(out, ",time", events().map(|(_, e)| e.time.into()))?;
    out.write_all(b"}")
}

/// The bytes that an event is about, where no block says it.
fn bytes_of(action: &Action) -> (u64, u64) {
    match *action {
        Action::Write { at, size, .. }
        | Action::Read { at, size, .. }
        | Action::Fault { at, size, .. } => (at, size),
        Action::Refuse { size, .. } => (0, size),
        Action::Rewind { to, .. } => (to, 0),
        _ => (0, 0),
    }
}

/// For each event the row of the region that it is about; -1 for none.
fn grounds(trace: &Trace) -> Vec<i128> {
    let mut rows: HashMap<RegionId, i128> = HashMap::new();
    let mut begun = 0;
    let row = |event: &Event| {
        let Some(region) = region_of(&event.action) else {
            return -1;
        };
        if let Action::Map { .. } | Action::Fork { .. } = event.action {
            rows.insert(region, begun);
            begun += 1;
        }
        rows.get(&region).copied().unwrap_or(-1)
    };
    trace.events.iter().map(row).collect()
}

fn region_of(action: &Action) -> Option<RegionId> {
    match *action {
        Action::Map { region, .. }
        | Action::Unmap { region }
        | Action::Alloc { region, .. }
        | Action::Refuse { region, .. }
        | Action::Free { region, .. }
        | Action::Realloc { region, .. }
        | Action::Move { region, .. }
        | Action::Rewind { region, .. }
        | Action::Reset { region }
        | Action::Write { region, .. }
        | Action::Read { region, .. }
        | Action::Fault { region, .. }
        | Action::Fork { to: region, .. } => Some(region),
        Action::Note => None,
    }
}

fn write_placements(history: &History, out: &mut impl Write) -> io::Result<()> {
    let rows = || history.placements.iter().enumerate();
    out.write_all(b",\"blocks\":{")?;
    column(out, "ground", rows().map(|(_, p)| p.ground as i128))?;
    column(out, ",block", rows().map(|(_, p)| p.block.0.into()))?;
    column(out, ",at", rows().map(|(_, p)| p.extent.at.into()))?;
    column(out, ",size", rows().map(|(_, p)| p.extent.size.into()))?;
    column(out, ",before", rows().map(|(_, p)| p.extent.before.into()))?;
    column(out, ",after", rows().map(|(_, p)| p.extent.after.into()))?;
    column(out, ",align", rows().map(|(_, p)| p.align.into()))?;
    let tag = |tag: Option<u32>| tag.map_or(-1, i128::from);
    column(out, ",tag", rows().map(|(_, p)| tag(p.tag)))?;
    column(out, ",born", rows().map(|(_, p)| p.born as i128))?;
    // How many events it lived, 0 for ever: smaller numbers than the event that ended it.
    let lived = |died: usize, born: usize| (died - born) as i128;
    let lives = rows().map(|(_, p)| p.died.map_or(0, |(died, _)| lived(died, p.born)));
    plain_column(out, ",lived", lives)?;
    let back = |row: usize, from: usize| (row - from) as i128;
    let froms = rows().map(|(row, p)| p.from.map_or(0, |from| back(row, from)));
    plain_column(out, ",from", froms)?;
    out.write_all(b"}")
}

/// A column of numbers as differences; one number if all are the same. `name` may begin with the
/// comma that parts it from the column before.
fn column(
    out: &mut impl Write,
    name: &str,
    numbers: impl Iterator<Item = i128> + Clone,
) -> io::Result<()> {
    let mut last = 0;
    let differences = numbers.clone().map(|number| {
        let difference = number - last;
        last = number;
        difference
    });
    write_column(out, name, numbers, differences)
}

/// A column of numbers as they are; one number if all are the same.
fn plain_column(
    out: &mut impl Write,
    name: &str,
    numbers: impl Iterator<Item = i128> + Clone,
) -> io::Result<()> {
    write_column(out, name, numbers.clone(), numbers)
}

fn write_column(
    out: &mut impl Write,
    name: &str,
    mut numbers: impl Iterator<Item = i128> + Clone,
    coded: impl Iterator<Item = i128>,
) -> io::Result<()> {
    let (comma, name) = name
        .strip_prefix(',')
        .map_or(("", name), |name| (",", name));
    write!(out, "{comma}\"{name}\":")?;
    let first = numbers.clone().next().unwrap_or_default();
    if numbers.all(|number| number == first) {
        return write!(out, "{first}");
    }
    let mut text = String::new();
    for number in coded {
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push_str(&number.to_string());
    }
    write!(out, "{text}]")
}

/// Each site as its frames, innermost first.
fn sites(trace: &Trace) -> Vec<Vec<String>> {
    let sites = trace.sites().iter();
    sites
        .map(|site| site.frames.iter().map(ToString::to_string).collect())
        .collect()
}

fn regions(history: &History) -> Vec<Value> {
    let regions = history.regions.iter();
    regions
        .map(|ground| {
            json!({
                "region": ground.region.0,
                "base": format!("{:#x}", ground.base),
                "size": ground.size,
                "label": ground.label.map(|id| id.index()),
                "born": ground.born,
                "died": ground.died,
            })
        })
        .collect()
}

fn marks(history: &History) -> Vec<Value> {
    let marks = history.marks.iter();
    marks
        .map(|mark| {
            json!({
                "ground": mark.ground,
                "violation": mark.violation.name(),
                "state": crate::picture::state_of(mark.violation).name(),
                "at": mark.at,
                "size": mark.size,
                "block": mark.block.map(|block| block.0),
                "placement": mark.placement,
                "born": mark.born,
                "died": mark.died,
            })
        })
        .collect()
}

fn snapshots(trace: &Trace, history: &History) -> Vec<Value> {
    let rows = trace.snapshots.iter();
    let row = |(after, snapshot): &(usize, Snapshot)| {
        let spans = snapshot.spans.iter().map(|span| {
            json!([
                span.at,
                span.size,
                span.state.name(),
                span.label.map(|id| id.index()),
                span.tag
            ])
        });
        json!({
            "after": after,
            "ground": history.ground_at(snapshot.region, *after),
            "label": snapshot.label.map(|id| id.index()),
            "spans": spans.collect::<Vec<_>>(),
        })
    };
    rows.map(row).collect()
}

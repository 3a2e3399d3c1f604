//! JSON for DHAT's viewer, version 2 of its format.

use super::changes::{What, changes, site_of};
use crate::error::DrawError;
use crate::event::SiteId;
use crate::history::History;
use crate::trace::Trace;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;

/// What DHAT calls a program point: everything that one site allocated.
#[derive(Debug, Default, Clone, Serialize)]
struct Point {
    /// Bytes, blocks and lifetimes in total.
    tb: u128,
    tbk: u64,
    tl: u128,
    /// The most bytes that were live at once, and the blocks then.
    mb: u64,
    mbk: u64,
    /// Bytes and blocks when the whole heap was largest.
    gb: u64,
    gbk: u64,
    /// Bytes and blocks at the end.
    eb: u64,
    ebk: u64,
    /// The frames, innermost first.
    fs: Vec<usize>,
}

/// The file. The names are those of the format.
#[derive(Serialize)]
#[expect(
    non_snake_case,
    reason = "the format's names: some differ in case alone"
)]
struct File<'t> {
    dhatFileVersion: u32,
    mode: &'t str,
    verb: &'t str,
    bklt: bool,
    bkacc: bool,
    tu: &'t str,
    Mtu: &'t str,
    tuth: u32,
    cmd: &'t str,
    pid: u32,
    tg: u64,
    te: u64,
    pps: Vec<Point>,
    ftbl: Vec<String>,
}

/// Writes what each site allocated as JSON for DHAT's viewer.
///
/// Times are nanoseconds, or numbers of events if nobody looked at a clock.
///
/// # Errors
///
/// If an event does not fit those before it, or the writer refuses.
///
/// The format: <https://valgrind.org/docs/manual/dh-manual.html>, `dh_view.js` beside it.
pub fn dhat(trace: &Trace, mut out: impl Write) -> Result<(), DrawError> {
    let history = History::of(trace)?;
    let clock = Clock::of(trace);
    let mut frames = Frames::default();
    let (points, tg) = points(&history, &clock, |site| frames.of(trace, site));
    let pps = points.into_iter().map(|(fs, point)| Point { fs, ..point });
    let pps = pps.collect();
    let (tu, mega) = clock.units();
    let file = File {
        dhatFileVersion: 2,
        mode: "heap-view",
        verb: "Allocated",
        bklt: true,
        bkacc: false,
        tu,
        Mtu: mega,
        tuth: 1,
        cmd: &trace.title,
        pid: 0,
        tg,
        te: clock.end(),
        pps,
        ftbl: frames.table,
    };
    serde_json::to_writer(&mut out, &file).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Points by their frames: two sites whose frames read the same are one, for the viewer refuses to see one twice.
type Points = BTreeMap<Vec<usize>, Point>;

/// Adds up what each site did, and says when the heap was largest.
fn points(
    history: &History,
    clock: &Clock,
    mut frames_of: impl FnMut(Option<SiteId>) -> Vec<usize>,
) -> (Points, u64) {
    let mut points = Points::new();
    let changes = changes(history);
    let (mut live, mut most, mut most_until) = (0, 0, None);
    for change in &changes {
        live = match change.what {
            What::Alloc { size } => live + size,
            What::Resize { old, new } => live - old + new,
            What::End { size } => live - size,
        };
        if live > most {
            (most, most_until) = (live, Some(change.event));
        }
    }
    let mut at_most = false;
    for change in &changes {
        if !at_most && most_until.is_some_and(|event| change.event > event) {
            at_most = true;
            remember_most(&mut points);
        }
        let point = points
            .entry(frames_of(site_of(history, change.block)))
            .or_default();
        let born = history.placements[change.block].born;
        match change.what {
            What::Alloc { size } => {
                (point.tb, point.tbk) = (point.tb + u128::from(size), point.tbk + 1);
                (point.eb, point.ebk) = (point.eb + size, point.ebk + 1);
                point.tl += u128::from(clock.end() - clock.at(born));
            }
            What::Resize { old, new } => {
                point.tb += u128::from(new.saturating_sub(old));
                point.eb = point.eb - old + new;
            }
            What::End { size } => {
                (point.eb, point.ebk) = (point.eb - size, point.ebk - 1);
                point.tl -= u128::from(clock.end() - clock.at(change.event));
            }
        }
        if point.eb > point.mb {
            (point.mb, point.mbk) = (point.eb, point.ebk);
        }
    }
    if !at_most {
        remember_most(&mut points);
    }
    (points, most_until.map_or(0, |event| clock.at(event)))
}

fn remember_most(points: &mut Points) {
    for point in points.values_mut() {
        (point.gb, point.gbk) = (point.eb, point.ebk);
    }
}

/// When events happened: never earlier than the one before, also where threads' clocks disagree.
struct Clock {
    times: Vec<u64>,
    is_in_events: bool,
}

impl Clock {
    fn of(trace: &Trace) -> Self {
        let is_in_events = trace.events.iter().all(|event| event.time == 0);
        let mut latest = 0;
        let times = trace.events.iter().zip(1..).map(|(event, number)| {
            latest = latest.max(if is_in_events { number } else { event.time });
            latest
        });
        Self {
            times: times.collect(),
            is_in_events,
        }
    }

    fn at(&self, event: usize) -> u64 {
        self.times[event]
    }

    fn end(&self) -> u64 {
        self.times.last().copied().unwrap_or_default()
    }

    /// The unit, and a million of them.
    fn units(&self) -> (&'static str, &'static str) {
        match self.is_in_events {
            true => ("events", "Mevents"),
            false => ("ns", "ms"),
        }
    }
}

/// The table of frames; the viewer wants its own root first.
struct Frames {
    table: Vec<String>,
    known: HashMap<String, usize>,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            table: vec!["[root]".to_owned()],
            known: HashMap::new(),
        }
    }
}

impl Frames {
    fn of(&mut self, trace: &Trace, site: Option<SiteId>) -> Vec<usize> {
        let site = site.and_then(|id| trace.site_of(id));
        let names: Vec<String> = match site {
            Some(site) => site.frames.iter().map(ToString::to_string).collect(),
            None => vec!["unknown".to_owned()],
        };
        names.into_iter().map(|name| self.number(name)).collect()
    }

    fn number(&mut self, name: String) -> usize {
        let Self { table, known } = self;
        *known.entry(name).or_insert_with_key(|name| {
            table.push(name.clone());
            table.len() - 1
        })
    }
}

#[cfg(test)]
mod tests;

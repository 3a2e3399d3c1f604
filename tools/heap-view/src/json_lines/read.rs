//! Reading a recording: as it must be, or what is left of it.

use super::line::{Line, Unread};
use super::problem::{Problem, ReadError, Wrong};
use super::{FORMAT, VERSION};
use crate::event::{Event, LabelId, SiteId};
use crate::history::History;
use crate::snapshot::{Snapshot, Span};
use crate::trace::{Frame, Site, Trace};
use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::num::NonZeroU32;

/// The longest line that is read: a snapshot of half a million spans is shorter.
const LONGEST_LINE: usize = 64 << 20;

/// How many bytes of a foreign file are shown.
const SHOWN: usize = 40;

/// What is left of a recording, and what is wrong with the rest.
#[derive(Debug)]
pub struct Salvaged {
    /// The events that make sense, in order.
    pub trace: Trace,
    /// What is wrong, by line.
    pub problems: Vec<Problem>,
}

impl Salvaged {
    /// True if nothing is wrong but that the end is missing, as after a crash of the program.
    #[must_use]
    pub fn is_only_cut_off(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| matches!(problem.wrong, Wrong::CutOff { .. }))
    }
}

/// Reads a recording that must be whole.
///
/// # Errors
///
/// [`ReadError`] with the first line at which something is wrong.
pub fn read(file: impl BufRead) -> Result<Trace, ReadError> {
    let mut salvaged = salvage(file)?;
    if salvaged.problems.is_empty() {
        return Ok(salvaged.trace);
    }
    Err(ReadError::Problem(salvaged.problems.swap_remove(0)))
}

/// Reads what can be read of a recording.
///
/// Events that were reordered are put back in order; lines that make no sense are left out; each is
/// a [`Problem`].
///
/// # Errors
///
/// If it is no event file, is one of a later version, or cannot be read.
pub fn salvage(file: impl BufRead) -> Result<Salvaged, ReadError> {
    let mut reader = Reader::default();
    let mut lines = Lines::new(file);
    reader.first(lines.next()?.map(|(_, line)| line))?;
    while let Some((number, line)) = lines.next()? {
        reader.line(number, line);
    }
    Ok(reader.end(lines.number))
}

/// The lines of a file, one at a time, in a buffer that is used again.
struct Lines<R> {
    file: R,
    buffer: Vec<u8>,
    number: u64,
}

/// One line: its bytes, or the bytes that came before it became too long.
enum Text<'a> {
    Whole(&'a [u8]),
    /// The last, without a line break.
    Unended(&'a [u8]),
    TooLong,
}

impl<R: BufRead> Lines<R> {
    fn new(file: R) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            number: 0,
        }
    }

    fn next(&mut self) -> Result<Option<(u64, Text<'_>)>, ReadError> {
        self.buffer.clear();
        let mut limited = (&mut self.file).take(LONGEST_LINE as u64);
        if limited.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.ends_with(b"\n") {
            self.buffer.pop();
            return Ok(Some((self.number, Text::Whole(&self.buffer))));
        }
        if self.buffer.len() < LONGEST_LINE {
            return Ok(Some((self.number, Text::Unended(&self.buffer))));
        }
        self.file.skip_until(b'\n')?;
        Ok(Some((self.number, Text::TooLong)))
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    trace: Trace,
    problems: Vec<Problem>,
    /// Events with their numbers and lines, in the order of the file.
    events: Vec<(u64, u64, Event)>,
    /// Snapshots with the events before them and their lines.
    snapshots: Vec<(u64, u64, Snapshot)>,
    /// The number that the next event is to have.
    expected: u64,
    reordered: bool,
    /// What the rows of the file are called in the trace.
    sites: HashMap<NonZeroU32, SiteId>,
    labels: HashMap<NonZeroU32, LabelId>,
    /// What the last line says.
    counted: Option<u64>,
}

impl Reader {
    fn first(&mut self, line: Option<Text<'_>>) -> Result<(), ReadError> {
        let bytes = match line {
            None => {
                let found = "it is empty".to_owned();
                return Err(ReadError::Foreign { found });
            }
            Some(Text::TooLong) => &[],
            Some(Text::Whole(bytes) | Text::Unended(bytes)) => bytes,
        };
        let foreign = || ReadError::Foreign {
            found: format!("it begins with {:?}", shown(bytes)),
        };
        // The fields of a later version may be unknown here: only these two are asked.
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| foreign())?;
        if value["is"] != FORMAT {
            return Err(foreign());
        }
        let version = value["version"].as_u64().ok_or_else(foreign)?;
        if version != u64::from(VERSION) {
            let found = u32::try_from(version).unwrap_or(u32::MAX);
            return Err(ReadError::Version { found });
        }
        self.trace.title = value["title"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    fn line(&mut self, number: u64, text: Text<'_>) {
        let (bytes, ended) = match text {
            Text::Whole(bytes) => (bytes, true),
            Text::Unended(bytes) => (bytes, false),
            Text::TooLong => {
                let limit = LONGEST_LINE;
                return self.problem(number, Wrong::TooLong { limit });
            }
        };
        if self.counted.is_some() {
            return self.problem(number, Wrong::AfterEnd);
        }
        match serde_json::from_slice::<Line<'_>>(bytes) {
            Ok(line) => {
                if let Err(wrong) = self.meaning(number, &line) {
                    self.problem(number, wrong);
                }
            }
            // Half a line at the end: what `end` says of a file that was cut off covers it.
            Err(_) if !ended => {}
            Err(error) => self.problem(number, Wrong::NotALine(error.to_string())),
        }
    }

    fn meaning(&mut self, number: u64, line: &Line<'_>) -> Result<(), Wrong> {
        let without = |field| Wrong::Without {
            kind: line.is.to_string(),
            field,
        };
        let unread = |unread| match unread {
            Unread::Without(field) => without(field),
            Unread::UnknownKind => Wrong::UnknownKind {
                kind: line.is.to_string(),
            },
            Unread::UnknownName(field, name) => Wrong::UnknownName { field, name },
        };
        let n = line.n.ok_or_else(|| without("n"));
        match &*line.is {
            "site" => self.site(line),
            "label" => self.label(line),
            "snapshot" => {
                let mut snapshot = line.snapshot().map_err(unread)?;
                check_spans(&snapshot.spans)?;
                self.rename_labels(number, &mut snapshot);
                self.snapshots.push((n?, number, snapshot));
                Ok(())
            }
            "end" => {
                self.trace.dropped = line.dropped;
                self.counted = Some(n?);
                Ok(())
            }
            _ => {
                let mut event = line.event().map_err(unread)?;
                self.rename(number, &mut event);
                self.order(number, n?);
                self.events
                    .push((line.n.unwrap_or_default(), number, event));
                Ok(())
            }
        }
    }

    fn site(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let without = |field| Wrong::Without {
            kind: "site".to_owned(),
            field,
        };
        let frames = line.frames.as_deref().unwrap_or_default();
        if frames.is_empty() {
            return Err(without("frames"));
        }
        let frames = frames.iter().map(Frame::from).collect();
        let expected = self.sites.len() as u32 + 1;
        let id = line.id.and_then(NonZeroU32::new);
        let id = id.ok_or_else(|| without("id"))?;
        let known = self.trace.site(Site { frames });
        self.sites.insert(id, known);
        in_order("site", expected, id.get())
    }

    fn label(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let without = |field| Wrong::Without {
            kind: "label".to_owned(),
            field,
        };
        let text = line.text.as_deref().ok_or_else(|| without("text"))?;
        let expected = self.labels.len() as u32 + 1;
        let id = line.id.and_then(NonZeroU32::new);
        let id = id.ok_or_else(|| without("id"))?;
        let known = self.trace.label(text);
        self.labels.insert(id, known);
        in_order("label", expected, id.get())
    }

    /// Turns the file's numbers of site and label into the trace's.
    fn rename(&mut self, number: u64, event: &mut Event) {
        if let Some(SiteId(id)) = event.site {
            event.site = self.sites.get(&id).copied();
            if event.site.is_none() {
                let (table, id) = ("site", id.get());
                self.problem(number, Wrong::UnknownRow { table, id });
            }
        }
        event.label = self.renamed(number, event.label);
    }

    fn rename_labels(&mut self, number: u64, snapshot: &mut Snapshot) {
        snapshot.label = self.renamed(number, snapshot.label);
        for span in &mut snapshot.spans {
            span.label = self.renamed(number, span.label);
        }
    }

    fn renamed(&mut self, number: u64, label: Option<LabelId>) -> Option<LabelId> {
        let LabelId(id) = label?;
        let known = self.labels.get(&id).copied();
        if known.is_none() {
            let (table, id) = ("label", id.get());
            self.problem(number, Wrong::UnknownRow { table, id });
        }
        known
    }

    fn order(&mut self, number: u64, found: u64) {
        let expected = self.expected;
        if found != expected {
            self.reordered |= found < expected;
            self.problem(number, Wrong::OutOfOrder { expected, found });
        }
        self.expected = found.saturating_add(1);
    }

    fn problem(&mut self, line: u64, wrong: Wrong) {
        self.problems.push(Problem { line, wrong });
    }

    /// Puts the events together, and keeps those that fit.
    fn end(mut self, last_line: u64) -> Salvaged {
        let read = self.events.len() as u64;
        match self.counted {
            None => self.problem(last_line, Wrong::CutOff { events: read }),
            Some(said) if said != read => self.problem(last_line, Wrong::Count { said, read }),
            Some(_) => {}
        }
        if self.reordered {
            self.events.sort_by_key(|&(n, ..)| n);
        }
        let mut snapshots = std::mem::take(&mut self.snapshots).into_iter().peekable();
        let mut history = History::default();
        let mut before = None;
        for (n, line, event) in std::mem::take(&mut self.events) {
            while let Some((_, line, snapshot)) = snapshots.next_if(|&(after, ..)| after <= n) {
                self.keep_snapshot(line, snapshot, &history);
            }
            if before == Some(n) {
                self.problem(line, Wrong::Repeated { n });
                continue;
            }
            before = Some(n);
            match history.apply(&event) {
                Ok(()) => self.trace.record(event),
                Err(misfit) => self.problem(line, Wrong::Misfit { n, misfit }),
            }
        }
        for (_, line, snapshot) in snapshots {
            self.keep_snapshot(line, snapshot, &history);
        }
        self.problems.sort_by_key(|problem| problem.line);
        Salvaged {
            trace: self.trace,
            problems: self.problems,
        }
    }

    fn keep_snapshot(&mut self, line: u64, snapshot: Snapshot, history: &History) {
        match history.ground_at(snapshot.region, usize::MAX) {
            Some(_) => self.trace.snapshot(snapshot),
            None => {
                let (table, id) = ("region", snapshot.region.0);
                self.problem(line, Wrong::UnknownRow { table, id });
            }
        }
    }
}

fn in_order(table: &'static str, expected: u32, found: u32) -> Result<(), Wrong> {
    if expected == found {
        return Ok(());
    }
    Err(Wrong::RowOutOfOrder {
        table,
        expected,
        found,
    })
}

fn check_spans(spans: &[Span]) -> Result<(), Wrong> {
    let mut end = 0;
    for (index, span) in spans.iter().enumerate() {
        end = match span.at.checked_add(span.size) {
            Some(next) if span.at >= end => next,
            _ => return Err(Wrong::Spans { span: index }),
        };
    }
    Ok(())
}

/// The first bytes of a file, as text that a terminal can bear.
fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(SHOWN)];
    String::from_utf8_lossy(head).into_owned()
}

//! Writing a recording, whole or while it happens.

use super::line::{FrameLine, Line};
use super::{FORMAT, VERSION};
use crate::event::Event;
use crate::snapshot::Snapshot;
use crate::trace::{Site, Trace};
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes a recording.
///
/// # Errors
///
/// What the writer answers.
pub fn write(trace: &Trace, out: impl Write) -> io::Result<()> {
    let mut writer = Writer::new(out, &trace.title)?;
    for site in trace.sites() {
        writer.site(site)?;
    }
    for label in trace.labels() {
        writer.label(label)?;
    }
    let mut snapshots = trace.snapshots.iter().peekable();
    for (index, event) in trace.events.iter().enumerate() {
        while let Some((_, snapshot)) = snapshots.next_if(|(after, _)| *after <= index) {
            writer.snapshot(snapshot)?;
        }
        writer.event(event)?;
    }
    for (_, snapshot) in snapshots {
        writer.snapshot(snapshot)?;
    }
    writer.finish(trace.dropped).map(drop)
}

/// Writes a recording line by line, for a program that cannot keep it in memory.
///
/// Each line is one call to the writer's `write_all`: give it a [`BufWriter`](io::BufWriter), or a
/// file of which every line must survive a crash.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    events: u64,
    sites: u32,
    labels: u32,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// What the writer answers, here and in each of the other calls.
    pub fn new(out: W, title: &str) -> io::Result<Self> {
        let mut writer = Self {
            out,
            events: 0,
            sites: 0,
            labels: 0,
            line: Vec::new(),
        };
        writer.put(&Line {
            version: Some(VERSION),
            title: Some(Cow::Borrowed(title)),
            ..Line::that_is(FORMAT)
        })?;
        Ok(writer)
    }

    /// Says the next site. The first has number 1.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn site(&mut self, site: &Site) -> io::Result<()> {
        self.sites += 1;
        self.put(&Line {
            id: Some(self.sites),
            frames: Some(site.frames.iter().map(FrameLine::from).collect()),
            ..Line::that_is("site")
        })
    }

    /// Says the next label. The first has number 1.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn label(&mut self, text: &str) -> io::Result<()> {
        self.labels += 1;
        self.put(&Line {
            id: Some(self.labels),
            text: Some(Cow::Borrowed(text)),
            ..Line::that_is("label")
        })
    }

    /// Writes the next event.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = Line::of_event(self.events, event);
        self.events += 1;
        self.put(&line)
    }

    /// Writes a snapshot, taken after the events so far.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.put(&Line::of_snapshot(self.events, snapshot))
    }

    /// Hands on what the writer has kept back, so that a crash does not lose it.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the last line, and gives the writer back, flushed.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn finish(mut self, dropped: u64) -> io::Result<W> {
        self.put(&Line {
            n: Some(self.events),
            dropped,
            ..Line::that_is("end")
        })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

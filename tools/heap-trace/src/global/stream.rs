//! The recording of a whole program, written to a file while it runs.
//!
//! A call notes its event in a table, under the ledger's lock, and allocates nothing. Whoever fills the
//! table up to [`DUE`] hands it over for an empty one and writes it out, outside of that lock; what this
//! allocates comes from the tracer's own memory.

use std::fs::File;
use std::io::{self, BufWriter};

use heap_view::SiteId;
use heap_view::json_lines::Writer;

use super::options::Options;
use super::{Shared, exit};
use crate::events::{Noted, Told};
use crate::table::Table;
use crate::thread;

/// Events that are written at once: what a crash may lose.
const DUE: usize = 256;

/// Events that are kept at most, when many threads wait for one that writes.
const MOST: usize = 1 << 16;

/// Where events go.
#[derive(Debug)]
pub(super) struct Stream {
    open: Option<Open>,
    /// What is to be said at the end.
    note: Option<String>,
}

#[derive(Debug)]
struct Open {
    path: String,
    writer: Writer<BufWriter<File>>,
    told: Told,
    /// An empty table, to be exchanged for a full one.
    spare: Table<Noted>,
    events: u64,
    sites: usize,
}

impl Stream {
    pub(super) const fn none() -> Self {
        Self {
            open: None,
            note: None,
        }
    }

    /// Begin a file, or say why not. This thread is inside the tracer.
    pub(super) fn begin(&mut self, path: &str) {
        match Open::new(path) {
            Ok(open) => self.open = Some(open),
            Err(error) => self.fail(path, 0, &error),
        }
    }

    /// Nothing more is written to the file.
    fn fail(&mut self, path: &str, events: u64, error: &io::Error) {
        self.open = None;
        let note = format!("the recording {path} ends after {events} events: {error}");
        exit::say(&format!("heap-trace: {note}\n"));
        self.note = Some(note);
    }
}

impl Open {
    fn new(path: &str) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let title = format!("process {}", std::process::id());
        let told = Told::of(0, 0);
        let mut writer = Writer::new(file, &title)?;
        writer.event(&told.map())?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            told,
            spare: Table::new(),
            events: 1,
            sites: 0,
        })
    }

    /// Write the events of the spare table.
    fn write(&mut self) -> io::Result<()> {
        for noted in self.spare.as_slice() {
            let mut new = None;
            let event = self.told.event(noted, |site| {
                new = Some(site);
                SiteId::of_index(self.sites).expect("fewer than 2^32 - 1 sites")
            });
            if let Some(site) = new {
                self.writer.site(&site)?;
                self.sites += 1;
            }
            if let Some(event) = event {
                self.writer.event(&event)?;
                self.events += 1;
            }
        }
        // Nothing is left in this process's memory that a forked child could write once more.
        self.writer.flush()
    }
}

impl Shared {
    /// Open the file that the options name, and note events from now on. Without one a heap of a whole
    /// program keeps none, as nobody could ask for them.
    pub(super) fn begin_recording(&self, options: &Options) {
        let mut stream = self.stream.take();
        if let Some(path) = &options.record {
            stream.begin(&path.to_string_lossy());
        }
        let most = if stream.open.is_some() { MOST } else { 0 };
        self.ledger.take().record(most);
    }

    /// Write the events out, if there are enough of them.
    #[inline]
    pub(super) fn write_events_if_due(&self) {
        if self.inside(|ledger| ledger.recorder().len() >= DUE) == Some(true) {
            self.write_events();
        }
    }

    #[cold]
    fn write_events(&self) {
        if let Some(_inside) = thread::enter_to_report() {
            self.drain(&mut self.stream.take());
        }
    }

    fn drain(&self, stream: &mut Stream) {
        let Some(open) = &mut stream.open else {
            return;
        };
        self.ledger.take().recorder().exchange(&mut open.spare);
        if let Err(error) = open.write() {
            let (path, events) = (open.path.clone(), open.events);
            stream.fail(&path, events, &error);
            self.ledger.take().record(0);
        }
    }

    /// Write the rest and the last line; what the report is to say of it. This thread is inside the tracer.
    pub(super) fn end_recording(&self) -> Option<String> {
        let mut stream = self.stream.take();
        self.drain(&mut stream);
        if let Some(open) = stream.open.take() {
            let mut ledger = self.ledger.take();
            ledger.record(0);
            let dropped = ledger.recorder().dropped();
            drop(ledger);
            let (path, events) = (open.path, open.events);
            match open.writer.finish(dropped) {
                Ok(_) => {
                    let lost = match dropped {
                        0 => String::new(),
                        lost => format!(", {lost} lost"),
                    };
                    stream.note = Some(format!("{events} events recorded in {path}{lost}"));
                }
                Err(error) => stream.fail(&path, events, &error),
            }
        }
        stream.note.take()
    }

    /// This process is a forked child: the file is its parent's. Nothing of it is in this process's
    /// memory, and nothing is freed here: a child may be a copy of a process of many threads.
    pub(super) fn leave_recording_to_parent(&self) {
        self.ledger.take().record(0);
        if let Some(open) = self.stream.take().open.take() {
            std::mem::forget(open);
        }
    }
}

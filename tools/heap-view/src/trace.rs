//! A whole recording: the events, and the tables that they point into.

use crate::event::{Event, LabelId, SiteId};
use crate::snapshot::Snapshot;
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;

/// A recording.
///
/// Rows of the tables are added by [`site`](Self::site) and [`label`](Self::label), each text once.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// What was recorded, in a few words.
    pub title: String,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What regions looked like, each with the number of events that came before it, which never falls.
    pub snapshots: Vec<(usize, Snapshot)>,
    /// How many events were lost while recording.
    pub dropped: u64,
    sites: Vec<Site>,
    labels: Vec<String>,
    known_sites: HashMap<Site, SiteId>,
    known_labels: HashMap<String, LabelId>,
}

/// Where something was done: a line of code, or the stack that led there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Site {
    /// Innermost first; never empty.
    pub frames: Vec<Frame>,
}

/// One step of a stack. What is not known is empty or 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The function, demangled.
    pub function: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Trace {
    /// An empty recording.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Makes room for this many more events and rows of each table, so that recording them moves nothing.
    pub fn reserve(&mut self, events: usize, rows: usize) {
        self.events.reserve(events);
        self.sites.reserve(rows);
        self.labels.reserve(rows);
        self.known_sites.reserve(rows);
        self.known_labels.reserve(rows);
    }

    /// Appends an event.
    #[inline]
    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Appends a snapshot, after the events recorded so far.
    pub fn snapshot(&mut self, snapshot: Snapshot) {
        self.snapshots.push((self.events.len(), snapshot));
    }

    /// The number of a site, which is added to the table if it is new.
    ///
    /// # Panics
    ///
    /// If it has no frame, or the table has 2³² - 1 rows.
    pub fn site(&mut self, site: Site) -> SiteId {
        assert!(!site.frames.is_empty(), "a site without a frame");
        if let Some(&known) = self.known_sites.get(&site) {
            return known;
        }
        let id = SiteId::of_index(self.sites.len()).expect("fewer than 2^32 - 1 sites");
        self.sites.push(site.clone());
        self.known_sites.insert(site, id);
        id
    }

    /// The number of the line that calls this.
    #[track_caller]
    pub fn here(&mut self) -> SiteId {
        self.site(Site::from(Location::caller()))
    }

    /// The number of a label, which is added to the table if it is new.
    ///
    /// # Panics
    ///
    /// If the table has 2³² - 1 rows.
    pub fn label(&mut self, text: &str) -> LabelId {
        if let Some(&known) = self.known_labels.get(text) {
            return known;
        }
        let id = LabelId::of_index(self.labels.len()).expect("fewer than 2^32 - 1 labels");
        self.labels.push(text.to_owned());
        self.known_labels.insert(text.to_owned(), id);
        id
    }

    /// The table of sites.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The table of labels.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The site with this number.
    #[must_use]
    pub fn site_of(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(id.index())
    }

    /// The label with this number.
    #[must_use]
    pub fn label_of(&self, id: LabelId) -> Option<&str> {
        self.labels.get(id.index()).map(String::as_str)
    }
}

impl PartialEq for Trace {
    /// Equal if they say the same, row by row.
    fn eq(&self, other: &Self) -> bool {
        self.title == other.title
            && self.events == other.events
            && self.snapshots == other.snapshots
            && self.dropped == other.dropped
            && self.sites == other.sites
            && self.labels == other.labels
    }
}

impl Eq for Trace {}

impl From<&Location<'_>> for Site {
    fn from(place: &Location<'_>) -> Self {
        Self {
            frames: vec![Frame {
                function: String::new(),
                file: place.file().to_owned(),
                line: place.line(),
                column: place.column(),
            }],
        }
    }
}

impl fmt::Display for Site {
    /// The innermost frame.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frames.first() {
            Some(frame) => frame.fmt(f),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Frame {
    /// `function (file:line:column)`, without what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (self.file.is_empty(), self.line, self.column) {
            (true, ..) => String::new(),
            (false, 0, _) => self.file.clone(),
            (false, line, 0) => format!("{}:{line}", self.file),
            (false, line, column) => format!("{}:{line}:{column}", self.file),
        };
        match (self.function.is_empty(), place.is_empty()) {
            (true, true) => f.write_str("unknown"),
            (true, false) => f.write_str(&place),
            (false, true) => f.write_str(&self.function),
            (false, false) => write!(f, "{} ({place})", self.function),
        }
    }
}

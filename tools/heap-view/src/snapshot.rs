//! What a region looks like at one moment, as its allocator tells it.

use crate::event::{LabelId, RegionId};

/// A region at one moment.
///
/// Events say what changed; a snapshot says what is, for an allocator that can walk its blocks
/// but tells nobody when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The region.
    pub region: RegionId,
    /// What it is called.
    pub label: Option<LabelId>,
    /// Ranges that do not overlap, by rising offset. What none of them covers is unused.
    pub spans: Vec<Span>,
}

/// A range of bytes that have one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte, counted from the base of the region.
    pub at: u64,
    /// How many bytes.
    pub size: u64,
    /// What they are.
    pub state: State,
    /// What they hold.
    pub label: Option<LabelId>,
    /// A group that the allocator knows.
    pub tag: Option<u32>,
}

impl Span {
    /// A range of which nothing else is known.
    #[must_use]
    pub const fn new(at: u64, size: u64, state: State) -> Self {
        Self {
            at,
            size,
            state,
            label: None,
            tag: None,
        }
    }
}

/// What a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Payload of a live block.
    Live,
    /// Part of a live block around its payload: header, slack, red zone.
    Margin,
    /// Handed out once, not live now.
    Freed,
    /// Never handed out, or nobody knows.
    Unused,
    /// Given back, and held so that a late use shows.
    Quarantined,
    /// Live, and not to be moved.
    Pinned,
    /// Live, and nobody can give it back.
    Leaked,
    /// Changed by somebody who was not to.
    Corrupted,
}

impl State {
    /// All of them, in the order of a legend.
    pub const ALL: [Self; 8] = [
        Self::Live,
        Self::Margin,
        Self::Freed,
        Self::Unused,
        Self::Quarantined,
        Self::Pinned,
        Self::Leaked,
        Self::Corrupted,
    ];

    /// Its name, for people and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Margin => "margin",
            Self::Freed => "freed",
            Self::Unused => "unused",
            Self::Quarantined => "quarantined",
            Self::Pinned => "pinned",
            Self::Leaked => "leaked",
            Self::Corrupted => "corrupted",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

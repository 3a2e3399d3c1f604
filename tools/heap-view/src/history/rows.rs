//! The rows of a history: regions, blocks in their places, and what was found wrong.

use crate::event::{BlockId, Extent, LabelId, RegionId, SiteId, Violation};

/// One region, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Its number.
    pub region: RegionId,
    /// The address of offset 0.
    pub base: u64,
    /// How many bytes it has; 0 if it has no bound.
    pub size: u64,
    /// Its name.
    pub label: Option<LabelId>,
    /// The event that began it.
    pub born: usize,
    /// The event that ended it.
    pub died: Option<usize>,
}

/// A block in one place, from the event that put it there to the event that took it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The row in [`History::regions`](super::History::regions).
    pub ground: usize,
    /// The block.
    pub block: BlockId,
    /// Where it is.
    pub extent: Extent,
    /// The alignment asked for; 0 if it is not known.
    pub align: u32,
    /// A group that the allocator knows.
    pub tag: Option<u32>,
    /// The event that put it there.
    pub born: usize,
    /// The event that took it away.
    pub died: Option<(usize, Death)>,
    /// Where it was before, if it came from another place: a row in [`History::placements`](super::History::placements).
    pub from: Option<usize>,
    /// The site that allocated it.
    pub site: Option<SiteId>,
    /// What it holds.
    pub label: Option<LabelId>,
}

/// Bytes with which something is wrong, from the event that found it to the one that took them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The row in [`History::regions`](super::History::regions).
    pub ground: usize,
    /// What is wrong.
    pub violation: Violation,
    /// The first byte.
    pub at: u64,
    /// How many.
    pub size: u64,
    /// The block that was harmed or misused.
    pub block: Option<BlockId>,
    /// Where that block is, or was last: a row in [`History::placements`](super::History::placements).
    pub placement: Option<usize>,
    /// The event that found it.
    pub born: usize,
    /// The reset, rewind or unmap that ended it.
    pub died: Option<usize>,
    /// The site of the misuse.
    pub site: Option<SiteId>,
    /// What was said of it.
    pub label: Option<LabelId>,
}

/// How a block left its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Death {
    /// It was given back.
    Free,
    /// It has another size or place now.
    Realloc,
    /// The allocator moved it.
    Move,
    /// The bump pointer went back below it.
    Rewind,
    /// Its region was reset.
    Reset,
    /// Its region is gone.
    Unmap,
}

impl Placement {
    /// True if the block is here at this moment.
    #[must_use]
    pub fn is_live_at(&self, moment: usize) -> bool {
        self.born < moment && self.died.is_none_or(|(event, _)| moment <= event)
    }
}

impl Mark {
    /// True if it is known at this moment, and the bytes are still there.
    #[must_use]
    pub fn is_there_at(&self, moment: usize) -> bool {
        self.born < moment && self.died.is_none_or(|event| moment <= event)
    }
}

impl Ground {
    /// True if the region is there at this moment.
    #[must_use]
    pub fn is_there_at(&self, moment: usize) -> bool {
        self.born < moment && self.died.is_none_or(|event| moment <= event)
    }
}

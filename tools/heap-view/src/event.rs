//! What happens in a heap, one small value each.

use std::num::NonZeroU32;

/// A region, or whatever an allocator hands blocks out of. Numbered by whoever records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u32);

/// A block, numbered within its region. A number may be given again once its block is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u64);

/// A row of [`Trace::sites`](crate::Trace::sites): the first is number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(pub NonZeroU32);

/// A row of [`Trace::labels`](crate::Trace::labels): the first is number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(pub NonZeroU32);

impl SiteId {
    /// Where its row is in the table.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The number of the row with this index; `None` if there are more rows than numbers.
    #[must_use]
    pub fn of_index(index: usize) -> Option<Self> {
        number(index).map(Self)
    }
}

impl LabelId {
    /// Where its row is in the table.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The number of the row with this index; `None` if there are more rows than numbers.
    #[must_use]
    pub fn of_index(index: usize) -> Option<Self> {
        number(index).map(Self)
    }
}

fn number(index: usize) -> Option<NonZeroU32> {
    u32::try_from(index)
        .ok()?
        .checked_add(1)
        .and_then(NonZeroU32::new)
}

/// The bytes of a block, counted from the base of its region.
///
/// ```text
///        ├ before ┤ size ┤ after ┤
///                 └ at
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Where the payload begins.
    pub at: u64,
    /// The payload: what the program asked for.
    pub size: u64,
    /// Bytes of the block before its payload: header, red zone.
    pub before: u32,
    /// Bytes of the block behind its payload: slack, red zone.
    pub after: u32,
}

impl Extent {
    /// A payload and nothing around it.
    #[must_use]
    pub const fn new(at: u64, size: u64) -> Self {
        Self {
            at,
            size,
            before: 0,
            after: 0,
        }
    }

    /// The same payload with this many bytes of the block before and behind it.
    #[must_use]
    pub const fn within(self, before: u32, after: u32) -> Self {
        Self {
            before,
            after,
            ..self
        }
    }

    /// Where the block begins; `None` if that is before its region.
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        self.at.checked_sub(self.before.into())
    }

    /// Where the block ends; `None` if no address is that large.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.at
            .checked_add(self.size)?
            .checked_add(self.after.into())
    }
}

/// One thing that happened, and what is known of it.
///
/// Plain and `Copy`: recording one is a store into a buffer ([`Sink`](crate::Sink)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// Nanoseconds since the recording began; 0 if nobody looked at a clock.
    pub time: u64,
    /// The thread, numbered by whoever records.
    pub thread: u32,
    /// The line of code, or the whole stack, that did it.
    pub site: Option<SiteId>,
    /// A word for it: the name of a region, what a block holds, a sentence of a story.
    pub label: Option<LabelId>,
}

impl Event {
    /// An event of which nothing else is known.
    #[must_use]
    pub const fn new(action: Action) -> Self {
        Self {
            action,
            time: 0,
            thread: 0,
            site: None,
            label: None,
        }
    }

    /// The same event, done at this site.
    #[must_use]
    pub const fn from_site(mut self, site: SiteId) -> Self {
        self.site = Some(site);
        self
    }

    /// The same event with a label.
    #[must_use]
    pub const fn labelled(mut self, label: LabelId) -> Self {
        self.label = Some(label);
        self
    }

    /// The same event, this many nanoseconds after the recording began.
    #[must_use]
    pub const fn at_time(mut self, nanoseconds: u64) -> Self {
        self.time = nanoseconds;
        self
    }

    /// The same event, done by this thread.
    #[must_use]
    pub const fn on_thread(mut self, thread: u32) -> Self {
        self.thread = thread;
        self
    }
}

/// What happened. Offsets count from the base of the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A region begins. A size of 0 says that it has no bound: malloc's heap.
    Map {
        /// The new region.
        region: RegionId,
        /// The address that offset 0 stands for.
        base: u64,
        /// How many bytes it has.
        size: u64,
    },
    /// A region ends, and its blocks with it.
    Unmap {
        /// The region.
        region: RegionId,
    },
    /// A block is handed out.
    Alloc {
        /// The region it lies in.
        region: RegionId,
        /// The number it has from now on.
        block: BlockId,
        /// Its bytes.
        to: Extent,
        /// The alignment asked for; 0 if it is not known.
        align: u32,
        /// A group that the allocator knows, such as a tagheap's tag.
        tag: Option<u32>,
    },
    /// A block was asked for and not given.
    Refuse {
        /// The region that had no room, or no permission.
        region: RegionId,
        /// How many bytes were asked for.
        size: u64,
        /// The alignment asked for; 0 if it is not known.
        align: u32,
    },
    /// A block is given back.
    Free {
        /// The region it lies in.
        region: RegionId,
        /// The block.
        block: BlockId,
    },
    /// A block has another size, and perhaps another place, because the program asked for it.
    Realloc {
        /// The region it lies in.
        region: RegionId,
        /// The block, which keeps its number.
        block: BlockId,
        /// Its bytes from now on.
        to: Extent,
    },
    /// The allocator itself moved a block.
    Move {
        /// The region it lies in.
        region: RegionId,
        /// The block, which keeps its number and size.
        block: BlockId,
        /// Where its payload begins from now on.
        to: u64,
    },
    /// A bump pointer goes back: blocks that begin there or above are gone.
    Rewind {
        /// The region.
        region: RegionId,
        /// The offset it goes back to.
        to: u64,
    },
    /// Every block of a region is gone; the region stays.
    Reset {
        /// The region.
        region: RegionId,
    },
    /// Bytes were written, whoever they belong to.
    Write {
        /// The region.
        region: RegionId,
        /// The first byte.
        at: u64,
        /// How many.
        size: u64,
    },
    /// Bytes were read, whoever they belong to.
    Read {
        /// The region.
        region: RegionId,
        /// The first byte.
        at: u64,
        /// How many.
        size: u64,
    },
    /// The process forked: a region begins that is what another is at this moment.
    Fork {
        /// The region as the parent has it.
        from: RegionId,
        /// The child's, which is new.
        to: RegionId,
    },
    /// Something is wrong with some bytes.
    Fault {
        /// What is wrong.
        violation: Violation,
        /// The region.
        region: RegionId,
        /// The first byte concerned.
        at: u64,
        /// How many.
        size: u64,
        /// The block that was harmed or misused, if it is known; it need not be live.
        block: Option<BlockId>,
    },
    /// A step of a story: nothing but a label.
    Note,
}

/// What can be wrong with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Nobody can give the block back any more, or nobody did.
    Leak,
    /// A write or read behind the end of a block.
    Overflow,
    /// A write or read before the start of a block.
    Underflow,
    /// A block was used that had been given back.
    UseAfterFree,
    /// A block was used that a reset, a rewind or the end of its region had taken.
    UseAfterReset,
    /// A block was given back twice.
    DoubleFree,
    /// Something was given back that is no block.
    InvalidFree,
    /// A block was given back with another layout than it was handed out with.
    MismatchedLayout,
    /// Bytes changed that nobody was to change.
    UntrackedChange,
}

impl Violation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Leak,
        Self::Overflow,
        Self::Underflow,
        Self::UseAfterFree,
        Self::UseAfterReset,
        Self::DoubleFree,
        Self::InvalidFree,
        Self::MismatchedLayout,
        Self::UntrackedChange,
    ];

    /// Its name, for people and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Overflow => "overflow",
            Self::Underflow => "underflow",
            Self::UseAfterFree => "use after free",
            Self::UseAfterReset => "use after reset",
            Self::DoubleFree => "double free",
            Self::InvalidFree => "invalid free",
            Self::MismatchedLayout => "mismatched layout",
            Self::UntrackedChange => "untracked change",
        }
    }

    /// The violation of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|violation| violation.name() == name)
    }
}

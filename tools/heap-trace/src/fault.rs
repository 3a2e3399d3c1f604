//! Faults: what was done wrong, to which block, and where.

use std::fmt;

use crate::record::{Origin, Record, State};
use crate::stack;
use crate::table::Table;
use crate::zone::Wrong;

/// What was done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Bytes behind the payload were written.
    Overflow(Wrong),
    /// Bytes before the payload were written.
    Underflow(Wrong),
    /// Bytes of a freed block were written.
    UseAfterFree(Wrong),
    /// Bytes of a block that was given up by a reset or rewind were written.
    UseAfterReset(Wrong),
    /// A block was freed that was free already.
    DoubleFree,
    /// A pointer was freed that leads so many bytes into a block, not to its start.
    InteriorFree {
        /// Bytes from the start of the payload; negative in front of it.
        offset: isize,
    },
    /// A pointer was freed that leads into no block.
    ForeignFree {
        /// The pointer's address.
        address: usize,
    },
    /// A block was freed with another layout than it was allocated for.
    MismatchedLayout {
        /// The size that free was told.
        size: usize,
        /// The alignment that free was told.
        align: usize,
    },
}

impl Violation {
    /// Return the violation's name, as reports and suppressions have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Overflow(_) => "overflow",
            Self::Underflow(_) => "underflow",
            Self::UseAfterFree(_) => "use after free",
            Self::UseAfterReset(_) => "use after reset",
            Self::DoubleFree => "double free",
            Self::InteriorFree { .. } | Self::ForeignFree { .. } => "invalid free",
            Self::MismatchedLayout { .. } => "mismatched layout",
        }
    }
}

/// During what a fault was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Freed,
    Checked,
    Rewound,
    Reused,
    LeftQuarantine,
}

impl When {
    fn text(self) -> &'static str {
        match self {
            Self::Freed => "when it was freed",
            Self::Checked => "by a check",
            Self::Rewound => "when the arena was reset or rewound",
            Self::Reused => "when the bytes were to be used again",
            Self::LeftQuarantine => "when the block left quarantine",
        }
    }
}

/// One fault that the tracer has seen.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// What was done wrong.
    pub violation: Violation,
    pub(crate) block: Option<Record>,
    pub(crate) when: When,
    /// Where the tracer noticed.
    pub(crate) noticed: Origin,
    /// How often the arena had been reset, where the block had been given up by that.
    pub(crate) generation: Option<u64>,
    /// The number of the thread that noticed; 0 where that is not kept.
    pub(crate) thread: u32,
}

impl Fault {
    pub(crate) fn new(
        violation: Violation,
        block: Option<Record>,
        when: When,
        noticed: Origin,
    ) -> Self {
        Self {
            violation,
            block,
            when,
            noticed,
            generation: None,
            thread: 0,
        }
    }

    /// Return the block's number: how many its heap had handed out before it. `None` if the pointer led
    /// to no block.
    pub fn block(&self) -> Option<u64> {
        self.block.map(|block| block.id)
    }

    /// Return the bytes that were asked for when the block was allocated.
    pub fn size(&self) -> Option<usize> {
        self.block.map(|block| block.size)
    }

    /// Return the line that allocated the block, if the compiler passed it on.
    pub fn allocated_at(&self) -> Option<&'static std::panic::Location<'static>> {
        self.block?.allocated().place
    }

    /// Return the line that freed the block first, if it was freed.
    pub fn freed_at(&self) -> Option<&'static std::panic::Location<'static>> {
        self.block?.freed().place
    }

    /// Return the line where the fault was noticed, which for a write is later than the write.
    pub fn noticed_at(&self) -> Option<&'static std::panic::Location<'static>> {
        self.noticed.place
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Overflow(wrong) | Self::Underflow(wrong) => {
                write!(f, "red zone byte {} {wrong}", wrong.first)
            }
            Self::UseAfterFree(wrong) | Self::UseAfterReset(wrong) => {
                write!(f, "byte {} {wrong}", wrong.first)
            }
            Self::DoubleFree => write!(f, "it is free already"),
            Self::InteriorFree { offset } => {
                write!(f, "the pointer is {offset} bytes from its start")
            }
            Self::ForeignFree { address } => {
                write!(f, "the pointer {address:#x} was not handed out here")
            }
            Self::MismatchedLayout { size, align } => {
                write!(f, "freed as {size} bytes aligned to {align}")
            }
        }
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.found();
        let was = bytes.first().copied().unwrap_or_default();
        write!(f, "is {was:#04x}, expected {:#04x}", self.expected)?;
        if self.count > 1 {
            write!(f, "; {} bytes are wrong:", self.count)?;
            for byte in bytes {
                write!(f, " {byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.violation.name())?;
        match self.block {
            Some(block) => write!(f, "block #{} ({} bytes): ", block.id, block.size)?,
            None => write!(f, "in no block: ")?,
        }
        write!(f, "{}", self.violation)?;
        if let (Violation::MismatchedLayout { .. }, Some(block)) = (self.violation, self.block) {
            write!(
                f,
                ", allocated as {} bytes aligned to {}",
                block.size,
                block.align()
            )?;
        }
        if let Some(block) = self.block {
            write!(f, "\n    allocated {}", Site(block.allocated()))?;
            match (block.state, self.generation) {
                (State::Freed, _) => write!(f, "\n    freed {}", Site(block.freed()))?,
                (State::Rewound, Some(n)) => {
                    write!(f, "\n    given up with generation {n} of its arena")?
                }
                _ => {}
            }
        }
        write!(f, "\n    seen {} {}", self.when.text(), Site(self.noticed))
    }
}

/// A site as text: the line, or the line of a stack that the program's author wrote, then the stack.
pub(crate) struct Site(pub(crate) Origin);

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = stack::frames(self.0.stack);
        match (self.0.place, stack::telling_frame(&frames)) {
            (Some(place), _) => write!(f, "at {place}")?,
            (None, Some(frame)) => write!(f, "at {}", frame)?,
            (None, None) => write!(f, "at an unknown site")?,
        }
        let is_alone = self.0.place.is_none();
        for frame in stack::own_frames(&frames).skip(usize::from(is_alone)) {
            write!(f, "\n        in {}", frame)?;
        }
        Ok(())
    }
}

/// Faults that are kept; those after are counted.
const KEPT: usize = 1000;

/// The faults seen so far.
#[derive(Debug)]
pub(crate) struct Faults {
    rows: Table<Fault>,
    dropped: u64,
    /// How many of them some report has told.
    told: usize,
}

// SAFETY: as for records, whose pointers are notes.
unsafe impl Send for Fault {}
// SAFETY: as above.
unsafe impl Sync for Fault {}

impl Faults {
    pub(crate) const fn new() -> Self {
        Self {
            rows: Table::new(),
            dropped: 0,
            told: 0,
        }
    }

    /// Write a fault down.
    #[cold]
    pub(crate) fn note(&mut self, fault: Fault) {
        if self.rows.len() >= KEPT || self.rows.push(fault).is_err() {
            self.dropped += 1;
        }
    }

    pub(crate) fn all(&self) -> &[Fault] {
        self.rows.as_slice()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Tell whether there is a fault that no report has told.
    pub(crate) fn has_news(&self) -> bool {
        self.told < self.rows.len()
    }

    /// The faults that no report has told.
    pub(crate) fn news(&self) -> &[Fault] {
        &self.rows.as_slice()[self.told..]
    }

    pub(crate) fn mark_told(&mut self) {
        self.told = self.rows.len();
    }
}

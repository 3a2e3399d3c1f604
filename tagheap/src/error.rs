//! What a heap answers when it cannot.

use core::fmt;

use crate::tag::{Tag, TagError};

/// Why a heap refused; it is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No free block that the tag's side may use is large enough.
    NoRoom {
        /// The bytes asked for.
        requested: usize,
        /// The largest free block of the whole heap, in bytes.
        largest_free: usize,
    },
    /// The align is no power of two, or more than the heap's base is aligned to.
    BadAlign {
        /// The align asked for.
        align: usize,
        /// The greatest there is.
        most: usize,
    },
    /// The tag is none.
    BadTag(TagError),
    /// The tags of a range are of different sides, or the first is above the last.
    BadRange {
        /// The first tag.
        low: Tag,
        /// The last tag.
        high: Tag,
    },
    /// The new tag is of the other side; a block does not change sides.
    OtherSide {
        /// The tag it has.
        old: Tag,
        /// The tag asked for.
        new: Tag,
    },
    /// The handle's block was freed.
    Stale,
    /// The handle is of another heap.
    OtherHeap,
    /// The pointer leads outside of the heap's blocks.
    Foreign,
    /// The pointer leads into a block, not to the start of its payload.
    Interior {
        /// Where the payload starts, in bytes from the heap's base.
        payload: usize,
    },
    /// The pointer leads to free space: the block was freed before, or never was.
    DoubleFree {
        /// Where it leads, in bytes from the heap's base.
        payload: usize,
    },
    /// A guard or a closure has the block's bytes.
    Pinned {
        /// Where the payload starts, in bytes from the heap's base.
        payload: usize,
    },
    /// Every slot of the handle table is taken.
    NoHandle {
        /// How many there are.
        slots: usize,
    },
    /// The block is not as long as the value.
    WrongSize {
        /// Bytes in the block.
        block: usize,
        /// Bytes in the value.
        value: usize,
    },
    /// The heap was called from a callback of its own.
    Reentrant,
    /// The canary behind a payload was written over: an overflow of this block.
    Smashed(Smashed),
    /// The heap's own structure is damaged.
    Corrupt(Fault),
}

/// A block whose canary was written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smashed {
    /// Where the payload starts, in bytes from the heap's base.
    pub payload: usize,
    /// The block's tag.
    pub tag: Tag,
    /// The bytes it was asked for.
    pub requested: usize,
    /// How far behind them the first changed byte is: 0 is the next one.
    pub byte: usize,
    /// What stands there.
    pub found: u8,
    /// What should.
    pub expected: u8,
}

/// What is wrong with a heap, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A structure is damaged.
    Damaged {
        /// Where, in bytes from the heap's base; for [`What::HandleTable`] the slot.
        at: usize,
        /// What is wrong there.
        what: What,
    },
    /// A count or a bound in the control block differs from what a walk finds.
    Count {
        /// Which one.
        name: &'static str,
        /// What the control block says.
        said: usize,
        /// What the walk found.
        found: usize,
    },
    /// The canary of a block was written over.
    Smashed(Smashed),
}

/// What can be wrong with a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The control block's constants do not agree with the heap that was opened.
    Control,
    /// A link leads outside of the block area.
    LinkOutside,
    /// The check byte does not match the header.
    Check,
    /// The block does not end before the last one.
    Size,
    /// The link to the block before leads elsewhere.
    PreviousLink,
    /// Two free blocks touch.
    FreeNeighbours,
    /// A TAIL block lies below a HEAD block.
    SidesMixed,
    /// More slack than payload.
    Slack,
    /// The payload is not aligned as its header says.
    Align,
    /// The index of free blocks is wrong here.
    Index,
    /// The table of first blocks is wrong here.
    Starts,
    /// The links between blocks of a tag do not agree here.
    TagList,
    /// Handle table and block do not name each other.
    Handle,
    /// The handle table is wrong at a slot.
    HandleTable,
}

/// A damaged structure, in two words: what the engine hands up, as small as an error can be, for
/// results are returned in registers then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    /// A dword of the block area, or a slot.
    pub(crate) at: u32,
    pub(crate) what: What,
}

impl From<Damage> for Fault {
    fn from(Damage { at, what }: Damage) -> Self {
        let unit = match what {
            What::HandleTable => 1,
            _ => crate::fit::DWORD,
        };
        Self::Damaged {
            at: (at as usize).saturating_mul(unit),
            what,
        }
    }
}

impl From<Smashed> for Fault {
    fn from(smashed: Smashed) -> Self {
        Self::Smashed(smashed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom {
                requested,
                largest_free,
            } => write!(
                f,
                "no room: {requested} bytes requested, largest free block {largest_free} bytes: \
                 free a tag, or defragment"
            ),
            Self::BadAlign { align, most } => write!(
                f,
                "bad align {align}: a power of two up to {most}, which is what the base has"
            ),
            Self::BadTag(error) => error.fmt(f),
            Self::BadRange { low, high } if low.side() == high.side() => {
                write!(f, "tag range {low} to {high} is reversed")
            }
            Self::BadRange { low, high } => write!(f, "tag range {low} to {high} crosses sides"),
            Self::OtherSide { old, new } => {
                write!(f, "a block of {old} cannot become {new}: the side stays")
            }
            Self::Stale => f.write_str("use after free: the handle's block was freed"),
            Self::OtherHeap => f.write_str("invalid handle: it is of another heap"),
            Self::Foreign => f.write_str("invalid free: the pointer is outside of this heap"),
            Self::Interior { payload } => write!(
                f,
                "invalid free: the pointer is inside the block whose payload is at base+{payload}"
            ),
            Self::DoubleFree { payload } => {
                write!(f, "double free: base+{payload} is free space")
            }
            Self::Pinned { payload } => write!(
                f,
                "pinned: the bytes at base+{payload} are in use; drop the guard first"
            ),
            Self::NoHandle { slots } => write!(
                f,
                "no handle left: all {slots} slots are taken; create the heap with more"
            ),
            Self::WrongSize { block, value } => {
                write!(
                    f,
                    "wrong size: a value of {value} bytes, a block of {block}"
                )
            }
            Self::Reentrant => f.write_str("the heap was called from a callback of its own"),
            Self::Smashed(smashed) => smashed.fmt(f),
            Self::Corrupt(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for Smashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            payload,
            tag,
            requested,
            byte,
            found,
            expected,
        } = self;
        write!(
            f,
            "overflow: block at base+{payload} ({requested} bytes, {tag}): canary byte {byte} is \
             {found:#04x}, expected {expected:#04x}"
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, what) = match *self {
            Self::Damaged { at, what } => (at, what),
            Self::Count { name, said, found } => {
                return write!(
                    f,
                    "corrupt control block: {name} is {said}, a walk finds {found}"
                );
            }
            Self::Smashed(smashed) => return smashed.fmt(f),
        };
        match what {
            What::Control => f.write_str("corrupt control block: it is not this heap's"),
            What::LinkOutside => write!(f, "corrupt link: base+{at} is outside of the blocks"),
            What::Check => write!(f, "corrupt header at base+{at}: its check byte differs"),
            What::Size => write!(f, "corrupt header at base+{at}: the block ends outside"),
            What::PreviousLink => write!(
                f,
                "corrupt header at base+{at}: its link to the block before leads elsewhere"
            ),
            What::FreeNeighbours => write!(f, "free blocks touch at base+{at}"),
            What::SidesMixed => write!(f, "HEAD block at base+{at} lies above a TAIL block"),
            What::Slack => write!(f, "corrupt block at base+{at}: more slack than payload"),
            What::Align => write!(f, "misaligned block at base+{at}"),
            What::Index => write!(f, "corrupt index of free blocks near base+{at}"),
            What::Starts => write!(f, "corrupt table of blocks near base+{at}"),
            What::TagList => write!(f, "corrupt tag list at base+{at}"),
            What::Handle => write!(f, "block at base+{at} and the handle table disagree"),
            What::HandleTable => write!(f, "corrupt handle table at slot {at}"),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Smashed(smashed) => Self::Smashed(smashed),
            _ => Self::Corrupt(fault),
        }
    }
}

impl From<Damage> for Error {
    #[cold]
    fn from(damage: Damage) -> Self {
        Self::Corrupt(damage.into())
    }
}

impl From<Smashed> for Error {
    fn from(smashed: Smashed) -> Self {
        Self::Smashed(smashed)
    }
}

impl From<TagError> for Error {
    fn from(error: TagError) -> Self {
        Self::BadTag(error)
    }
}

/// Why memory cannot become a heap, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Fewer bytes than the sentinel, one block of 16 bytes and the control block take.
    TooSmall {
        /// The bytes there are.
        len: usize,
        /// The least that will do.
        least: usize,
    },
    /// More bytes than offsets can say.
    TooLarge {
        /// The bytes of the block area.
        len: usize,
        /// The most there can be.
        most: usize,
    },
    /// The memory starts at an address that is not aligned enough.
    Misaligned {
        /// Where it starts.
        address: usize,
        /// What the address must be a multiple of.
        align: usize,
    },
    /// There is no heap in these bytes, or one of another version.
    NoHeap,
    /// There is a heap, and it is damaged.
    Corrupt(Fault),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { len, least } => {
                write!(
                    f,
                    "too small for a heap: {len} bytes, at least {least} are needed"
                )
            }
            Self::TooLarge { len, most } => {
                write!(
                    f,
                    "too large for a heap: {len} bytes, at most {most} can be addressed"
                )
            }
            Self::Misaligned { address, align } => write!(
                f,
                "misaligned memory for a heap: {address:#x} is not a multiple of {align}"
            ),
            Self::NoHeap => f.write_str("no heap of this version in these bytes"),
            Self::Corrupt(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for OpenError {}

impl<F: Into<Fault>> From<F> for OpenError {
    fn from(fault: F) -> Self {
        Self::Corrupt(fault.into())
    }
}

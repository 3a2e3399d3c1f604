//! What a subject can be found guilty of.

use std::alloc::Layout;
use std::fmt;
use std::ops::Range;

/// Names a block for as long as the oracle remembers it.
///
/// Ids grow with every birth and are never reused, so that "born after" is a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u64);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One block as the oracle sees it.
///
/// ```text
///   address          address + size        address + usable
///   | bytes asked for | slack the subject gave |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Unique among all blocks the oracle has ever seen.
    pub id: BlockId,
    /// Where the payload starts now; a moving heap may change it.
    pub address: usize,
    /// What was asked for.
    pub layout: Layout,
    /// Bytes that no other block may touch: at least the size asked for, except that
    /// a zero-size block which owns no address has zero.
    pub usable: usize,
}

impl Block {
    /// Returns the addresses that belong to this block alone.
    pub fn range(&self) -> Range<usize> {
        self.address..self.address + self.usable
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, align) = (self.layout.size(), self.layout.align());
        let (id, address) = (self.id, self.address);
        write!(
            f,
            "block {id} ({size} bytes, align {align}, at {address:#x})"
        )
    }
}

/// A rule that was broken, with everything needed to see how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two live blocks share bytes.
    Overlap {
        /// The block just handed out.
        new: Block,
        /// The block that was there first.
        live: Block,
    },
    /// A block does not start at a multiple of its align.
    Misaligned {
        /// The block just handed out.
        block: Block,
    },
    /// A block lies, wholly or in part, outside the declared ranges.
    OutOfRange {
        /// The block just handed out.
        block: Block,
        /// The ranges the subject declared.
        ranges: Vec<Range<usize>>,
    },
    /// A block runs past the end of the address space.
    Wraps {
        /// Where the block starts.
        address: usize,
        /// How long it claims to be.
        size: usize,
    },
    /// A block is shorter than what was asked for.
    TooShort {
        /// What was asked for.
        layout: Layout,
        /// What was given.
        usable: usize,
    },
    /// A byte that the owner wrote has another value now.
    Changed {
        /// The block it lies in.
        block: Block,
        /// Its position in the block.
        offset: usize,
        /// What was written.
        expected: u8,
        /// What is there now.
        found: u8,
    },
    /// A byte promised to be zero is not.
    NotZeroed {
        /// The block it lies in.
        block: Block,
        /// Its position in the block.
        offset: usize,
        /// What is there.
        found: u8,
    },
    /// A block changed its address when it was not allowed to.
    Moved {
        /// The block as it was.
        block: Block,
        /// Where it is now.
        to: usize,
    },
    /// A request was refused that the subject had promised to serve.
    Refused {
        /// What was asked for.
        layout: Layout,
        /// All that was asked for before, overhead included; see [`Capacity::Fixed`].
        ///
        /// [`Capacity::Fixed`]: crate::subject::Capacity::Fixed
        asked: usize,
    },
    /// A request was refused right after a block of the same layout was freed.
    NotReused {
        /// What was asked for.
        layout: Layout,
    },
    /// A request was served that no address space can hold.
    ServedImpossible {
        /// What was asked for.
        layout: Layout,
        /// Where it is said to be.
        address: usize,
    },
    /// The subject no longer serves what it served when it was fresh.
    LargestLost {
        /// The largest request a fresh subject serves.
        fresh: usize,
        /// How the subject was emptied since then.
        emptied: Emptied,
    },
    /// A fill-and-drain cycle was served less than the first one.
    Leak {
        /// Which cycle, counted from 1.
        cycle: usize,
        /// Bytes served in the first cycle.
        first: usize,
        /// Bytes served in this one.
        now: usize,
        /// How the subject was emptied between the cycles.
        emptied: Emptied,
    },
    /// The subject counts other live blocks than there are.
    LiveCount {
        /// What the subject says.
        subject: usize,
        /// What the oracle knows.
        oracle: usize,
    },
    /// The subject's own check of its structure failed.
    CheckFailed {
        /// What it said.
        report: String,
    },
    /// A block was freed that had been freed before.
    DoubleFree {
        /// The block, as it was when it lived.
        block: Block,
    },
    /// An address was freed at which no block ever started.
    InvalidFree {
        /// The address.
        address: usize,
        /// The live block it points into, if any.
        inside: Option<Block>,
    },
    /// A block was freed with a layout that is not its own.
    InvalidFreeLayout {
        /// The block.
        block: Block,
        /// The layout it was freed with.
        given: Layout,
    },
    /// Bytes of a block were used after it was freed.
    UseAfterFree {
        /// The block, as it was when it lived.
        block: Block,
        /// The first address used.
        address: usize,
        /// How many bytes.
        len: usize,
    },
    /// A use began inside a block and ran past its end.
    Overflow {
        /// The block.
        block: Block,
        /// The first address used.
        address: usize,
        /// How many bytes.
        len: usize,
    },
    /// Bytes were used that belong to no block.
    InvalidUse {
        /// The first address used.
        address: usize,
        /// How many bytes.
        len: usize,
    },
}

/// How a subject got rid of all its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    /// Nothing was ever in it: it only refused requests.
    ByRefusing,
    /// Every block was freed.
    ByFreeing,
    /// It was reset.
    ByReset,
    /// It was rewound to a checkpoint taken when it was empty.
    ByRewind,
}

impl fmt::Display for Emptied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Emptied::ByRefusing => "refusing requests",
            Emptied::ByFreeing => "freeing every block",
            Emptied::ByReset => "a reset",
            Emptied::ByRewind => "a rewind",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Overlap { new, live } => {
                let shared = shared_len(&new.range(), &live.range());
                write!(f, "overlap: {new} shares {shared} bytes with {live}")
            }
            Violation::Misaligned { block } => {
                let off = block.address % block.layout.align();
                write!(
                    f,
                    "misaligned: {block} is {off} bytes past a multiple of its align"
                )
            }
            Violation::OutOfRange { block, ranges } => {
                write!(f, "out of range: {block} does not lie in")?;
                for (i, range) in ranges.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma} {:#x}..{:#x}", range.start, range.end)?;
                }
                Ok(())
            }
            Violation::Wraps { address, size } => {
                write!(
                    f,
                    "wraps: {size} bytes at {address:#x} end past the address space"
                )
            }
            Violation::TooShort { layout, usable } => {
                write!(
                    f,
                    "too short: asked for {} bytes, given {usable}",
                    layout.size()
                )
            }
            Violation::Changed {
                block,
                offset,
                expected,
                found,
            } => {
                write!(
                    f,
                    "changed: {block}: byte {offset} is {found:#04x}, expected {expected:#04x}"
                )
            }
            Violation::NotZeroed {
                block,
                offset,
                found,
            } => {
                write!(
                    f,
                    "not zeroed: {block}: byte {offset} is {found:#04x}, expected 0x00"
                )
            }
            Violation::Moved { block, to } => {
                write!(
                    f,
                    "moved: {block} is at {to:#x} now, and nothing allowed it to move"
                )
            }
            Violation::Refused { layout, asked } => {
                let (size, align) = (layout.size(), layout.align());
                write!(
                    f,
                    "refused: {size} bytes, align {align}, \
                     with {asked} bytes of the promised room asked for"
                )
            }
            Violation::NotReused { layout } => {
                let (size, align) = (layout.size(), layout.align());
                write!(
                    f,
                    "not reused: {size} bytes, align {align}, \
                     refused right after such a block was freed"
                )
            }
            Violation::ServedImpossible { layout, address } => {
                write!(
                    f,
                    "served impossible: {} bytes at {address:#x}",
                    layout.size()
                )
            }
            Violation::LargestLost { fresh, emptied } => {
                write!(
                    f,
                    "leak: after {emptied} a block of {fresh} bytes is refused, served when fresh"
                )
            }
            Violation::Leak {
                cycle,
                first,
                now,
                emptied,
            } => {
                write!(
                    f,
                    "leak: cycle {cycle} was served {now} bytes after {emptied}, the first {first}"
                )
            }
            Violation::LiveCount { subject, oracle } => {
                write!(
                    f,
                    "live count: the subject counts {subject} live blocks, expected {oracle}"
                )
            }
            Violation::CheckFailed { report } => write!(f, "check failed: {report}"),
            Violation::DoubleFree { block } => {
                write!(f, "double free: {block} was freed before")
            }
            Violation::InvalidFree {
                address,
                inside: Some(block),
            } => {
                let off = address - block.address;
                write!(
                    f,
                    "invalid free: {address:#x} lies {off} bytes into {block}"
                )
            }
            Violation::InvalidFree {
                address,
                inside: None,
            } => {
                write!(f, "invalid free: {address:#x} belongs to no block")
            }
            Violation::InvalidFreeLayout { block, given } => {
                let (size, align) = (given.size(), given.align());
                write!(
                    f,
                    "invalid free: {block} freed as {size} bytes, align {align}"
                )
            }
            Violation::UseAfterFree {
                block,
                address,
                len,
            } => {
                let off = address - block.address;
                write!(f, "use after free: {len} bytes at offset {off} of {block}")
            }
            Violation::Overflow {
                block,
                address,
                len,
            } => {
                let off = address - block.address;
                write!(f, "overflow: {len} bytes at offset {off} of {block}")
            }
            Violation::InvalidUse { address, len } => {
                write!(
                    f,
                    "invalid use: {len} bytes at {address:#x} belong to no block"
                )
            }
        }
    }
}

impl std::error::Error for Violation {}

fn shared_len(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

//! Tags: which blocks die together, and on which side of the heap they live.

use core::fmt;
use core::ops::RangeInclusive;

/// The tag of free blocks and of the sentinel; no live block has it.
pub(crate) const FREE_BITS: u16 = 0x7fff;

/// The bit that says TAIL.
const SIDE_BIT: u16 = 0x4000;

/// The greatest number of a HEAD tag.
const HEAD_MAX: u16 = 0x3fff;

/// The greatest number of a TAIL tag: one less, for the last one marks free blocks.
const TAIL_MAX: u16 = 0x3ffe;

/// One of the two populations of a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Grows up from the bottom; may be defragmented.
    Head,
    /// Grows down from the top; never moves.
    Tail,
}

/// What a block belongs to: a number of 14 bits on one of the two sides.
///
/// ```
/// use tagheap::{Side, Tag};
///
/// let level = Tag::tail(1)?;
/// assert_eq!((level.side(), level.number()), (Side::Tail, 1));
/// assert_eq!(Tag::from_bits(0x8001), Ok(level)); // the 16-bit spelling
/// assert_eq!(Tag::from_bits(0x4001), Ok(level)); // the 15-bit one
/// assert!(Tag::from_bits(0x7fff).is_err());      // free blocks have that
/// # Ok::<(), tagheap::TagError>(())
/// ```
///
/// Two spellings, because the design this follows says "bit 14 marks TAIL" in its table and writes
/// 0x8001 in its tests, which is bit 15. Cut to 15 bits, 0x8001 would be HEAD 1, on the wrong side;
/// so nothing is ever cut: what is neither spelling is an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u16);

/// Why a number is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagError {
    /// It marks free blocks (0x7FFF, or 0xBFFF in the 16-bit spelling).
    ReservedTag,
    /// It is outside what the 15 bits can say, in either spelling.
    InvalidTag {
        /// The number.
        bits: u32,
    },
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedTag => f.write_str("reserved tag: 0x7fff marks free blocks"),
            Self::InvalidTag { bits } => write!(
                f,
                "invalid tag {bits:#06x}: HEAD is 0x0000 to 0x3fff, TAIL is 0x4000 to 0x7ffe or \
                 0x8000 to 0xbffe"
            ),
        }
    }
}

impl core::error::Error for TagError {}

impl Tag {
    /// Name a group of HEAD blocks.
    ///
    /// # Errors
    ///
    /// `number` exceeds 0x3FFF.
    pub const fn head(number: u16) -> Result<Self, TagError> {
        if number > HEAD_MAX {
            return Err(TagError::InvalidTag {
                bits: number as u32,
            });
        }
        Ok(Self(number))
    }

    /// Name a group of TAIL blocks.
    ///
    /// # Errors
    ///
    /// `number` exceeds 0x3FFE; 0x3FFF is [`ReservedTag`](TagError::ReservedTag).
    pub const fn tail(number: u16) -> Result<Self, TagError> {
        match number {
            0..=TAIL_MAX => Ok(Self(SIDE_BIT | number)),
            0x3fff => Err(TagError::ReservedTag),
            _ => Err(TagError::InvalidTag {
                bits: number as u32,
            }),
        }
    }

    /// Read a tag as it is written in code of old: 15 bits, or 16 with bit 15 for TAIL.
    ///
    /// # Errors
    ///
    /// 0x7FFF and 0xBFFF are reserved; 0xC000 and above say nothing in either spelling.
    pub const fn from_bits(bits: u16) -> Result<Self, TagError> {
        match bits {
            0..=0x7ffe => Ok(Self(bits)),
            FREE_BITS | 0xbfff => Err(TagError::ReservedTag),
            0x8000..=0xbffe => Ok(Self(SIDE_BIT | (bits & HEAD_MAX))),
            0xc000.. => Err(TagError::InvalidTag { bits: bits as u32 }),
        }
    }

    /// Read the tag of a header, whose upper bit is something else; `None` for a free block.
    #[inline]
    pub(crate) fn of_header(bits: u16) -> Option<Self> {
        let bits = bits & FREE_BITS;
        (bits != FREE_BITS).then_some(Self(bits))
    }

    /// Return the 15 bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Return the side.
    #[must_use]
    pub const fn side(self) -> Side {
        if self.0 & SIDE_BIT == 0 {
            Side::Head
        } else {
            Side::Tail
        }
    }

    /// Return the number within the side.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0 & HEAD_MAX
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side() {
            Side::Head => write!(f, "HEAD {}", self.number()),
            Side::Tail => write!(f, "TAIL {}", self.number()),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<u16> for Tag {
    type Error = TagError;

    fn try_from(bits: u16) -> Result<Self, TagError> {
        Self::from_bits(bits)
    }
}

/// Tags from one to another, both included, all of one side: never reversed, never across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagRange {
    pub(crate) low: Tag,
    pub(crate) high: Tag,
}

impl TagRange {
    /// Check a range; `None` if it is reversed or crosses sides.
    pub(crate) fn new(range: &RangeInclusive<Tag>) -> Option<Self> {
        let (low, high) = (*range.start(), *range.end());
        (low <= high && low.side() == high.side()).then_some(Self { low, high })
    }

    pub(crate) fn contains(self, tag: Tag) -> bool {
        (self.low..=self.high).contains(&tag)
    }
}

#[cfg(test)]
mod tests;

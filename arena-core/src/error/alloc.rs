//! What an allocation says when it fails.

use core::fmt;

use super::RegionError;

/// An arena could not hand out a block. The arena is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// The block does not fit below the limit.
    Exhausted {
        /// The bytes asked for.
        size: usize,
        /// The alignment asked for.
        align: usize,
        /// The bytes in use, padding included.
        used: usize,
        /// The bytes the policy allows.
        limit: usize,
        /// The bytes the arena has.
        capacity: usize,
    },
    /// No block has that size: it exceeds `isize::MAX` bytes.
    TooLarge {
        /// The number of elements asked for.
        count: usize,
        /// The size of one, in bytes.
        element_size: usize,
    },
    /// The OS refused to make the next step of the region usable.
    Commit {
        /// The bytes asked for.
        size: usize,
        /// The bytes in use, padding included.
        used: usize,
        /// What the OS refused.
        source: RegionError,
    },
    /// A `Display` implementation returned an error while its text was being written.
    Format,
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AllocError::Exhausted {
                size,
                align,
                used,
                limit,
                capacity,
            } => {
                let cure = if limit < capacity {
                    "raise the limit"
                } else {
                    "reserve more"
                };
                write!(
                    f,
                    "arena exhausted: {size} bytes (align {align}) requested, {used} used, \
                     limit {limit}, capacity {capacity}: {cure}, or reset"
                )
            }
            AllocError::TooLarge {
                count,
                element_size,
            } => write!(
                f,
                "block too large: {count} elements of {element_size} bytes exceed {} bytes",
                isize::MAX
            ),
            AllocError::Commit { size, used, source } => {
                write!(
                    f,
                    "arena cannot grow: {size} bytes requested, {used} used: {source}"
                )
            }
            AllocError::Format => f.write_str("a Display implementation returned an error"),
        }
    }
}

impl core::error::Error for AllocError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            AllocError::Commit { source, .. } => Some(source),
            _ => None,
        }
    }
}

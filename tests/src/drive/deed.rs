//! What was done last, and what it broke.

use std::alloc::Layout;
use std::fmt;

use crate::violation::{BlockId, Violation};

/// An operation as it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing was done yet.
    Start,
    /// A block was asked for.
    Alloc(Layout),
    /// This block was to grow to this.
    Grow(BlockId, Layout),
    /// This block was to shrink to this.
    Shrink(BlockId, Layout),
    /// This block was freed.
    Free(BlockId),
    /// A checkpoint was taken.
    Checkpoint,
    /// Blocks born since this one, itself included, were dropped.
    Rewind(BlockId),
    /// All blocks were dropped.
    Reset,
    /// Blocks were moved together.
    Defrag,
}

/// A violation, and the operation after which it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The operation.
    pub deed: Deed,
    /// What it broke; boxed, for it is large and the way of success should not be.
    pub violation: Box<Violation>,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = |layout: &Layout| {
            let (size, align) = (layout.size(), layout.align());
            format!("{size} bytes, align {align}")
        };
        match self {
            Deed::Start => f.write_str("start"),
            Deed::Alloc(layout) => write!(f, "alloc of {}", request(layout)),
            Deed::Grow(id, layout) => write!(f, "grow of block {id} to {}", request(layout)),
            Deed::Shrink(id, layout) => write!(f, "shrink of block {id} to {}", request(layout)),
            Deed::Free(id) => write!(f, "free of block {id}"),
            Deed::Checkpoint => f.write_str("checkpoint"),
            Deed::Rewind(id) => write!(f, "rewind to before block {id}"),
            Deed::Reset => f.write_str("reset"),
            Deed::Defrag => f.write_str("defrag"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}: {}", self.deed, self.violation)
    }
}

impl std::error::Error for Broken {}

//! Why nothing could be observed.

use std::io;
use std::ops::Range;

use arena_core::policy::BuildError;
use arena_core::region::RegionError;

use crate::end::End;

/// A probe could not be made. (What goes wrong later is part of the observation.)
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The kernel refused the mapping, or an advice.
    #[error("{0}")]
    Region(#[from] RegionError),
    /// No arena could be built over it.
    #[error("{0}")]
    Arena(BuildError),
    /// The number of pages is 0, or does not fit in the address space.
    #[error("a probe needs at least one page, and no more than the address space has")]
    Pages,
    /// The kernel refused something else.
    #[error("{doing}: {source}")]
    Os {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// This process has other threads.
    #[error("a bill needs a process with one thread, and this one has {threads}")]
    Threads {
        /// How many there are.
        threads: usize,
    },
    /// The workload makes no sense.
    #[error(
        "a tree of {blocks} blocks with {deeds} deeds: at least one, and at most a quarter, can be done"
    )]
    Work {
        /// Nodes of the tree.
        blocks: usize,
        /// Nodes to touch.
        deeds: usize,
    },
    /// The allocator has no room for the tree.
    #[error("{allocator} has no room after {blocks} blocks")]
    Full {
        /// Which allocator.
        allocator: String,
        /// How many blocks it gave.
        blocks: usize,
    },
    /// The process has more memory to watch than can be looked at after each deed: a sanitizer's shadow.
    #[error(
        "a bill looks at each of the {pages} pages that a child could write, and at most {most} are looked \
         at; the largest mapping is {name} at {:#x}, {} MiB: build without a sanitizer, or map less",
        largest.start,
        largest.len() >> 20
    )]
    Vast {
        /// How many there are.
        pages: usize,
        /// How many are looked at.
        most: usize,
        /// The largest mapping.
        largest: Range<usize>,
        /// What it is called.
        name: String,
    },
    /// What must be seen cannot be.
    #[error("cannot be seen: {why}")]
    Unseen {
        /// What, and why.
        why: String,
    },
    /// The child did not come to its end.
    #[error("the child did not finish: {end}")]
    Child {
        /// How it ended.
        end: End,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl ProbeError {
    /// Return the errno, if it was the kernel that refused.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            ProbeError::Region(error) | ProbeError::Arena(BuildError::Region(error)) => {
                error.raw_os_error()
            }
            ProbeError::Os { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

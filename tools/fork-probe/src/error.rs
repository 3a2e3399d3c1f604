//! Why nothing could be observed.

use std::io;

use arena_core::policy::BuildError;
use arena_core::region::RegionError;

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

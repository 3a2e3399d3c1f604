//! Why a recording cannot be drawn or exported.

use crate::history::Misfit;
use std::io;
use thiserror::Error;

/// Why a recording cannot be drawn or exported.
#[derive(Debug, Error)]
pub enum DrawError {
    /// An event does not fit those before it. A recording that was read from a file has none such.
    #[error("event {event} does not fit those before it: {misfit}")]
    Misfit {
        /// Its index.
        event: usize,
        /// Why.
        misfit: Misfit,
    },
    /// The writer refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<(usize, Misfit)> for DrawError {
    fn from((event, misfit): (usize, Misfit)) -> Self {
        Self::Misfit { event, misfit }
    }
}

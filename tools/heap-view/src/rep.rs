//! `.rep` allocation traces: a workload without addresses, to be replayed on any allocator.
//!
//! ```text
//! 20000      a suggested size of the heap, in bytes
//! 2          how many ids there are
//! 5          how many operations follow
//! 1          a weight, for whoever adds up scores
//! a 0 512    allocate 512 bytes as 0
//! a 1 128
//! r 0 640    give 0 another size
//! f 1        free 1
//! f 0
//! ```

use crate::error::DrawError;
use crate::export::{What, changes};
use crate::history::History;
use crate::trace::Trace;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead};
use std::str::FromStr;
use thiserror::Error;

pub mod synthetic;

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rep {
    /// A heap of this many bytes is large enough, or was thought to be.
    pub heap_size: u64,
    /// Ids are smaller than this.
    pub ids: u32,
    /// What a score for this workload counts.
    pub weight: u64,
    /// The operations: an id is allocated before it is used, and not used after it is freed.
    pub operations: Vec<Operation>,
}

/// One operation of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Allocate.
    Alloc {
        /// The name of the block from now on.
        id: u32,
        /// How many bytes.
        size: u64,
    },
    /// Give another size.
    Realloc {
        /// The block.
        id: u32,
        /// How many bytes from now on.
        size: u64,
    },
    /// Free.
    Free {
        /// The block.
        id: u32,
    },
}

impl Rep {
    /// The workload of a recording: what all its regions handed out, in order. A rewind, a reset or an unmap frees each
    /// block that it ends.
    ///
    /// # Errors
    ///
    /// If an event does not fit those before it.
    pub fn of(trace: &Trace) -> Result<Self, DrawError> {
        let history = History::of(trace)?;
        let mut ids = HashMap::new();
        let mut operations = Vec::new();
        for change in changes(&history) {
            let next = ids.len() as u32;
            let id = *ids.entry(change.block).or_insert(next);
            operations.push(match change.what {
                What::Alloc { size } => Operation::Alloc { id, size },
                What::Resize { new, .. } => Operation::Realloc { id, size: new },
                What::End { .. } => Operation::Free { id },
            });
        }
        let most = history.live_bytes.iter().copied().max().unwrap_or_default();
        Ok(Self {
            heap_size: most,
            ids: ids.len() as u32,
            weight: 1,
            operations,
        })
    }

    /// Reads a workload.
    ///
    /// # Errors
    ///
    /// [`RepError`] with the first line at which something is wrong.
    pub fn read(file: impl BufRead) -> Result<Self, RepError> {
        let mut lines = file.lines().zip(1..);
        let mut header = |what| number_of_header(lines.next(), what);
        let heap_size = header("a heap size")?;
        let ids = header("a number of ids")?;
        let count = header("a number of operations")?;
        let weight = header("a weight")?;
        let ids = u32::try_from(ids).map_err(|_| Wrong::Header("a number of ids").at(2))?;
        let mut rep = Self {
            heap_size,
            ids,
            weight,
            operations: Vec::new(),
        };
        let mut live = HashSet::new();
        let mut last = HEADER;
        for (line, number) in lines {
            let line = line.map_err(RepError::Io)?;
            last = number;
            if line.trim().is_empty() {
                continue;
            }
            let operation = line.parse().map_err(|wrong: Wrong| wrong.at(number))?;
            check(operation, ids, &mut live).map_err(|wrong| wrong.at(number))?;
            rep.operations.push(operation);
        }
        let found = rep.operations.len() as u64;
        if found != count {
            return Err(Wrong::Count { said: count, found }.at(last));
        }
        Ok(rep)
    }
}

/// Lines before the first operation.
const HEADER: u64 = 4;

impl fmt::Display for Rep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.operations.len();
        writeln!(
            f,
            "{}\n{}\n{count}\n{}",
            self.heap_size, self.ids, self.weight
        )?;
        for operation in &self.operations {
            match operation {
                Operation::Alloc { id, size } => writeln!(f, "a {id} {size}")?,
                Operation::Realloc { id, size } => writeln!(f, "r {id} {size}")?,
                Operation::Free { id } => writeln!(f, "f {id}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Operation {
    type Err = Wrong;

    fn from_str(line: &str) -> Result<Self, Wrong> {
        let not_one = || Wrong::NotAnOperation(line.to_owned());
        let mut words = line.split_ascii_whitespace();
        let verb = words.next();
        let id = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(not_one)?;
        let mut size = || {
            words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or_else(not_one)
        };
        let operation = match verb {
            Some("a") => Self::Alloc { id, size: size()? },
            Some("r") => Self::Realloc { id, size: size()? },
            Some("f") => Self::Free { id },
            _ => return Err(not_one()),
        };
        match words.next() {
            None => Ok(operation),
            Some(_) => Err(not_one()),
        }
    }
}

/// Why a file is no workload.
#[derive(Debug, Error)]
pub enum RepError {
    /// The system said no, or the file is not text.
    #[error("reading the workload: {0}")]
    Io(io::Error),
    /// A line is wrong.
    #[error("line {line}: {wrong}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        wrong: Wrong,
    },
}

/// What can be wrong with a line of a workload.
#[derive(Debug, Error)]
pub enum Wrong {
    /// One of the four lines at the start.
    #[error(
        "not {0}: a .rep file begins with heap size, ids, operations and weight, a number on each line"
    )]
    Header(&'static str),
    /// No operation.
    #[error("{0:?} is no operation: `a id bytes`, `r id bytes` or `f id`")]
    NotAnOperation(String),
    /// An id that is too large.
    #[error("id {id}: the file says that there are {ids}")]
    Id {
        /// The id.
        id: u32,
        /// How many there are.
        ids: u32,
    },
    /// An id that is live already.
    #[error("id {0} is allocated already")]
    Twice(u32),
    /// An id that is not live.
    #[error("id {0} is not allocated, or is freed")]
    NotLive(u32),
    /// Another number of operations than the header says: truncated, as a rule.
    #[error("the file says {said} operations, and has {found}")]
    Count {
        /// What the header says.
        said: u64,
        /// What there is.
        found: u64,
    },
}

impl Wrong {
    fn at(self, line: u64) -> RepError {
        RepError::Line { line, wrong: self }
    }
}

fn number_of_header(
    line: Option<(io::Result<String>, u64)>,
    what: &'static str,
) -> Result<u64, RepError> {
    let Some((line, number)) = line else {
        return Err(Wrong::Header(what).at(1));
    };
    let line = line.map_err(RepError::Io)?;
    let number_of = line.trim().parse();
    number_of.map_err(|_| Wrong::Header(what).at(number))
}

fn check(operation: Operation, ids: u32, live: &mut HashSet<u32>) -> Result<(), Wrong> {
    let (Operation::Alloc { id, .. } | Operation::Realloc { id, .. } | Operation::Free { id }) =
        operation;
    if id >= ids {
        return Err(Wrong::Id { id, ids });
    }
    match operation {
        Operation::Alloc { .. } if !live.insert(id) => Err(Wrong::Twice(id)),
        Operation::Realloc { .. } if !live.contains(&id) => Err(Wrong::NotLive(id)),
        Operation::Free { .. } if !live.remove(&id) => Err(Wrong::NotLive(id)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

//! What can be wrong with a file, and where.

use super::VERSION;
use crate::history::Misfit;
use crate::printable::printable;
use std::io;
use thiserror::Error;

/// Why a file cannot be read at all, or not as it is.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The system said no.
    #[error("reading the events: {0}")]
    Io(#[from] io::Error),
    /// The first line is not that of an event file.
    #[error(
        "line 1: not an event file of heap-view: {found}; such a file begins with \
         {{\"is\":\"heap-view events\",\"version\":{VERSION}}}"
    )]
    Foreign {
        /// What was found instead.
        found: String,
    },
    /// A version that came after this program.
    #[error("line 1: version {found} of the format; this program reads version {VERSION}")]
    Version {
        /// The version of the file.
        found: u32,
    },
    /// The file is ours, and something in it is wrong.
    #[error("{0}")]
    Problem(Problem),
}

/// Something wrong with one line.
#[derive(Debug, Error)]
#[error("line {line}: {wrong}")]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong with a line.
#[derive(Debug, Error)]
pub enum Wrong {
    /// The file ends before its last line.
    #[error(
        "the file was cut off here: its last line, {{\"is\":\"end\"}}, is missing; {events} events were read"
    )]
    CutOff {
        /// How many events there are.
        events: u64,
    },
    /// Not JSON, or not with these fields.
    #[error("not a line of an event file: {}", printable(.0))]
    NotALine(String),
    /// A line that is longer than any of ours.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The longest that is read.
        limit: usize,
    },
    /// A field is missing.
    #[error("{} without {field}", printable(kind))]
    Without {
        /// What the line is.
        kind: String,
        /// What it lacks.
        field: &'static str,
    },
    /// A kind of line that version 1 does not have.
    #[error("version {VERSION} has no {kind:?}")]
    UnknownKind {
        /// What the line says it is.
        kind: String,
    },
    /// A name that version 1 does not have.
    #[error("version {VERSION} has no {field} {name:?}")]
    UnknownName {
        /// The field.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// An event that is not the next.
    #[error(
        "event {found} where event {expected} was to come: lines are missing or were reordered"
    )]
    OutOfOrder {
        /// The number that was to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// An event that came before.
    #[error("event {n} a second time")]
    Repeated {
        /// Its number.
        n: u64,
    },
    /// A row of a table that is not the next.
    #[error("{table} {found} where {table} {expected} was to come")]
    RowOutOfOrder {
        /// The table.
        table: &'static str,
        /// The number that was to come.
        expected: u32,
        /// The number that came.
        found: u32,
    },
    /// A number that no row of a table has.
    #[error("{table} {id} was not said before")]
    UnknownRow {
        /// The table.
        table: &'static str,
        /// The number.
        id: u32,
    },
    /// Spans that overlap, are not in order, or end beyond every address.
    #[error("span {span} begins before the one before it ends, or ends beyond every address")]
    Spans {
        /// Its index in the snapshot.
        span: usize,
    },
    /// Something after the last line.
    #[error("after the last line, {{\"is\":\"end\"}}")]
    AfterEnd,
    /// The last line counted another number of events.
    #[error("the last line counts {said} events; there are {read}")]
    Count {
        /// What it says.
        said: u64,
        /// What was read.
        read: u64,
    },
    /// An event that cannot have happened after those before it.
    #[error("event {n} does not fit those before it: {misfit}")]
    Misfit {
        /// Its number.
        n: u64,
        /// Why.
        misfit: Misfit,
    },
}

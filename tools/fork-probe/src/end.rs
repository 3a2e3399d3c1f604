//! How a child ended, and why one stopped answering.

use std::fmt;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", tag = "how"))]
pub enum End {
    /// It left by itself, with this status.
    Exited {
        /// The status; 0 if all went well.
        code: i32,
    },
    /// A signal killed it.
    Killed {
        /// The number of the signal.
        signal: i32,
    },
    /// It did not answer within the deadline, and was killed for that.
    Overdue {
        /// The deadline.
        seconds: f64,
    },
    /// Somebody else in this process reaped it, so that nobody knows.
    Lost,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited { code: 0 } => f.write_str("exits"),
            End::Exited { code } => write!(f, "exits with {code}"),
            End::Killed { signal } => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(name) => f.write_str(name.as_str()),
                Err(_) => write!(f, "signal {signal}"),
            },
            End::Overdue { seconds } => write!(f, "no answer in {seconds} s, killed"),
            End::Lost => f.write_str("reaped by somebody else"),
        }
    }
}

/// Why a command was not performed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Silence {
    /// The child is no more.
    Ended(End),
    /// The caller wants to stop.
    Interrupted,
}

/// A touch that the processor refused, as the child's signal handler saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Refusal {
    /// The number of the signal.
    pub signal: i32,
    /// Which page, counted from the first one observed.
    pub page: isize,
    /// Why.
    pub reason: Reason,
}

/// What the kernel says was wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reason {
    /// Nothing is mapped there (`SEGV_MAPERR`).
    NotMapped,
    /// What is mapped there does not allow it (`SEGV_ACCERR`).
    NotAllowed,
    /// Another `si_code`.
    Other(i32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            Reason::NotMapped => "nothing mapped",
            Reason::NotAllowed => "no permission",
            Reason::Other(code) => return write!(f, "page {}: si_code {code}", self.page),
        };
        write!(f, "page {}: {why}", self.page)
    }
}

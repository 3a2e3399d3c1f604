//! The words for what becomes of a program after a failure, and for the failures.

use crate::plan::{Burst, PERSISTENT};
use std::fmt;

/// What became of a program after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verdict {
    /// A fault signal, or libc's report of a corrupted heap.
    Crashed,
    /// Ended by the time limit.
    Hung,
    /// Blocks unreachable at exit that a clean run does not lose.
    Leaked,
    /// Reported success with other output.
    Wrong,
    /// Reported success with the same output although the failure was final at its site.
    Swallowed,
    /// A retry at the same site succeeded: nothing was tested.
    Masked,
    /// Another size or site was tried, and the run succeeded.
    FellBack,
    /// Gave up on purpose, by a signal.
    Aborted,
    /// Noticed: an error exit, a message.
    Propagated,
}

impl Verdict {
    /// All, the worst first.
    pub(crate) const ALL: [Self; 9] = [
        Self::Crashed,
        Self::Hung,
        Self::Leaked,
        Self::Wrong,
        Self::Swallowed,
        Self::Masked,
        Self::FellBack,
        Self::Aborted,
        Self::Propagated,
    ];

    /// Whether a check fails by it.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::Crashed | Self::Hung | Self::Leaked)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Crashed => "crashed",
            Self::Hung => "hung",
            Self::Leaked => "leaked",
            Self::Wrong => "wrong",
            Self::Swallowed => "swallowed",
            Self::Masked => "masked",
            Self::FellBack => "fell back",
            Self::Aborted => "aborted",
            Self::Propagated => "propagated",
        })
    }
}

/// Which calls fail at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shape {
    pub(crate) count: u64,
    pub(crate) burst: ShapeBurst,
    /// Tried only at the first call with each stack.
    pub(crate) once: bool,
}

/// [`Burst`], and the shapes that no call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ShapeBurst {
    Consecutive,
    Total,
    Site,
    /// Live bytes above this.
    Ceiling(u64),
    /// Nothing fails; errno is left at this.
    Noise(i32),
}

impl Shape {
    /// The shape that finds how often a site tries again.
    pub(crate) const BUDGET: Self = Self {
        count: PERSISTENT,
        burst: ShapeBurst::Site,
        once: true,
    };

    pub(crate) fn consecutive(count: u64) -> Self {
        Self {
            count,
            burst: ShapeBurst::Consecutive,
            once: false,
        }
    }

    /// The plan's word for it.
    pub(crate) fn burst(self) -> Burst {
        match self.burst {
            ShapeBurst::Total => Burst::Total,
            ShapeBurst::Site => Burst::Site,
            _ => Burst::Consecutive,
        }
    }

    /// Its code in the channel.
    pub(crate) fn code(self) -> u32 {
        match self.burst() {
            Burst::Consecutive => 0,
            Burst::Total => 1,
            Burst::Site => 2,
        }
    }

    /// The arguments of `run` that ask for it.
    pub(crate) fn arguments(self) -> String {
        let count = match self.count {
            PERSISTENT => "--count all".to_owned(),
            count => format!("--count {count}"),
        };
        match self.burst {
            ShapeBurst::Consecutive => count,
            ShapeBurst::Total => format!("{count} --burst total"),
            ShapeBurst::Site => format!("{count} --burst site"),
            ShapeBurst::Ceiling(bytes) => format!("--ceiling {bytes}"),
            ShapeBurst::Noise(errno) => format!("--noise {errno}"),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.burst, self.count) {
            (ShapeBurst::Ceiling(bytes), _) => format!("ceiling {bytes}"),
            (ShapeBurst::Noise(errno), _) => format!("noise {errno}"),
            (ShapeBurst::Consecutive, PERSISTENT) => "persistent".to_owned(),
            (ShapeBurst::Site, PERSISTENT) => "at the site".to_owned(),
            (ShapeBurst::Total, PERSISTENT) => "all".to_owned(),
            (ShapeBurst::Consecutive, count) => format!("K={count}"),
            (ShapeBurst::Total, count) => format!("total {count}"),
            (ShapeBurst::Site, count) => format!("site {count}"),
        };
        f.pad(&text)
    }
}

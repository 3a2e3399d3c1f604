//! What may be assumed of malloc and errno: the parameter that one can turn.

use std::fmt;
use std::str::FromStr;

/// The value of `ENOMEM` on Linux.
pub(crate) const ENOMEM: u64 = 12;

/// The smallest request that the real allocator always refuses: what a process can address on x86-64.
pub(crate) const HUGE: u128 = 1 << 47;

/// An assumption about malloc and errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// The C standard: any call may leave errno or set it to any non-zero value.
    IsoC,
    /// POSIX: a failing call sets ENOMEM; errno after success is unspecified.
    Posix,
    /// What glibc does while brk can grow: a failing call sets ENOMEM, a succeeding one leaves errno.
    Quiet,
    /// A failing call sets any value, each call its own; a succeeding one leaves errno.
    FreshNondet,
    /// As [`Quiet`](Self::Quiet), and each call may be served by a virtual allocator that always succeeds and touches
    /// nothing: LLVM's rule for allocation functions that it may remove.
    Elision,
    /// As [`Quiet`](Self::Quiet), and which calls fail is an input: the k-th allocation call of either side takes
    /// bit k.
    Schedule,
    /// For history: no call writes errno.
    Untouched,
    /// For history: every call succeeds.
    NeverFails,
    /// For history: each failing call of either side sets an unrelated unknown that must match. It rejects even an
    /// unchanged program.
    FreshUnquantified,
}

/// What a call does to errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Leaves it.
    Keeps,
    /// Leaves it, or sets any value that is not zero.
    KeepsOrNonZero,
    /// Sets ENOMEM.
    Enomem,
    /// Sets any value at all.
    Any,
    /// Sets a value that is an input of this call of this side.
    Unknown,
}

impl Semantics {
    /// The six assumptions that somebody holds today.
    pub const CURRENT: [Self; 6] = [
        Self::IsoC,
        Self::Posix,
        Self::Quiet,
        Self::FreshNondet,
        Self::Elision,
        Self::Schedule,
    ];

    /// All assumptions, those of history last.
    pub const ALL: [Self; 9] = [
        Self::IsoC,
        Self::Posix,
        Self::Quiet,
        Self::FreshNondet,
        Self::Elision,
        Self::Schedule,
        Self::Untouched,
        Self::NeverFails,
        Self::FreshUnquantified,
    ];

    /// The name, as `--semantics` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IsoC => "IsoC",
            Self::Posix => "Posix",
            Self::Quiet => "Quiet",
            Self::FreshNondet => "FreshNondet",
            Self::Elision => "Elision",
            Self::Schedule => "Schedule",
            Self::Untouched => "Untouched",
            Self::NeverFails => "NeverFails",
            Self::FreshUnquantified => "FreshUnquantified",
        }
    }

    /// What an allocation call that succeeds does to errno.
    pub(crate) fn after_success(self) -> Effect {
        match self {
            Self::IsoC | Self::Posix => Effect::KeepsOrNonZero,
            _ => Effect::Keeps,
        }
    }

    /// What an allocation call that fails does to errno.
    pub(crate) fn after_failure(self) -> Effect {
        match self {
            Self::IsoC => Effect::KeepsOrNonZero,
            Self::Posix | Self::Quiet | Self::Elision | Self::Schedule => Effect::Enomem,
            Self::FreshNondet => Effect::Any,
            Self::FreshUnquantified => Effect::Unknown,
            Self::Untouched | Self::NeverFails => Effect::Keeps,
        }
    }

    /// What `free` and `posix_memalign` do to errno; the latter returns its error instead.
    pub(crate) fn of_the_others(self) -> Effect {
        match self {
            Self::IsoC => Effect::KeepsOrNonZero,
            _ => Effect::Keeps,
        }
    }
}

impl fmt::Display for Semantics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Semantics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|semantics| semantics.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|semantics| semantics.name()).collect();
            format!("no semantics {text:?}; there are all, {}", names.join(", "))
        })
    }
}

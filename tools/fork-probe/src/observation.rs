//! What one probe saw.

use std::time::Duration;

use crate::end::{End, Refusal};
use crate::kernel::smaps::Account;

/// What became of one page, in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PageState {
    /// Both processes have the same page.
    Shared,
    /// The child's write made a copy.
    CopiedByChild,
    /// The parent's write made a copy.
    CopiedByParent,
    /// The child has nothing there.
    Absent,
    /// The child found zeroes.
    Zeroed,
    /// Nothing that this process may read tells.
    Unknown,
}

impl PageState {
    /// All states, in the order of a legend.
    pub const ALL: [PageState; 6] = [
        PageState::Shared,
        PageState::CopiedByChild,
        PageState::CopiedByParent,
        PageState::Absent,
        PageState::Zeroed,
        PageState::Unknown,
    ];

    /// Return its letter in a page map.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            PageState::Shared => '=',
            PageState::CopiedByChild => 'c',
            PageState::CopiedByParent => 'p',
            PageState::Absent => '.',
            PageState::Zeroed => '0',
            PageState::Unknown => '?',
        }
    }

    /// Return its name in a legend.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PageState::Shared => "shared",
            PageState::CopiedByChild => "copied by the child",
            PageState::CopiedByParent => "copied by the parent",
            PageState::Absent => "absent",
            PageState::Zeroed => "zeroed",
            PageState::Unknown => "unknown",
        }
    }
}

/// Which source told what became of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Source {
    /// The numbers of the frames, from pagemap; for root alone.
    Frames,
    /// Whether a page table has a page for itself, from pagemap.
    Exclusive,
    /// The bytes that each side reads, and nothing of the kernel's.
    Bytes,
}

/// What the writes of one side did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Writes {
    /// Pages in which it wrote one byte.
    pub pages: usize,
    /// Page faults that this took.
    pub faults: u64,
    /// Pages that were shared before and are not afterwards, by pagemap.
    pub copied_by_pagemap: Option<usize>,
    /// The same, by the `Shared_` lines of smaps.
    pub copied_by_smaps: Option<usize>,
}

impl Writes {
    /// Return the number of pages copied, by the best source there is; faults are not it: a page that is
    /// not there yet, or is reused, takes a fault and no copy.
    #[must_use]
    pub fn copied(&self) -> Option<usize> {
        self.copied_by_pagemap.or(self.copied_by_smaps)
    }
}

/// The accounts of one side at the points where they can change; none without smaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Accounts {
    /// Before the fork; the parent's alone.
    pub before: Option<Account>,
    /// After the fork, when the child has read every page.
    pub forked: Option<Account>,
    /// After both have written.
    pub written: Option<Account>,
    /// After the child has ended; the parent's alone.
    pub after: Option<Account>,
}

/// What happens when both sides allocate from the inherited arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BothAllocate {
    /// Where the parent's block starts, from the arena's base.
    pub parent_offset: usize,
    /// Where the child's block starts.
    pub child_offset: usize,
    /// Whether the child found the parent's bytes in its own block.
    pub child_bytes_lost: bool,
}

impl BothAllocate {
    /// Tell whether both were given the same block.
    #[must_use]
    pub fn same_offset(&self) -> bool {
        self.parent_offset == self.child_offset
    }
}

/// How long things took, each once: an order of magnitude. (`latency` measures properly.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Times {
    /// The call of fork, in the parent, in nanoseconds.
    pub fork_ns: u64,
    /// The child's first write, in nanoseconds.
    pub first_write_ns: Option<u64>,
}

/// Everything that one probe saw. What is `None` could not be seen, or the child did not get that far.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Observation {
    /// The mapping, in words.
    pub name: String,
    /// Bytes of an OS page.
    pub page_size: usize,
    /// Whether the child reads what the parent wrote before the fork.
    pub child_sees_inherited: Option<bool>,
    /// Whether the parent reads what the child writes after the fork.
    pub parent_sees_child: Option<bool>,
    /// Whether the child reads what the parent writes after the fork.
    pub child_sees_parent: Option<bool>,
    /// What became of each page observed.
    pub map: Vec<PageState>,
    /// Who said so.
    pub map_source: Source,
    /// The child's writes: a byte in every second page.
    pub child: Writes,
    /// The parent's writes: a byte in every fourth page, none of them written by the child.
    pub parent: Writes,
    /// The parent's writes to the pages that the child wrote before.
    pub rewrites: Writes,
    /// The parent's accounts.
    pub parent_accounts: Accounts,
    /// The child's accounts.
    pub child_accounts: Accounts,
    /// How long things took.
    pub times: Times,
    /// What both allocated; none without an arena.
    pub both_allocate: Option<BothAllocate>,
    /// How the child ended.
    pub end: End,
    /// The touch that ended it, if that was refused.
    pub refusal: Option<Refusal>,
    /// Whether the whole script was performed, up to the death that this mapping is expected to bring.
    pub complete: bool,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

impl Observation {
    /// Count the pages in a state.
    #[must_use]
    pub fn count(&self, state: PageState) -> usize {
        self.map.iter().filter(|&&page| page == state).count()
    }

    /// Return the page map as letters, one for each page.
    #[must_use]
    pub fn letters(&self) -> String {
        self.map.iter().map(|page| page.letter()).collect()
    }
}

pub(crate) fn to_nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

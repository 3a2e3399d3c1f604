//! How an arena treats its memory: everything that is decided once, when it is built.

use crate::arena::Afterwards;

mod build;

pub use build::{BuildError, BuildInError};

/// When reserved memory becomes usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It is writable from the start and paid for page by page, at the first touch.
    OnTouch,
    /// It becomes writable in steps of so many bytes, so that little is charged ahead: for strict
    /// overcommit and RLIMIT_DATA.
    Stepwise {
        /// Bytes; rounded up to whole OS pages.
        step: usize,
    },
    /// It is faulted in, in steps of so many bytes, before it is handed out: fewer, larger pauses.
    Ahead {
        /// Bytes; rounded up to whole OS pages.
        step: usize,
    },
}

/// From where on an arena asks for huge pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HugePages {
    /// Nowhere.
    Never,
    /// Past the first so many bytes: a small arena does not grow by 2 MiB at its first touch, a
    /// large one does not take a fault every 4 KiB.
    From(usize),
    /// Everywhere.
    Always,
}

/// What lies around the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Whatever the kernel maps next to the region.
    None,
    /// One page at each end of the region that faults when touched. (About 12 KiB of page tables.)
    Ends,
}

/// What fresh blocks contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zeroing {
    /// Zeroes in memory never used before (but not in a region that came with bytes of its own), old
    /// bytes in memory that is reused.
    FreshOnly,
    /// Zeroes. What is given up is cleared when the bump pointer goes back over it: by a rewind, a
    /// reset, or when the newest block is freed or shrunk.
    Always,
    /// Anything.
    NeverPromised,
}

/// What a forked child finds in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// Its own copy, made page by page at the first write of either side.
    Copy,
    /// The same bytes as the parent. Both arenas then bump over the same memory, each with its own
    /// bump pointer, and each resets, rewinds and clears without asking the other. Who forks promises
    /// that only one side allocates from then on, and that the other uses no block that this one gives
    /// up. ([`Policy::build_sync`] makes an arena that both can allocate from.)
    Share,
    /// Zeroes. Values that live in the arena are zeroed in the child too, whatever their type: a
    /// child that goes on using them breaks the contract of the `unsafe` call that forked it. No
    /// destructor runs there for what was wiped.
    Wipe,
    /// Nothing: a touch is a fault, or worse, for the child's next mapping may lie there. A child that
    /// goes on using the arena, or values in it, breaks the contract of the `unsafe` call that forked
    /// it. Dropping the arena there does nothing: no destructor runs, nothing is unmapped.
    Absent,
}

/// What `reset` does with the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Keep it resident.
    Keep,
    /// Keep the first so many bytes, give the rest back to the OS.
    Trim(usize),
    /// Give all of it back to the OS.
    Decommit,
}

/// How an arena treats its memory.
///
/// ```
/// use arena_core::policy::{Guard, Policy, Reset};
///
/// let mut arena = Policy::new()
///     .reserve(1 << 20)          // exactly this, or an error
///     .limit(100_000)            // refuse the byte after
///     .guard(Guard::Ends)
///     .reset(Reset::Decommit)
///     .build()?;
/// assert_eq!(arena.capacity(), 1 << 20);
/// assert!(arena.try_alloc_slice_fill_copy(100_000, 7_u8).is_ok());
/// assert!(arena.try_alloc(0_u8).is_err());
/// arena.reset();
/// assert_eq!(arena.resident()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a policy does nothing until it is built"]
pub struct Policy {
    reserve: Option<usize>,
    commit: Option<Commit>,
    limit: Option<usize>,
    huge_pages: HugePages,
    guard: Guard,
    zeroing: Zeroing,
    fork: Fork,
    reset: Reset,
    afterwards: Afterwards,
}

/// A step of [`Commit::Stepwise`] where nobody chose one, in bytes: small beside any limit worth
/// setting, large beside the cost of an `mprotect`.
const DEFAULT_STEP: usize = 256 << 10;

/// Where huge pages begin by default, in bytes: one huge page of x86-64.
const DEFAULT_HUGE_FROM: usize = 2 << 20;

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy {
    /// Begin with the defaults: 1 GiB reserved (less where the process has little room), paid for
    /// on touch, no limit, huge pages past 2 MiB, no guards, zeroes in fresh memory only, copied on
    /// fork, kept on reset.
    pub const fn new() -> Self {
        Self {
            reserve: None,
            commit: None,
            limit: None,
            huge_pages: HugePages::From(DEFAULT_HUGE_FROM),
            guard: Guard::None,
            zeroing: Zeroing::FreshOnly,
            fork: Fork::Copy,
            reset: Reset::Keep,
            afterwards: Afterwards::Unmap,
        }
    }

    pub(crate) const fn afterwards(mut self, afterwards: Afterwards) -> Self {
        self.afterwards = afterwards;
        self
    }

    /// Reserve exactly so many bytes, rounded up to whole OS pages, or fail.
    ///
    /// Left out, an arena takes 1 GiB. Where address space is limited, it takes a sixteenth of what is
    /// left, at least 64 MiB and never more than half; refused, it takes 256 MiB or 64 MiB. [`Arena::capacity`](crate::Arena::capacity) tells what it got.
    pub const fn reserve(mut self, bytes: usize) -> Self {
        self.reserve = Some(bytes);
        self
    }

    /// Choose when memory becomes usable.
    ///
    /// Left out, it is [`Commit::OnTouch`], and [`Commit::Stepwise`] under strict overcommit or
    /// RLIMIT_DATA.
    pub const fn commit(mut self, commit: Commit) -> Self {
        self.commit = Some(commit);
        self
    }

    /// Let blocks take so many bytes at most, padding included; [`Arena::set_limit`](crate::Arena::set_limit) changes it.
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// Choose from where on huge pages are asked for. It is advice: the kernel may not follow.
    pub const fn huge_pages(mut self, huge_pages: HugePages) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Choose whether the ends are guarded.
    pub const fn guard(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Choose what fresh blocks contain.
    pub const fn zeroing(mut self, zeroing: Zeroing) -> Self {
        self.zeroing = zeroing;
        self
    }

    /// Choose what a forked child finds.
    pub const fn fork(mut self, fork: Fork) -> Self {
        self.fork = fork;
        self
    }

    /// Choose what `reset` does with the memory.
    pub const fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }
}

/// What an arena keeps of its policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Steps are whole OS pages and not 0.
    pub(crate) commit: Commit,
    /// Bytes from the base.
    pub(crate) limit: usize,
    /// Bytes from the base, if huge pages are wanted at all.
    pub(crate) huge_from: Option<usize>,
    pub(crate) zeroing: Zeroing,
    pub(crate) reset: Reset,
}

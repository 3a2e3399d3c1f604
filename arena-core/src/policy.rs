//! How an arena treats its memory: everything that is decided once, when it is built.

use core::fmt;

use crate::arena::{Afterwards, MappedRegion, State};
use crate::region::room::Room;
use crate::region::{Advice, Backing, Region, RegionError, huge_pages_unasked, page_size};
use crate::{Arena, SyncArena};

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
    /// Zeroes in memory never used before, old bytes in memory that is reused.
    FreshOnly,
    /// Zeroes: what is rewound, reset or freed is cleared then.
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
    /// bump pointer: let only one of them allocate.
    Share,
    /// Zeroes. Values that live in the arena are zeroed in the child too, whatever their type: a
    /// child that goes on using them breaks the contract of the `unsafe` call that forked it.
    Wipe,
    /// Nothing: a touch is a fault.
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
    /// Left out, an arena takes 1 GiB, but never more than half of the room it finds; refused, it
    /// takes 256 MiB or 64 MiB. [`Arena::capacity`] tells what it got.
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

    /// Let blocks take so many bytes at most, padding included; [`Arena::set_limit`] changes it.
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

    /// Build an arena in memory of its own, with a minimum alignment of 8 bytes.
    ///
    /// # Errors
    ///
    /// The parts of the policy contradict each other, or the OS refuses the memory.
    pub fn build(self) -> Result<Arena, BuildError> {
        self.build_with_min_align()
    }

    /// Build an arena in memory of its own, with a minimum alignment of `MIN_ALIGN` bytes.
    ///
    /// # Errors
    ///
    /// As [`Policy::build`].
    pub fn build_with_min_align<const MIN_ALIGN: usize>(
        self,
    ) -> Result<Arena<MIN_ALIGN>, BuildError> {
        let room = Room::measure();
        let commit = self.commit_in(room);
        let reserve_only = matches!(commit, Commit::Stepwise { .. });
        let map = match (self.fork, reserve_only) {
            (Fork::Share, true) if self.commit.is_some() => {
                return Err(BuildError::Conflict(
                    "shared memory cannot be committed in steps",
                ));
            }
            (Fork::Share, _) => Region::anonymous_shared,
            (_, true) => Region::reserve,
            (_, false) => Region::anonymous,
        };
        let commit = if self.fork == Fork::Share && reserve_only {
            Commit::OnTouch
        } else {
            commit
        };
        let region = match self.reserve {
            Some(len) => map(self.with_guards(len))?,
            None => first_granted(room.default_sizes(!reserve_only)?, |len| {
                map(self.with_guards(len))
            })?,
        };
        let region = match self.guard {
            Guard::None => region,
            Guard::Ends => region.with_guarded_ends()?,
        };
        self.finish(region, commit, 0)
    }

    /// Build an arena in a region that is there already.
    ///
    /// [`Policy::reserve`] and [`Policy::guard`] have been decided by the region then, and are
    /// refused. The region's bytes are taken as they are, whatever they are; only
    /// [`Zeroing::Always`] clears them first.
    ///
    /// # Errors
    ///
    /// The policy and the region contradict each other, or the OS refuses an advice.
    pub fn build_in<const MIN_ALIGN: usize>(
        self,
        mut region: Region,
    ) -> Result<Arena<MIN_ALIGN>, BuildError> {
        if self.reserve.is_some() {
            return Err(BuildError::Conflict(
                "the region has its length already: leave reserve out",
            ));
        }
        if self.guard != Guard::None {
            return Err(BuildError::Conflict(
                "guard the region with Region::with_guarded_ends instead",
            ));
        }
        match (self.fork, region.backing().is_shared()) {
            (Fork::Copy, true) => {
                return Err(BuildError::Conflict(
                    "the region is shared: choose Fork::Share or Fork::Absent",
                ));
            }
            (Fork::Share, false) => {
                return Err(BuildError::Conflict(
                    "the region is private: it cannot be shared on fork",
                ));
            }
            _ => {}
        }
        let commit = match (self.commit, region.is_reserved()) {
            (Some(Commit::OnTouch | Commit::Ahead { .. }), true) => {
                return Err(BuildError::Conflict(
                    "the region is only reserved: commit it in steps",
                ));
            }
            (Some(commit), _) => commit,
            (None, true) => Commit::Stepwise { step: DEFAULT_STEP },
            (None, false) => Commit::OnTouch,
        };
        let soiled = match (self.zeroing, region.backing()) {
            (Zeroing::Always, Backing::File) => {
                return Err(BuildError::Conflict(
                    "a file comes with bytes of its own: zeroing cannot be promised",
                ));
            }
            (Zeroing::Always, _) => {
                region.decommit(0..region.len())?;
                0
            }
            _ => region.len(),
        };
        self.finish(region, commit, soiled)
    }

    /// Build an arena that threads share, in memory of its own.
    ///
    /// With [`Fork::Share`] two processes share it after a fork: the cursor lies in the region, and
    /// every block is taken from it by an atomic operation.
    ///
    /// # Errors
    ///
    /// The parts of the policy contradict each other, or ask for what only an arena of one thread has
    /// ([`Commit::Ahead`], [`Zeroing::Always`], [`Reset`] other than `Keep`); or the OS refuses the
    /// memory.
    pub fn build_sync(self) -> Result<SyncArena, BuildError> {
        let single: Arena = Policy {
            limit: None,
            ..self.for_threads()?
        }
        .build()?;
        Ok(self.shared_by_threads(single.into_region()))
    }

    /// Build an arena that threads share, in a region that is there already.
    ///
    /// In a shared region the cursor lies in the first bytes; see [`Policy::build_sync`]. A process
    /// that maps the region without a fork must not build an arena of its own there.
    ///
    /// # Errors
    ///
    /// As [`Policy::build_in`] and [`Policy::build_sync`].
    pub fn build_sync_in(self, region: Region) -> Result<SyncArena, BuildError> {
        let single: Arena = Policy {
            limit: None,
            ..self.for_threads()?
        }
        .build_in(region)?;
        Ok(self.shared_by_threads(single.into_region()))
    }

    fn shared_by_threads(self, region: Region) -> SyncArena {
        let from = match self.huge_pages {
            HugePages::Never => usize::MAX,
            HugePages::From(bytes) => bytes,
            HugePages::Always => 0,
        };
        if let Some(from) = from.checked_next_multiple_of(page_size())
            && from < region.len()
        {
            // A kernel that has none gives small ones.
            let _ = region.advise(from..region.len(), Advice::HugePages);
        }
        SyncArena::over(region, self.limit.unwrap_or(usize::MAX))
    }

    fn for_threads(self) -> Result<Self, BuildError> {
        if matches!(self.commit, Some(Commit::Ahead { .. })) {
            return Err(BuildError::Conflict(
                "an arena that threads share is not populated ahead",
            ));
        }
        if self.zeroing == Zeroing::Always {
            return Err(BuildError::Conflict(
                "an arena that threads share does not clear what is freed",
            ));
        }
        if self.reset != Reset::Keep {
            return Err(BuildError::Conflict(
                "an arena that threads share keeps its memory on reset: use reset_and_decommit",
            ));
        }
        Ok(self)
    }

    fn finish<const MIN_ALIGN: usize>(
        self,
        region: Region,
        commit: Commit,
        soiled: usize,
    ) -> Result<Arena<MIN_ALIGN>, BuildError> {
        let whole = 0..region.len();
        match self.fork {
            Fork::Copy | Fork::Share => {}
            Fork::Wipe if region.backing() != Backing::Anonymous => {
                return Err(BuildError::Conflict(
                    "only private anonymous memory can be wiped on fork",
                ));
            }
            Fork::Wipe => region.advise(whole, Advice::WipeOnFork)?,
            Fork::Absent => region.advise(whole, Advice::DontFork)?,
        }
        let settings = self.settings(commit)?;
        let soiled = match self.zeroing {
            Zeroing::NeverPromised => region.len(),
            Zeroing::FreshOnly | Zeroing::Always => soiled,
        };
        keep_small_pages_small(&region, settings.huge_from);
        let state = State::fresh(&settings, &region, soiled);
        let afterwards = self.afterwards;
        Ok(Arena::over(Box::new(MappedRegion {
            region,
            settings,
            afterwards,
            state,
        })))
    }

    fn settings(&self, commit: Commit) -> Result<Settings, BuildError> {
        let pages = |step: usize| match step.checked_next_multiple_of(page_size()) {
            Some(step) if step != 0 => Ok(step),
            _ => Err(BuildError::Step(step)),
        };
        let commit = match commit {
            Commit::OnTouch => Commit::OnTouch,
            Commit::Stepwise { step } => Commit::Stepwise { step: pages(step)? },
            Commit::Ahead { step } => Commit::Ahead { step: pages(step)? },
        };
        Ok(Settings {
            commit,
            limit: self.limit.unwrap_or(usize::MAX),
            huge_from: match self.huge_pages {
                HugePages::Never => None,
                HugePages::From(bytes) => Some(bytes),
                HugePages::Always => Some(0),
            },
            zeroing: self.zeroing,
            reset: self.reset,
        })
    }

    fn commit_in(&self, room: Room) -> Commit {
        match self.commit {
            Some(commit) => commit,
            None if room.charged_at_commit => Commit::Stepwise { step: DEFAULT_STEP },
            None => Commit::OnTouch,
        }
    }

    fn with_guards(&self, len: usize) -> usize {
        match self.guard {
            Guard::None => len,
            // One page at each end; what overflows here is refused by the region.
            Guard::Ends => len.saturating_add(2 * page_size()),
        }
    }
}

/// On a system that gives huge pages unasked, keep it from giving them where the policy does not.
fn keep_small_pages_small(region: &Region, huge_from: Option<usize>) {
    let small = huge_from.unwrap_or(usize::MAX).min(region.len()) / page_size() * page_size();
    if small > 0 && huge_pages_unasked() {
        // Advice: a kernel that does not take it does as it likes.
        let _ = region.advise(0..small, Advice::NoHugePages);
    }
}

fn first_granted(
    mut sizes: impl Iterator<Item = usize>,
    mut map: impl FnMut(usize) -> Result<Region, RegionError>,
) -> Result<Region, RegionError> {
    let first = sizes.next().expect("there is always a size to try");
    sizes.fold(map(first), |granted, size| granted.or_else(|_| map(size)))
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

/// An arena could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The OS, or the region, refused.
    Region(RegionError),
    /// Parts of the policy contradict each other, or the region; which.
    Conflict(&'static str),
    /// A commit step of so many bytes makes no sense.
    Step(usize),
}

impl From<RegionError> for BuildError {
    fn from(error: RegionError) -> Self {
        BuildError::Region(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Region(error) => write!(f, "no memory for the arena: {error}"),
            BuildError::Conflict(why) => write!(f, "no such policy: {why}"),
            BuildError::Step(step) => {
                write!(
                    f,
                    "no such policy: memory cannot be committed in steps of {step} bytes"
                )
            }
        }
    }
}

impl core::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            BuildError::Region(error) => Some(error),
            _ => None,
        }
    }
}

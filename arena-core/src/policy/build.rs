//! From a policy to an arena: check first, then ask the OS.

use core::cell::Cell;
use core::fmt;

use super::{Commit, DEFAULT_STEP, Fork, Guard, HugePages, Policy, Reset, Settings, Zeroing};

use crate::arena::{MappedRegion, State};
use crate::region::room::Room;
use crate::region::{Advice, Backing, Region, RegionError, huge_pages_unasked, page_size};
use crate::{Arena, SyncArena};

impl Policy {
    /// Build an arena in memory of its own, with a minimum alignment of 8 bytes.
    ///
    /// # Errors
    ///
    /// The parts of the policy contradict each other, or the OS or the global allocator refuses
    /// the memory.
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
        let record = Record::reserve()?;
        let room = Room::measure();
        let commit = match (self.commit, self.fork) {
            (Some(Commit::Stepwise { .. }), Fork::Share) => {
                return Err(BuildError::Conflict(
                    "shared memory cannot be committed in steps",
                ));
            }
            (Some(commit), _) => commit,
            (None, fork) if room.charged_at_commit && fork != Fork::Share => {
                Commit::Stepwise { step: DEFAULT_STEP }
            }
            (None, _) => Commit::OnTouch,
        };
        let settings = self.settings(commit)?;
        let in_steps = matches!(commit, Commit::Stepwise { .. });
        let map = match (self.fork, in_steps) {
            (Fork::Share, _) => Region::anonymous_shared,
            (_, true) => Region::reserve,
            (_, false) => Region::anonymous,
        };
        let region = match self.reserve {
            Some(len) => map(self.with_guards(len))?,
            None => first_granted(room.default_sizes(!in_steps)?, |len| {
                map(self.with_guards(len))
            })?,
        };
        let region = match self.guard {
            Guard::None => region,
            Guard::Ends => region.with_guarded_ends()?,
        };
        self.advise(&region)?;
        Ok(self.finish(region, settings, 0, record))
    }

    /// Build an arena in a region that is there already.
    ///
    /// [`Policy::reserve`] and [`Policy::guard`] have been decided by the region then, and are
    /// refused. The region's bytes are taken as they are, whatever they are; only
    /// [`Zeroing::Always`] clears them first. Fork advice that the region was given before is
    /// replaced by the policy's.
    ///
    /// # Errors
    ///
    /// The policy and the region contradict each other, or the OS refuses an advice; the region
    /// comes back with the error.
    pub fn build_in<const MIN_ALIGN: usize>(
        self,
        mut region: Region,
    ) -> Result<Arena<MIN_ALIGN>, BuildInError> {
        let prepared = Record::reserve().and_then(|record| {
            let (settings, soiled) = self.prepare(&mut region)?;
            Ok((settings, soiled, record))
        });
        match prepared {
            Ok((settings, soiled, record)) => Ok(self.finish(region, settings, soiled, record)),
            Err(error) => Err(BuildInError { region, error }),
        }
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
        self.check_for_threads()?;
        let single: Arena = Policy {
            limit: None,
            ..self
        }
        .build()?;
        Ok(self.for_threads(single.into_region()))
    }

    /// Build an arena that threads share, in a region that is there already.
    ///
    /// In a shared region the cursor lies in the first bytes; see [`Policy::build_sync`]. A process
    /// that maps the region without a fork must not build an arena of its own there.
    ///
    /// # Errors
    ///
    /// As [`Policy::build_in`] and [`Policy::build_sync`].
    pub fn build_sync_in(self, region: Region) -> Result<SyncArena, BuildInError> {
        match self.check_for_threads() {
            Ok(()) => {
                let single: Arena = Policy {
                    limit: None,
                    ..self
                }
                .build_in(region)?;
                Ok(self.for_threads(single.into_region()))
            }
            Err(error) => Err(BuildInError { region, error }),
        }
    }

    /// Check everything, and only then change the region; return how many of its bytes may not be
    /// zero.
    fn prepare(&self, region: &mut Region) -> Result<(Settings, usize), BuildError> {
        let conflict = |why| Err(BuildError::Conflict(why));
        if self.reserve.is_some() {
            return conflict("the region has its length already: leave reserve out");
        }
        if self.guard != Guard::None {
            return conflict("guard the region with Region::with_guarded_ends instead");
        }
        match (self.fork, region.backing()) {
            (Fork::Copy, backing) if backing.is_shared() => {
                return conflict("the region is shared: choose Fork::Share or Fork::Absent");
            }
            (Fork::Share, backing) if !backing.is_shared() => {
                return conflict("the region is private: it cannot be shared on fork");
            }
            (Fork::Wipe, backing) if backing != Backing::Anonymous => {
                return conflict("only private anonymous memory can be wiped on fork");
            }
            _ => {}
        }
        if region.is_sealed() {
            return conflict("the region is sealed: nothing can be written to it");
        }
        let a_file = matches!(region.backing(), Backing::File | Backing::FilePrivate);
        if self.zeroing == Zeroing::Always && a_file {
            return conflict("a file comes with bytes of its own: zeroing cannot be promised");
        }
        let commit = match (self.commit, region.is_reserved()) {
            (Some(Commit::OnTouch | Commit::Ahead { .. }), true) => {
                return conflict("the region is only reserved: commit it in steps");
            }
            (Some(Commit::Stepwise { .. }), _) if region.backing().is_shared() => {
                return conflict("shared memory cannot be committed in steps");
            }
            (Some(commit), _) => commit,
            (None, true) => Commit::Stepwise { step: DEFAULT_STEP },
            (None, false) => Commit::OnTouch,
        };
        let settings = self.settings(commit)?;
        if region.has_fork_advice() {
            let whole = 0..region.len();
            region.advise(whole.clone(), Advice::DoFork)?;
            if region.backing() == Backing::Anonymous {
                region.advise(whole, Advice::KeepOnFork)?;
            }
            region.forget_fork_advice();
        }
        self.advise(region)?;
        if self.zeroing == Zeroing::Always {
            region.decommit(0..region.len())?;
            return Ok((settings, 0));
        }
        Ok((settings, region.len()))
    }

    fn advise(&self, region: &Region) -> Result<(), RegionError> {
        match self.fork {
            Fork::Copy | Fork::Share => Ok(()),
            Fork::Wipe => region.advise(0..region.len(), Advice::WipeOnFork),
            Fork::Absent => region.advise(0..region.len(), Advice::DontFork),
        }
    }

    fn finish<const MIN_ALIGN: usize>(
        self,
        region: Region,
        settings: Settings,
        soiled: usize,
        record: Record,
    ) -> Arena<MIN_ALIGN> {
        let soiled = match self.zeroing {
            Zeroing::NeverPromised => region.len(),
            Zeroing::FreshOnly | Zeroing::Always => soiled,
        };
        keep_small_pages_small(&region, settings.huge_from);
        let state = State::fresh(&settings, &region, soiled);
        let afterwards = self.afterwards;
        Arena::over(record.of(MappedRegion {
            region,
            settings,
            afterwards,
            state: Cell::new(state),
        }))
    }

    fn check_for_threads(&self) -> Result<(), BuildError> {
        let conflict = |why| Err(BuildError::Conflict(why));
        if matches!(self.commit, Some(Commit::Ahead { .. })) {
            return conflict("an arena that threads share is not populated ahead");
        }
        if self.zeroing == Zeroing::Always {
            return conflict("an arena that threads share does not clear what is freed");
        }
        if self.reset != Reset::Keep {
            return conflict(
                "an arena that threads share keeps its memory on reset: use reset_and_decommit",
            );
        }
        Ok(())
    }

    fn for_threads(self, region: Region) -> SyncArena {
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

/// Room on the heap for what an arena keeps of its region, taken before the region is touched: where
/// there is none, nothing has happened.
struct Record(Vec<MappedRegion>);

impl Record {
    fn reserve() -> Result<Self, BuildError> {
        let mut room = Vec::new();
        // A Box would end the process.
        let reserved = room.try_reserve_exact(1);
        reserved.map_err(|_| BuildError::Record(size_of::<MappedRegion>()))?;
        Ok(Self(room))
    }

    fn of(mut self, mapped: MappedRegion) -> Box<MappedRegion> {
        self.0.push(mapped);
        let one = Box::into_raw(self.0.into_boxed_slice());
        // SAFETY: a slice of one element was allocated with that element's layout.
        unsafe { Box::from_raw(one.cast()) }
    }
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
    /// The global allocator refused so many bytes for what an arena keeps of its region.
    Record(usize),
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
            BuildError::Record(bytes) => {
                write!(
                    f,
                    "no memory for the arena: {bytes} bytes for its record refused by the allocator"
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

/// An arena could not be built in a region, which comes back.
#[derive(Debug)]
pub struct BuildInError {
    /// As it was, but for the advice that was taken before another was refused.
    pub region: Region,
    /// Why there is no arena in it.
    pub error: BuildError,
}

impl fmt::Display for BuildInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for BuildInError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}

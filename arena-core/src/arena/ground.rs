//! Where an arena's memory comes from, and what its policy does to it.

#[cfg(feature = "std")]
use core::cell::Cell;
use core::ops::Range;

use crate::bump::{MIN_ALIGN_MAX, round_down};
use crate::error::RegionError;
#[cfg(feature = "std")]
use crate::policy::{Commit, Reset, Settings};
#[cfg(feature = "std")]
use crate::region::{Advice, Region, page_size};

/// The largest page that a touch may make resident, in bytes: of x86-64, and of most others.
#[cfg(feature = "std")]
const HUGE_PAGE: usize = 2 << 20;

/// The memory under an arena. Offsets and lengths are in bytes from its base.
#[derive(Debug)]
pub(crate) enum Ground {
    /// A buffer of somebody else's: all of it usable, nothing to be done to it.
    Buffer,
    /// A region of the arena's own. In a box, so that a pool can pass it on by one pointer.
    #[cfg(feature = "std")]
    Mapped(Box<Mapped>),
}

/// A region, and the part of the policy that concerns it.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(crate) struct Mapped {
    /// Unmapped with this.
    pub(crate) region: Region,
    /// What to do when a step is due.
    pub(crate) settings: Settings,
    /// Where it goes when the arena is dropped.
    pub(crate) afterwards: Afterwards,
    /// What is known of the memory: here and not in the arena, so that the next one that the pool
    /// gives the region to has it without a move.
    pub(crate) state: Cell<State>,
}

/// What becomes of a region when its arena is dropped.
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It is unmapped.
    Unmap,
    /// It goes to the pool.
    Pool,
}

/// What is known of an arena's memory, in addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// The address from which on memory was zero when the arena took it, or is since it was last
    /// given to the OS.
    pub(crate) soiled: usize,
    /// The address below which memory may be touched; no higher than its end.
    ready: usize,
    /// The address from which on huge pages are still to be asked for; `usize::MAX` if they are
    /// not.
    huge_at: usize,
    /// The most that a fast path may compare with: at or below `ready` and `huge_at`, a multiple of
    /// every minimum alignment.
    limit: usize,
}

impl State {
    fn new(soiled: usize, ready: usize, huge_at: usize) -> Self {
        Self {
            soiled,
            ready,
            huge_at,
            limit: round_down(ready.min(huge_at), MIN_ALIGN_MAX),
        }
    }

    /// The state of a region that no arena has had, and whose first `soiled` bytes may not be zero.
    #[cfg(feature = "std")]
    pub(crate) fn fresh(settings: &Settings, region: &Region, soiled: usize) -> Self {
        let start = region.base().addr().get();
        let ready = match settings.commit {
            Commit::OnTouch => start + region.len(),
            Commit::Stepwise { .. } | Commit::Ahead { .. } => start,
        };
        let huge_at = settings
            .huge_from
            .map_or(usize::MAX, |from| start.saturating_add(from));
        Self::new(start + soiled, ready, huge_at)
    }

    #[inline(always)]
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    #[inline(always)]
    pub(crate) fn huge_at(&self) -> usize {
        self.huge_at
    }

    #[inline(always)]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    #[must_use]
    pub(crate) fn with_ready(self, ready: usize) -> Self {
        Self::new(self.soiled, ready, self.huge_at)
    }

    #[must_use]
    pub(crate) fn with_soiled(self, soiled: usize) -> Self {
        Self { soiled, ..self }
    }

    #[cfg(feature = "std")]
    #[must_use]
    fn with_huge_pages_asked_for(self) -> Self {
        Self::new(self.soiled, self.ready, usize::MAX)
    }
}

/// What is left after giving memory back.
pub(super) struct Kept {
    /// Bytes from the base that still have their contents; the rest is zero.
    pub(super) resident: usize,
    /// Bytes from the base that may be touched.
    pub(super) ready: usize,
}

impl Ground {
    /// What is known of memory that ends at the address `end`.
    #[inline(always)]
    pub(super) fn state(&self, end: usize) -> State {
        match self {
            // All of it may be touched, and none is known to be zero. An empty one may dangle at an
            // address below the largest alignment, where a limit of 0 would not be one.
            Ground::Buffer => State {
                soiled: end,
                ready: end,
                huge_at: usize::MAX,
                limit: end,
            },
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => mapped.state.get(),
        }
    }

    /// Note what has become of the memory.
    pub(super) fn set_state(&self, state: State) {
        match self {
            Ground::Buffer => {
                let _ = state;
            }
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => mapped.state.set(state),
        }
    }

    /// Ask for huge pages. A kernel that has none gives small ones: nothing to report.
    pub(super) fn ask_for_huge_pages(&self, range: Range<usize>) {
        match self {
            Ground::Buffer => unreachable!("a buffer has no huge pages to ask for: {range:?}"),
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => {
                let start = range.start.next_multiple_of(page_size()).min(range.end);
                let _ = mapped.region.advise(start..range.end, Advice::HugePages);
                let asked = mapped.state.get().with_huge_pages_asked_for();
                mapped.state.set(asked);
            }
        }
    }

    /// Make more memory usable, in steps, from `ready` on, until `needed` bytes are; return how
    /// many are then.
    pub(super) fn commit(&self, ready: usize, needed: usize) -> Result<usize, RegionError> {
        match self {
            Ground::Buffer => {
                unreachable!("a buffer is ready from the start: {ready} < {needed} bytes")
            }
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => match mapped.settings.commit {
                Commit::OnTouch => Ok(mapped.region.len()),
                Commit::Stepwise { step } => {
                    let until = next_step(needed, step, mapped.region.len());
                    mapped.region.commit(ready..until)?;
                    Ok(until)
                }
                Commit::Ahead { step } => {
                    let until = next_step(needed, step, mapped.region.len());
                    match mapped.region.populate(ready..until) {
                        Ok(()) => Ok(until),
                        // A kernel before 5.14 cannot; its pages come on touch.
                        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                            Ok(mapped.region.len())
                        }
                        Err(error) => Err(error),
                    }
                }
            },
        }
    }

    /// Tell whether this is a forked child in which what was in the memory is gone.
    pub(super) fn was_taken_by_fork(&self) -> bool {
        match self {
            Ground::Buffer => false,
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => mapped.region.was_taken_by_fork(),
        }
    }

    /// From which byte on huge pages are wanted, if at all.
    pub(super) fn huge_from(&self) -> Option<usize> {
        match self {
            Ground::Buffer => None,
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => mapped.settings.huge_from,
        }
    }

    /// How many bytes may be resident, of which `dirty` have been handed out, `ready` may be touched,
    /// and huge pages have been asked for or not.
    pub(super) fn extent(&self, dirty: usize, ready: usize, huge: bool) -> usize {
        match self {
            Ground::Buffer => {
                let _ = (ready, huge);
                dirty
            }
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => match mapped.settings.commit {
                Commit::Ahead { .. } => ready,
                _ if huge => dirty.next_multiple_of(HUGE_PAGE).min(mapped.region.len()),
                _ => dirty,
            },
        }
    }

    /// How many bytes `reset` keeps, if it gives any back at all.
    pub(super) fn keep_on_reset(&self) -> Option<usize> {
        match self {
            Ground::Buffer => None,
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => match mapped.settings.reset {
                Reset::Keep => None,
                Reset::Trim(keep) => Some(keep),
                Reset::Decommit => Some(0),
            },
        }
    }

    /// Give all but the first `keep` of `len` bytes back to the OS, of which `ready` may be
    /// touched now.
    pub(super) fn decommit_above(
        &mut self,
        keep: usize,
        len: usize,
        ready: usize,
    ) -> Result<Kept, RegionError> {
        match self {
            Ground::Buffer => {
                let _ = keep;
                Ok(Kept {
                    resident: len,
                    ready,
                })
            }
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => {
                let keep = keep.min(len).next_multiple_of(page_size());
                let Mapped {
                    region, settings, ..
                } = &mut **mapped;
                region.decommit(keep..len)?;
                let ready = match settings.commit {
                    Commit::OnTouch => ready,
                    // Its pages are no longer there ahead of the touch.
                    Commit::Ahead { .. } => ready.min(keep),
                    Commit::Stepwise { .. } if ready <= keep => ready,
                    Commit::Stepwise { .. } => {
                        // The arena is empty, and commits these bytes before it hands them out.
                        region.uncommit(keep..ready);
                        keep
                    }
                };
                Ok(Kept {
                    resident: keep,
                    ready,
                })
            }
        }
    }
}

#[cfg(feature = "std")]
fn next_step(needed: usize, step: usize, len: usize) -> usize {
    needed
        .checked_next_multiple_of(step)
        .unwrap_or(len)
        .min(len)
}

//! Where an arena's memory comes from, and what its policy does to it.

use core::ops::Range;

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
    /// The state that the next arena finds it in; meaningless while one has it.
    pub(crate) state: State,
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

/// The state of memory between two arenas, in addresses: taken over as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// What lies from here on is zero.
    pub(crate) soiled: usize,
    /// What lies below may be touched.
    pub(crate) ready: usize,
    /// From here on, huge pages are still to be asked for; `usize::MAX` if they are not.
    pub(crate) huge_at: usize,
}

#[cfg(feature = "std")]
impl State {
    /// The state of a region that no arena has had, and whose first `soiled` bytes may not be zero.
    pub(crate) fn fresh(settings: &Settings, region: &Region, soiled: usize) -> Self {
        let start = region.base().addr().get();
        let ready = match settings.commit {
            Commit::OnTouch => start + region.len(),
            Commit::Stepwise { .. } | Commit::Ahead { .. } => start,
        };
        let huge_at = settings
            .huge_from
            .map_or(usize::MAX, |from| start.saturating_add(from));
        Self {
            soiled: start + soiled,
            ready,
            huge_at,
        }
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
    /// Ask for huge pages. A kernel that has none gives small ones: nothing to report.
    pub(super) fn ask_for_huge_pages(&self, range: Range<usize>) {
        match self {
            Ground::Buffer => unreachable!("a buffer has no huge pages to ask for: {range:?}"),
            #[cfg(feature = "std")]
            Ground::Mapped(mapped) => {
                let start = range.start.next_multiple_of(page_size()).min(range.end);
                let _ = mapped.region.advise(start..range.end, Advice::HugePages);
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

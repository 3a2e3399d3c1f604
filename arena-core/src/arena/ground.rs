//! Where an arena's memory comes from, and what its policy does to it.

use core::ops::Range;

use crate::error::RegionError;
#[cfg(feature = "std")]
use crate::policy::{Commit, Reset, Settings};
#[cfg(feature = "std")]
use crate::region::{Advice, Region, page_size};

/// What is in the memory when an arena takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Zeroes throughout.
    #[cfg(feature = "std")]
    Zero,
    /// Anything.
    Unknown,
}

/// The memory under an arena. Offsets and lengths are in bytes from its base.
#[derive(Debug)]
pub(crate) enum Ground {
    /// A buffer of somebody else's: all of it usable, nothing to be done to it.
    Buffer,
    /// A region, and the part of the policy that concerns it.
    #[cfg(feature = "std")]
    Region {
        /// Owned: unmapped with the arena.
        region: Region,
        /// What to do when a step is due.
        settings: Settings,
    },
}

/// What is left after giving memory back.
pub(super) struct Kept {
    /// Bytes from the base that still have their contents; the rest is zero.
    pub(super) resident: usize,
    /// Bytes from the base that may be touched.
    pub(super) ready: usize,
}

impl Ground {
    /// How many bytes may be touched before anything is done.
    pub(super) fn ready_at_first(&self, len: usize) -> usize {
        match self {
            Ground::Buffer => len,
            #[cfg(feature = "std")]
            Ground::Region { settings, .. } => match settings.commit {
                Commit::OnTouch => len,
                Commit::Stepwise { .. } | Commit::Ahead { .. } => 0,
            },
        }
    }

    /// From which byte on to ask for huge pages, if at all.
    pub(super) fn huge_from(&self) -> Option<usize> {
        match self {
            Ground::Buffer => None,
            #[cfg(feature = "std")]
            Ground::Region { settings, .. } => settings.huge_from,
        }
    }

    /// Ask for huge pages. A kernel that has none gives small ones: nothing to report.
    pub(super) fn ask_for_huge_pages(&self, range: Range<usize>) {
        match self {
            Ground::Buffer => unreachable!("a buffer has no huge pages to ask for: {range:?}"),
            #[cfg(feature = "std")]
            Ground::Region { region, .. } => {
                let start = range.start.next_multiple_of(page_size()).min(range.end);
                let _ = region.advise(start..range.end, Advice::HugePages);
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
            Ground::Region { region, settings } => match settings.commit {
                Commit::OnTouch => Ok(region.len()),
                Commit::Stepwise { step } => {
                    let until = next_step(needed, step, region.len());
                    region.commit(ready..until)?;
                    Ok(until)
                }
                Commit::Ahead { step } => {
                    let until = next_step(needed, step, region.len());
                    match region.populate(ready..until) {
                        Ok(()) => Ok(until),
                        // A kernel before 5.14 cannot; its pages come on touch.
                        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                            Ok(region.len())
                        }
                        Err(error) => Err(error),
                    }
                }
            },
        }
    }

    /// How many bytes `reset` keeps, if it gives any back at all.
    pub(super) fn keep_on_reset(&self) -> Option<usize> {
        match self {
            Ground::Buffer => None,
            #[cfg(feature = "std")]
            Ground::Region { settings, .. } => match settings.reset {
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
            Ground::Region { region, settings } => {
                let keep = keep.min(len).next_multiple_of(page_size());
                region.decommit(keep..len)?;
                let ready = match settings.commit {
                    Commit::OnTouch => ready,
                    // Its pages are no longer there ahead of the touch.
                    Commit::Ahead { .. } => ready.min(keep),
                    Commit::Stepwise { .. } if ready <= keep => ready,
                    Commit::Stepwise { .. } => {
                        // SAFETY: the arena is empty, and will commit these bytes before it hands
                        // them out again.
                        unsafe { region.protect(keep..ready, crate::region::Access::None)? };
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

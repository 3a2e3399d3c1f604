//! Freeing a block, and coalescing it with its neighbours.

use crate::control::Core;
use crate::error::{Damage, What};
use crate::fit::{DWORD, HEADER, HEADER_LEN};
use crate::header::{Header, NONE, damage};
use crate::index::granule_of;

/// Which neighbours of a freed block were free, and became one with it. The last block never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coalescing {
    /// Case 0: neither; the block is an island of free space.
    Isolated,
    /// Case 1: the next one, whose header is gone.
    WithNext,
    /// Case 2: the previous one; the freed block's own header is gone.
    WithPrevious,
    /// Case 3: both; two headers are gone.
    WithBoth,
}

/// What freeing a block gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// The payload, and 24 bytes for each header that is gone.
    pub bytes: usize,
    /// Which neighbours it became one with.
    pub case: Coalescing,
}

impl Coalescing {
    fn of(next_is_free: bool, previous_is_free: bool) -> Self {
        match (previous_is_free, next_is_free) {
            (false, false) => Self::Isolated,
            (false, true) => Self::WithNext,
            (true, false) => Self::WithPrevious,
            (true, true) => Self::WithBoth,
        }
    }

    /// Return how many headers are gone.
    #[must_use]
    pub fn headers_gone(self) -> usize {
        match self {
            Self::Isolated => 0,
            Self::WithNext | Self::WithPrevious => 1,
            Self::WithBoth => 2,
        }
    }
}

impl Core {
    /// Free a live block that is not pinned.
    #[inline(always)]
    pub(crate) fn release(&self, at: u32, header: &Header) -> Result<Freed, Damage> {
        let tag = header.tag().ok_or_else(|| damage(at, What::TagList))?;
        let below = self.blocks.free_before(at, header.previous)?;
        let (next, above) = self.blocks.free_after(at, header.size)?;
        let behind = match &above {
            Some(above) => self.blocks.behind(next, above)?,
            None => next,
        };
        let neighbours = self.tag_neighbours(at, header, tag)?;
        let slot = match header.handle {
            NONE => None,
            slot => Some((slot, self.slot_of_block(at, slot)?)),
        };
        // Nothing is written above this line.
        self.unlink_tag(tag, neighbours);
        if let Some((slot, state)) = slot {
            self.give_slot(slot, state);
        }
        let mut counts = self.control.counts();
        let (start, previous) = match &below {
            Some(below) => {
                counts.take_free(header.previous, below.size);
                self.control.forget_start(at, next);
                (header.previous, below.previous)
            }
            None => (at, header.previous),
        };
        if let Some(above) = &above {
            counts.take_free(next, above.size);
            self.control.forget_start(next, behind);
        }
        counts.take_live(at, behind, previous);
        let size = behind - start - HEADER;
        self.blocks.write_free(start, previous, size);
        self.blocks.set_previous(behind, start);
        counts.add_free(start, size);
        self.control.set_counts(&counts);
        self.control.raise(granule_of(start), size);
        if let Some(above) = &above
            && granule_of(next) != granule_of(start)
            && self.control.largest_in(granule_of(next)) <= above.size
        {
            self.refresh(granule_of(next))?;
        }
        let case = Coalescing::of(above.is_some(), below.is_some());
        Ok(Freed {
            bytes: header.size as usize * DWORD + case.headers_gone() * HEADER_LEN,
            case,
        })
    }
}

//! Freeing a block, and coalescing it with its neighbours.

use crate::control::Core;
use crate::engine::counts::Coalesced;
use crate::engine::tags::Place;
use crate::error::{Damage, What};
use crate::fit::{DWORD, HEADER};
use crate::header::{Around, Doubt, Header, NONE, Unsound, damage};
use crate::index::{Both, Keep, Links, Table};
use crate::spot::Spot;

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
    pub(crate) fn release(&self, at: Spot, header: &Header) -> Result<Freed, Damage> {
        if !self.control.geometry.table {
            return self.release_linked(at);
        }
        self.release_in::<Table>(at, header)
    }

    /// The header is read again: to hand it over, the fast path would have to keep it in memory.
    #[inline(never)]
    fn release_linked(&self, at: Spot) -> Result<Freed, Damage> {
        let header = self.blocks.read(at)?;
        self.release_in::<Links>(at, &header)
    }

    #[inline(always)]
    fn release_in<I: Keep>(&self, at: Spot, header: &Header) -> Result<Freed, Damage> {
        let Ok((around, place, entries)) = self.look_before_release::<I, Unsound>(at, header)
        else {
            return Err(self.trouble_releasing::<I>(at));
        };
        let slot = match header.handle {
            NONE => None,
            slot => Some((slot, self.slot_of_block(at.at(), slot)?)),
        };
        // Nothing is written above this line.
        self.unlink_tag(place);
        if let Some((slot, state)) = slot {
            self.give_slot(slot, state);
        }
        let Around {
            below,
            above,
            behind,
        } = around;
        let (start, previous, below_is_free) = match below {
            Some(below) if below.is_free => (below.at, below.header.previous, true),
            _ => (at, header.previous, false),
        };
        let case = Coalescing::of(above.is_free, below_is_free);
        let headers_gone = u32::from(above.is_free) + u32::from(below_is_free);
        let recovered = header.size + headers_gone * HEADER;
        self.control.count_freed(
            at.at(),
            &Coalesced {
                recovered,
                headers_gone,
                above: if above.is_free { above.header.size } else { 0 },
                previous,
                behind: behind.at(),
            },
        );
        let size = behind.at() - start.at() - HEADER;
        self.blocks.write_free(start, previous, size);
        self.blocks.set_previous(behind, start.at());
        I::freed(self, at, (start, size), &around, entries);
        Ok(Freed {
            bytes: recovered as usize * DWORD,
            case,
        })
    }

    /// Look at what freeing a block will change.
    #[inline(always)]
    fn look_before_release<I: Keep, D: Doubt>(
        &self,
        at: Spot,
        header: &Header,
    ) -> Result<(Around, Place, Both<I::Entry>), D> {
        let Some(tag) = header.tag() else {
            return Err(D::new(at.at(), What::TagList));
        };
        let around = self.blocks.around(at, header)?;
        let entry = |at: Spot| I::entry(self, at);
        let below = around.below.filter(|below| below.is_free);
        let above = Some(around.above).filter(|above| above.is_free);
        let entries = [
            below.map(|below| entry(below.at)).transpose()?,
            above.map(|above| entry(above.at)).transpose()?,
        ];
        if entries.iter().all(Option::is_none) {
            I::look_for_place(self, at)?;
        }
        let place = self.tag_neighbours(at.at(), header, tag)?;
        Ok((around, place, entries))
    }

    #[cold]
    #[inline(never)]
    fn trouble_releasing<I: Keep>(&self, at: Spot) -> Damage {
        // The header is read again: to hand it over, the fast path would have to keep it in memory.
        let header = self.blocks.read(at);
        let looked = header.and_then(|header| self.look_before_release::<I, _>(at, &header));
        looked.err().unwrap_or(damage(at.at(), What::Check))
    }
}

//! What is on either side of a block.

use crate::error::What;
use crate::header::{Blocks, Doubt, Header, NONE};
use crate::spot::Spot;

/// A free or live block beside another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbour {
    pub(crate) at: Spot,
    pub(crate) header: Header,
    /// Whether it can be coalesced with.
    pub(crate) is_free: bool,
}

/// What is on either side of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// None before FIRSTBLOCK.
    pub(crate) below: Option<Neighbour>,
    pub(crate) above: Neighbour,
    /// The block behind `above` if that is free, else `above` itself.
    pub(crate) behind: Spot,
}

impl Blocks {
    /// Look at the block before this one, which must end here; there is none before FIRSTBLOCK.
    #[inline(always)]
    pub(crate) fn below<D: Doubt>(self, at: Spot, previous: u32) -> Result<Option<Neighbour>, D> {
        if at.at() == 0 && previous == NONE {
            return Ok(None);
        }
        let Some(below) = self.spot(previous) else {
            return Err(D::new(previous, What::LinkOutside));
        };
        if below.end(self.size(below)) != u64::from(at.at()) {
            return Err(D::new(at.at(), What::PreviousLink));
        }
        let header = self.read(below)?;
        Ok(Some(Neighbour {
            at: below,
            header,
            is_free: header.is_free(),
        }))
    }

    /// Look at the block behind this one, which must lead back. LASTBLOCK is never coalesced with.
    #[inline(always)]
    pub(crate) fn above<D: Doubt>(self, at: Spot, size: u32) -> Result<Neighbour, D> {
        let Some(above) = self.spot(at.end(size)) else {
            return Err(D::new(at.at(), What::Size));
        };
        if self.previous(above) != at.at() {
            return Err(D::new(above.at(), What::PreviousLink));
        }
        let header = self.read(above)?;
        Ok(Neighbour {
            at: above,
            header,
            is_free: header.is_free() && above.at() != self.last(),
        })
    }

    /// Look at both neighbours of a block, and at the one behind a free one.
    #[inline(always)]
    pub(crate) fn around<D: Doubt>(self, at: Spot, header: &Header) -> Result<Around, D> {
        let below = self.below(at, header.previous)?;
        let above = self.above(at, header.size)?;
        let (end, before) = if above.is_free {
            (above.at.end(above.header.size), above.at)
        } else {
            (u64::from(above.at.at()), at)
        };
        let behind = self.spot(end);
        let behind = behind.filter(|&behind| self.previous(behind) == before.at());
        match behind {
            Some(behind) => Ok(Around {
                below,
                above,
                behind,
            }),
            None => Err(D::new(above.at.at(), What::PreviousLink)),
        }
    }
}

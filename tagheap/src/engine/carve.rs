//! Finding a free block, and carving a live one out of it.

use crate::control::{Core, State};
use crate::engine::tags::Place;
use crate::error::{Damage, What};
use crate::fit::{DWORD, Fit, HEADER, Hole, payload_of};
use crate::header::{Doubt, Glance, Header, NONE, Unsound, damage};
use crate::spot::Spot;
use crate::tag::{Side, Tag};

/// A block to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewBlock {
    pub(crate) tag: Tag,
    /// Bytes asked for.
    pub(crate) requested: usize,
    /// Bytes that takes, with the canary.
    pub(crate) bytes: usize,
    /// The same in dwords.
    pub(crate) need: u32,
    /// The align of the payload, as a power of two of dwords.
    pub(crate) align_log: u32,
    /// The slot of its handle, or NONE.
    pub(crate) handle: u32,
}

/// A free block that is to be carved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    at: Spot,
    /// The block behind it, as its size says.
    behind: Spot,
    /// The largest free block below it that starts in the same granule, 0 for none.
    below: u32,
}

impl Core {
    /// Make a block where first fit puts it: for HEAD in the lowest free block that fits and lies below
    /// all TAIL blocks, for TAIL in the highest above all HEAD blocks. Returns where its header is, or
    /// `None` if there is no such free block.
    #[inline(always)]
    pub(crate) fn make(&self, new: NewBlock) -> Result<Option<Spot>, Damage> {
        if new.tag.side() == Side::Tail || new.align_log != 0 {
            return self.make_aligned(new);
        }
        let Some((found, size)) = self.find_lowest(new.need)? else {
            return Ok(None);
        };
        let fit = Hole {
            at: found.at.at(),
            size,
        }
        .bottom(new.need);
        self.carve(found, fit, new).map(Some)
    }

    #[inline(never)]
    fn make_aligned(&self, new: NewBlock) -> Result<Option<Spot>, Damage> {
        let align = 1 << new.align_log;
        let found = match new.tag.side() {
            Side::Head => self.find_lowest_aligned(new.need, align)?,
            Side::Tail => self.find_highest(new.need, align)?,
        };
        match found {
            Some((found, fit)) => self.carve(found, fit, new).map(Some),
            None => Ok(None),
        }
    }

    /// Find the lowest free block of so many dwords or more, and its size.
    #[inline(always)]
    fn find_lowest(&self, need: u32) -> Result<Option<(Found, u32)>, Damage> {
        let Some(granule) = self.control.first_of_all(need)? else {
            return Ok(None);
        };
        let blocks = self.blocks;
        let mut below = 0;
        let mut next = blocks.spot(self.control.first_or_beyond(granule));
        while let Some(at) = next.filter(|at| at.granule() == granule) {
            let size = blocks.size(at);
            let behind = blocks.spot(at.end(size));
            let free = if blocks.is_free(at) { size } else { 0 };
            if free >= need
                && let Some(behind) = behind
            {
                let fits = at.at() < self.control.get(State::LowestTail);
                return Ok(fits.then_some((Found { at, behind, below }, size)));
            }
            below = below.max(free);
            next = behind;
        }
        Err(damage(granule.base(), What::Index))
    }

    fn find_lowest_aligned(&self, need: u32, align: u32) -> Result<Option<(Found, Fit)>, Damage> {
        let bound = self.control.get(State::LowestTail);
        let mut granule = self.control.first_of_all(need)?;
        while let Some(here) = granule {
            let mut below = 0;
            for block in self.in_granule(here) {
                let Glance {
                    at,
                    free: size,
                    next,
                } = block?;
                if at >= bound {
                    return Ok(None);
                }
                if size >= need
                    && let Some(fit) = (Hole { at, size }).lowest(need, align)
                {
                    return Ok(Some((self.found(at, next, below), fit)));
                }
                below = below.max(size);
            }
            granule = self.control.first_from(here.number() + 1, need)?;
        }
        Ok(None)
    }

    fn find_highest(&self, need: u32, align: u32) -> Result<Option<(Found, Fit)>, Damage> {
        let bound = match self.control.get(State::HighestHead) {
            NONE => 0,
            head => head + 1,
        };
        let mut end = self.control.geometry.tree.granules();
        while let Some(here) = self.control.last_before(end, need)? {
            let mut best = None;
            let mut below = 0;
            for block in self.in_granule(here) {
                let Glance {
                    at,
                    free: size,
                    next,
                } = block?;
                if size >= need
                    && at >= bound
                    && let Some(fit) = (Hole { at, size }).highest(need, align)
                {
                    best = Some((self.found(at, next, below), fit));
                }
                below = below.max(size);
            }
            if best.is_some() || here.base() <= bound {
                return Ok(best);
            }
            end = here.number();
        }
        Ok(None)
    }

    fn found(&self, at: u32, behind: u32, below: u32) -> Found {
        let [at, behind] = [at, behind].map(|at| self.blocks.known_spot(at));
        Found { at, behind, below }
    }

    /// Make a block in a free one that was found to fit it. Returns where its header is.
    #[inline(always)]
    fn carve(&self, found: Found, fit: Fit, new: NewBlock) -> Result<Spot, Damage> {
        let Ok((previous, place)) = self.look_before_carving::<Unsound>(found, new.tag) else {
            return Err(self.trouble_carving(found, new.tag));
        };
        // Nothing is written above this line.
        let at = self.blocks.known_spot(fit.at);
        self.control
            .count_carved(found.at.at(), &fit, new.tag.side());
        let previous = if fit.front == 0 {
            previous
        } else {
            self.blocks
                .write_free(found.at, previous, fit.front - HEADER);
            self.control.note_start(at, found.at);
            found.at.at()
        };
        let mut header = Header::live(previous, fit.size, new.tag, new.align_log);
        header.links = self.link_tag(fit.at, place);
        header.handle = new.handle;
        let slack = fit.size as usize * DWORD - new.bytes;
        self.blocks.note_slack(at, &mut header, slack);
        self.blocks.write(at, &header);
        self.set_canary(fit.at, new.requested);
        let cut = self.cut_rest(at, fit.size, fit.rest, found.behind);
        self.index_pieces(found, &fit, cut);
        Ok(at)
    }

    /// Look at what carving will change: returns the block below, and a place on the list of the tag.
    #[inline(always)]
    fn look_before_carving<D: Doubt>(&self, found: Found, tag: Tag) -> Result<(u32, Place), D> {
        let at = found.at.at();
        let free = self.blocks.read::<D>(found.at)?;
        if !free.is_free() || self.blocks.previous(found.behind) != at {
            return Err(D::new(found.behind.at(), What::PreviousLink));
        }
        let below = match free.previous {
            NONE if at == 0 => None,
            previous => self.blocks.spot(previous),
        };
        let ends_here = |below: Spot| below.end(self.blocks.size(below)) == u64::from(at);
        if !below.map_or(at == 0, ends_here) {
            return Err(D::new(at, What::PreviousLink));
        }
        Ok((free.previous, self.tag_place(tag, below)?))
    }

    #[cold]
    #[inline(never)]
    fn trouble_carving(&self, found: Found, tag: Tag) -> Damage {
        let looked = self.look_before_carving(found, tag);
        looked.err().unwrap_or(damage(found.at.at(), What::Index))
    }

    /// Make the dwords behind a live block a free one, if there are any; mend the link of the block
    /// behind them. Returns where the free one is.
    #[inline(always)]
    pub(crate) fn cut_rest(&self, at: Spot, size: u32, rest: u32, behind: Spot) -> Option<Spot> {
        if rest == 0 {
            self.blocks.set_previous(behind, at.at());
            return None;
        }
        let cut = self.blocks.known_spot(at.at() + HEADER + size);
        self.blocks.write_free(cut, at.at(), rest - HEADER);
        self.blocks.set_previous(behind, cut.at());
        self.control.note_start(cut, at);
        Some(cut)
    }

    /// Of the free block that was found there are these pieces now.
    #[inline(always)]
    fn index_pieces(&self, found: Found, fit: &Fit, cut: Option<Spot>) {
        let granule = found.at.granule();
        let above = self.largest_from(found.behind, granule);
        let mut largest = found.below.max(above).max(payload_of(fit.front));
        // What there is now first: then what the levels above say need not go down and up again.
        if let Some(cut) = cut {
            let rest = payload_of(fit.rest);
            if cut.granule() == granule {
                largest = largest.max(rest);
            } else {
                self.control.raise(cut.granule(), rest);
            }
        }
        self.control.set_largest_in(granule, largest);
    }
}

//! Carving a live block out of a free one.

use crate::control::{Core, State};
use crate::engine::tags::Place;
use crate::error::{Damage, What};
use crate::fit::{DWORD, Fit, HEADER, Hole};
use crate::header::{Doubt, Header, NONE, Unsound, damage};
use crate::index::{Find, Keep, Table, Wanted, with_index};
use crate::spot::Spot;
use crate::tag::{Side, Tag};

/// A block to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewBlock {
    tag: Tag,
    /// Bytes asked for.
    requested: usize,
    /// Bytes that takes, with the canary.
    bytes: usize,
    /// The same in dwords.
    need: u32,
    /// The align of the payload, as a power of two of dwords.
    align_log: u32,
    /// The slot of its handle, or NONE.
    handle: u32,
}

/// A free block that is to be carved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) at: Spot,
    /// The block behind it, as its size says.
    pub(crate) behind: Spot,
    /// The largest free block below it that starts in the same granule, 0 for none; for the table.
    pub(crate) below: u32,
}

/// What became of a free block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carved {
    pub(crate) found: Found,
    pub(crate) fit: Fit,
    /// The live block.
    pub(crate) at: Spot,
    /// The free block behind it.
    pub(crate) cut: Option<Spot>,
}

impl Core {
    /// Say what a block takes that is to be made, if any heap can have it.
    #[inline(always)]
    pub(crate) fn new_block(
        &self,
        tag: Tag,
        requested: usize,
        align_log: u32,
        handle: u32,
    ) -> Option<NewBlock> {
        let (bytes, need) = self.needed(requested)?;
        Some(NewBlock {
            tag,
            requested,
            bytes,
            need,
            align_log,
            handle,
        })
    }

    /// Make a block where first fit puts it: for HEAD in the lowest free block that fits and lies below
    /// all TAIL blocks, for TAIL in the highest above all HEAD blocks. Returns where its header is, or
    /// `None` if there is no such free block.
    #[inline(always)]
    pub(crate) fn make(&self, new: NewBlock) -> Result<Option<Spot>, Damage> {
        let NewBlock {
            tag,
            requested,
            align_log,
            handle,
            ..
        } = new;
        if tag.side() == Side::Head && align_log == 0 {
            // In a heap without a table this finds nothing: it is asked last whether there is one, for
            // that is one thing less to keep on the way.
            let made = self.make_at_bottom::<Table>(new)?;
            if made.is_some() || self.control.geometry.table {
                return Ok(made);
            }
        }
        self.make_slowly(tag, requested, align_log, handle)
    }

    /// Make one that is not just carved at the bottom of the first free block of a table.
    ///
    /// The [`NewBlock`] is made again: to hand it over, the fast path would have to keep it in memory.
    #[inline(never)]
    fn make_slowly(
        &self,
        tag: Tag,
        requested: usize,
        align_log: u32,
        handle: u32,
    ) -> Result<Option<Spot>, Damage> {
        let Some(new) = self.new_block(tag, requested, align_log, handle) else {
            return Ok(None);
        };
        with_index!(self, I => {
            if tag.side() == Side::Head && align_log == 0 {
                self.make_at_bottom::<I>(new)
            } else {
                self.make_aligned::<I>(new)
            }
        })
    }

    #[inline(always)]
    fn make_at_bottom<I: Find + Keep>(&self, new: NewBlock) -> Result<Option<Spot>, Damage> {
        let Some((found, size)) = I::lowest(self, new.need)? else {
            return Ok(None);
        };
        let fit = Hole {
            at: found.at.at(),
            size,
        }
        .bottom(new.need);
        self.carve::<I>(found, fit, new).map(Some)
    }

    fn make_aligned<I: Find + Keep>(&self, new: NewBlock) -> Result<Option<Spot>, Damage> {
        let wanted = |bound| Wanted {
            need: new.need,
            align: 1 << new.align_log,
            bound,
        };
        let found = match new.tag.side() {
            Side::Head => I::lowest_aligned(self, wanted(self.control.get(State::LowestTail)))?,
            Side::Tail => {
                let bound = match self.control.get(State::HighestHead) {
                    NONE => 0,
                    head => head + 1,
                };
                I::highest(self, wanted(bound))?
            }
        };
        match found {
            Some((found, fit)) => self.carve::<I>(found, fit, new).map(Some),
            None => Ok(None),
        }
    }

    /// Make a block in a free one that was found to fit it. Returns where its header is.
    #[inline(always)]
    fn carve<I: Keep>(&self, found: Found, fit: Fit, new: NewBlock) -> Result<Spot, Damage> {
        let Ok((previous, place, entry)) = self.look_before_carving::<I, Unsound>(found, new.tag)
        else {
            return Err(self.trouble_carving::<I>(found, new.tag));
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
        let carved = Carved {
            found,
            fit,
            at,
            cut,
        };
        I::carved(self, entry, &carved);
        Ok(at)
    }

    /// Look at what carving will change: returns the block below, a place on the list of the tag, and what the
    /// index has of the free block.
    #[inline(always)]
    fn look_before_carving<I: Keep, D: Doubt>(
        &self,
        found: Found,
        tag: Tag,
    ) -> Result<(u32, Place, I::Entry), D> {
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
        let place = self.tag_place(tag, below)?;
        Ok((free.previous, place, I::entry(self, found.at)?))
    }

    #[cold]
    #[inline(never)]
    fn trouble_carving<I: Keep>(&self, found: Found, tag: Tag) -> Damage {
        let looked = self.look_before_carving::<I, _>(found, tag);
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
        Some(cut)
    }
}

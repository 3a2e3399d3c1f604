//! Finding a free block, and carving a live one out of it.

use crate::control::{Core, State};
use crate::error::Damage;
use crate::fit::{DWORD, Fit, HEADER, Hole};
use crate::header::{Glance, Header, NONE};
use crate::index::granule_of;
use crate::tag::{Side, Tag};

/// A block to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewBlock {
    pub(crate) tag: Tag,
    /// Bytes asked for.
    pub(crate) requested: usize,
    /// Bytes that takes, with the canary.
    pub(crate) bytes: usize,
    /// The align of the payload, as a power of two of dwords.
    pub(crate) align_log: u32,
}

/// A free block, and where in it a block would go.
pub(crate) type Found = (u32, Fit);

impl Core {
    /// Find the free block that first fit takes: for HEAD the lowest below all TAIL blocks, for TAIL
    /// the highest above all HEAD blocks. `need` and `align` are in dwords.
    #[inline]
    pub(crate) fn find(&self, side: Side, need: u32, align: u32) -> Result<Option<Found>, Damage> {
        match side {
            Side::Head => self.find_lowest(need, align),
            Side::Tail => self.find_highest(need, align),
        }
    }

    fn find_lowest(&self, need: u32, align: u32) -> Result<Option<Found>, Damage> {
        let bound = self.control.get(State::LowestTail);
        let mut granule = self.control.first_from(0, need)?;
        while let Some(here) = granule {
            for block in self.in_granule(here) {
                let Glance { at, free: size, .. } = block?;
                if at >= bound {
                    return Ok(None);
                }
                if size >= need
                    && let Some(fit) = (Hole { at, size }).lowest(need, align)
                {
                    return Ok(Some((at, fit)));
                }
            }
            granule = self.control.first_from(here + 1, need)?;
        }
        Ok(None)
    }

    fn find_highest(&self, need: u32, align: u32) -> Result<Option<Found>, Damage> {
        let bound = match self.control.get(State::HighestHead) {
            NONE => 0,
            head => head + 1,
        };
        let mut end = self.control.geometry.tree.granules();
        while let Some(here) = self.control.last_before(end, need)? {
            let mut best = None;
            for block in self.in_granule(here) {
                let Glance { at, free: size, .. } = block?;
                if size >= need
                    && at >= bound
                    && let Some(fit) = (Hole { at, size }).highest(need, align)
                {
                    best = Some((at, fit));
                }
            }
            if best.is_some() || here <= granule_of(bound) {
                return Ok(best);
            }
            end = here;
        }
        Ok(None)
    }

    /// Make a block where it was found to fit. Returns where its header is.
    pub(crate) fn carve(&self, found: Found, new: NewBlock) -> Result<u32, Damage> {
        let (at, fit) = found;
        let free = self.blocks.header(at)?;
        let behind = self.blocks.behind(at, &free)?;
        self.check_tag_list(new.tag)?;
        // Nothing is written above this line.
        let mut counts = self.control.counts();
        counts.take_free(at, free.size);
        counts.add_live(fit.at, new.tag.side());
        let previous = if fit.front == 0 {
            free.previous
        } else {
            self.blocks
                .write_free(at, free.previous, fit.front - HEADER);
            self.control.note_start(fit.at);
            at
        };
        self.write_live(&fit, previous, new);
        self.cut_rest(fit.at, fit.size, fit.rest, behind);
        if fit.front != 0 {
            counts.add_free(at, fit.front - HEADER);
        }
        if fit.rest != 0 {
            counts.add_free(fit.at + HEADER + fit.size, fit.rest - HEADER);
        }
        self.control.set_counts(&counts);
        self.link_tag(fit.at, new.tag);
        self.index_pieces(at, free.size, fit.at + HEADER + fit.size, fit.rest)?;
        Ok(fit.at)
    }

    fn write_live(&self, fit: &Fit, previous: u32, new: NewBlock) {
        let mut header = Header {
            previous,
            size: fit.size,
            tag: Some(new.tag),
            slack: 0,
            align_log: new.align_log,
            handle: NONE,
        };
        let slack = fit.size as usize * DWORD - new.bytes;
        self.blocks.note_slack(fit.at, &mut header, slack);
        self.blocks.write(fit.at, &header);
        self.set_canary(fit.at, new.requested);
    }

    /// Make the dwords behind a live block a free one, if there are any; mend the link of the block
    /// behind them.
    pub(crate) fn cut_rest(&self, at: u32, size: u32, rest: u32, behind: u32) {
        if rest == 0 {
            self.blocks.set_previous(behind, at);
            return;
        }
        let cut = at + HEADER + size;
        self.blocks.write_free(cut, at, rest - HEADER);
        self.blocks.set_previous(behind, cut);
        self.control.note_start(cut);
    }

    /// The free block at `at` is gone or smaller, and `rest` dwords at `cut` are a free block.
    pub(crate) fn index_pieces(
        &self,
        at: u32,
        size: u32,
        cut: u32,
        rest: u32,
    ) -> Result<(), Damage> {
        let granule = granule_of(at);
        if self.control.largest_in(granule) <= size {
            self.refresh(granule)?;
        }
        if rest != 0 {
            self.control.raise(granule_of(cut), rest - HEADER);
        }
        Ok(())
    }
}

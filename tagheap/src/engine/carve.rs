//! Finding a free block, and carving a live one out of it.

use crate::control::{Core, State};
use crate::error::{Damage, What};
use crate::fit::{DWORD, HEADER, Hole};
use crate::header::{Glance, Header, NONE, damage};
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
    /// The same in dwords.
    pub(crate) need: u32,
    /// The align of the payload, as a power of two of dwords.
    pub(crate) align_log: u32,
    /// The slot of its handle, or NONE.
    pub(crate) handle: u32,
}

impl Core {
    /// Find the free block that first fit takes: for HEAD the lowest below all TAIL blocks, for TAIL
    /// the highest above all HEAD blocks. `need` and `align` are in dwords.
    #[inline]
    pub(crate) fn find(&self, side: Side, need: u32, align: u32) -> Result<Option<u32>, Damage> {
        match side {
            Side::Head => self.find_lowest(need, align),
            Side::Tail => self.find_highest(need, align),
        }
    }

    #[inline]
    fn find_lowest(&self, need: u32, align: u32) -> Result<Option<u32>, Damage> {
        let bound = self.control.get(State::LowestTail);
        let mut granule = self.control.first_of_all(need)?;
        while let Some(here) = granule {
            let mut next = self.control.first_in(here).unwrap_or(NONE);
            while granule_of(next) == here {
                let Glance {
                    at,
                    free: size,
                    next: behind,
                } = self.blocks.glance(next)?;
                if at >= bound {
                    return Ok(None);
                }
                let fits = || align == 1 || (Hole { at, size }).lowest(need, align).is_some();
                if size >= need && fits() {
                    return Ok(Some(at));
                }
                next = behind;
            }
            granule = self.control.first_from(here + 1, need)?;
        }
        Ok(None)
    }

    #[inline(never)]
    fn find_highest(&self, need: u32, align: u32) -> Result<Option<u32>, Damage> {
        let bound = match self.control.get(State::HighestHead) {
            NONE => 0,
            head => head + 1,
        };
        let mut end = self.control.geometry.tree.granules();
        while let Some(here) = self.control.last_before(end, need)? {
            let mut best = None;
            for block in self.in_granule(here) {
                let Glance { at, free: size, .. } = block?;
                if size >= need && at >= bound && (Hole { at, size }).highest(need, align).is_some()
                {
                    best = Some(at);
                }
            }
            if best.is_some() || here <= granule_of(bound) {
                return Ok(best);
            }
            end = here;
        }
        Ok(None)
    }

    /// Make a block in a free one that was found to fit it. Returns where its header is.
    #[inline]
    pub(crate) fn carve(&self, at: u32, new: NewBlock) -> Result<u32, Damage> {
        let free = self.blocks.header(at)?;
        let hole = Hole {
            at,
            size: free.size,
        };
        let align = 1 << new.align_log;
        let fit = match new.tag.side() {
            Side::Head => hole.lowest(new.need, align),
            Side::Tail => hole.highest(new.need, align),
        };
        let fit = fit.filter(|_| free.is_free());
        let fit = fit.ok_or_else(|| damage(at, What::Index))?;
        let behind = self.blocks.behind(at, &free)?;
        let list = self.tag_list(new.tag)?;
        // Nothing is written above this line.
        let mut counts = self.control.counts();
        counts.carve(at, &fit, new.tag.side());
        let previous = if fit.front == 0 {
            free.previous
        } else {
            self.blocks
                .write_free(at, free.previous, fit.front - HEADER);
            self.control.note_start(fit.at);
            at
        };
        let mut header = Header::live(previous, fit.size, new.tag, new.align_log);
        header.links = self.link_tag(fit.at, list);
        header.handle = new.handle;
        let slack = fit.size as usize * DWORD - new.bytes;
        self.blocks.note_slack(fit.at, &mut header, slack);
        self.blocks.write(fit.at, &header);
        self.set_canary(fit.at, new.requested);
        self.cut_rest(fit.at, fit.size, fit.rest, behind);
        self.control.set_counts(&counts);
        self.index_pieces(at, free.size, fit.at + HEADER + fit.size, fit.rest)?;
        Ok(fit.at)
    }

    /// Make the dwords behind a live block a free one, if there are any; mend the link of the block
    /// behind them.
    #[inline(always)]
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
    #[inline(always)]
    pub(crate) fn index_pieces(
        &self,
        at: u32,
        size: u32,
        cut: u32,
        rest: u32,
    ) -> Result<(), Damage> {
        // What there is now first: then what the levels above say need not go down and up again.
        if rest != 0 {
            self.control.raise(granule_of(cut), rest - HEADER);
        }
        let granule = granule_of(at);
        if self.control.largest_in(granule) <= size {
            self.refresh(granule)?;
        }
        Ok(())
    }
}

//! Events put together: which block was where, from which event to which.
//!
//! Every picture and export reads a [`History`] and not the events, so what an event means is said
//! here and nowhere else. A moment is a number of events: 0 is before the first, and at moment `n`
//! the first `n` have happened.

use crate::event::{Action, BlockId, Event, Extent, LabelId, RegionId};
use crate::trace::Trace;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

mod misfit;
mod rows;

pub use misfit::Misfit;
pub use rows::{Death, Ground, Mark, Placement};

/// A whole recording, put together.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every region there was, in the order in which they began.
    pub regions: Vec<Ground>,
    /// Every place a block had, in the order in which it came there.
    pub placements: Vec<Placement>,
    /// Everything that was found wrong, in order.
    pub marks: Vec<Mark>,
    /// For each event, the bytes of payload that were live after it.
    pub live_bytes: Vec<u64>,
    /// For each event, the blocks that were live after it.
    pub live_blocks: Vec<u64>,
    open: HashMap<RegionId, Open>,
    /// Regions that have ended, with the event that ended them.
    ended: HashMap<RegionId, usize>,
    /// Blocks that are gone, with the row of their last place.
    gone: HashMap<(RegionId, BlockId), usize>,
    bytes: u64,
    blocks: u64,
}

/// A region that has not ended.
#[derive(Debug, Clone, Default)]
struct Open {
    ground: usize,
    /// Live blocks by where they begin; two may begin at one place, if the allocator is at fault.
    by_place: BTreeMap<(u64, BlockId), usize>,
    by_block: HashMap<BlockId, usize>,
    /// What was found wrong and is still there.
    marks: Vec<usize>,
}

impl History {
    /// Puts the events of a recording together.
    ///
    /// # Errors
    ///
    /// The first event that does not fit those before it, by its index.
    pub fn of(trace: &Trace) -> Result<Self, (usize, Misfit)> {
        let mut history = Self::default();
        for (index, event) in trace.events.iter().enumerate() {
            history.apply(event).map_err(|misfit| (index, misfit))?;
        }
        Ok(history)
    }

    /// Adds the next event.
    ///
    /// # Errors
    ///
    /// If it does not fit those before it; the history is as it was then.
    pub fn apply(&mut self, event: &Event) -> Result<(), Misfit> {
        let now = self.live_bytes.len();
        match event.action {
            Action::Map { region, base, size } => self.map(now, region, base, size, event.label)?,
            Action::Unmap { region } => self.unmap(now, region)?,
            Action::Alloc {
                region,
                block,
                to,
                align,
                tag,
            } => self.alloc(now, (region, block), to, align, tag, event)?,
            Action::Free { region, block } => self.free(now, region, block)?,
            Action::Realloc { region, block, to } => {
                self.place_again(now, (region, block), Death::Realloc, event.label, |_| to)?;
            }
            Action::Move { region, block, to } => {
                let moved = |extent: Extent| Extent { at: to, ..extent };
                self.place_again(now, (region, block), Death::Move, event.label, moved)?;
            }
            Action::Rewind { region, to } => self.end_from(now, region, to, Death::Rewind)?,
            Action::Reset { region } => self.end_from(now, region, 0, Death::Reset)?,
            Action::Fork { from, to } => self.fork(now, from, to, event.label)?,
            Action::Refuse { region, .. } => self.open(region).map(drop)?,
            Action::Write { region, .. } | Action::Read { region, .. } => {
                self.know(region).map(drop)?;
            }
            Action::Fault { .. } => self.mark(now, event)?,
            Action::Note => {}
        }
        self.live_bytes.push(self.bytes);
        self.live_blocks.push(self.blocks);
        Ok(())
    }

    /// How many events it has taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live_bytes.len()
    }

    /// True before the first event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live_bytes.is_empty()
    }

    /// The blocks that are live at a moment.
    pub fn live_at(&self, moment: usize) -> impl Iterator<Item = &Placement> {
        self.placements
            .iter()
            .take_while(move |placement| placement.born < moment)
            .filter(move |placement| placement.is_live_at(moment))
    }

    /// The row of the region with this number at a moment, also if it has ended by then.
    #[must_use]
    pub fn ground_at(&self, region: RegionId, moment: usize) -> Option<usize> {
        self.regions
            .iter()
            .rposition(|ground| ground.region == region && ground.born < moment)
    }

    /// The first moment at which the most bytes are live.
    #[must_use]
    pub fn peak(&self) -> usize {
        let most = self.live_bytes.iter().copied().max().unwrap_or(0);
        let first = self.live_bytes.iter().position(|&bytes| bytes == most);
        first.map_or(0, |event| if most == 0 { 0 } else { event + 1 })
    }

    fn map(
        &mut self,
        now: usize,
        region: RegionId,
        base: u64,
        size: u64,
        label: Option<LabelId>,
    ) -> Result<(), Misfit> {
        if self.open.contains_key(&region) {
            return Err(Misfit::RegionTwice { region });
        }
        if base.checked_add(size).is_none() {
            return Err(Misfit::RegionTooLarge { region, base, size });
        }
        let open = Open {
            ground: self.regions.len(),
            ..Open::default()
        };
        self.open.insert(region, open);
        self.regions.push(Ground {
            region,
            base,
            size,
            label,
            born: now,
            died: None,
        });
        Ok(())
    }

    fn unmap(&mut self, now: usize, region: RegionId) -> Result<(), Misfit> {
        self.end_from(now, region, 0, Death::Unmap)?;
        if let Some(open) = self.open.remove(&region) {
            self.regions[open.ground].died = Some(now);
        }
        self.ended.insert(region, now);
        Ok(())
    }

    fn alloc(
        &mut self,
        now: usize,
        (region, block): (RegionId, BlockId),
        extent: Extent,
        align: u32,
        tag: Option<u32>,
        event: &Event,
    ) -> Result<(), Misfit> {
        let open = self.open(region)?;
        if open.by_block.contains_key(&block) {
            return Err(Misfit::BlockTwice { region, block });
        }
        if align != 0 && !align.is_power_of_two() {
            return Err(Misfit::Alignment {
                region,
                block,
                align,
            });
        }
        let ground = open.ground;
        self.check_extent(ground, block, extent)?;
        self.check_sum(extent.size)?;
        self.put(Placement {
            ground,
            block,
            extent,
            align,
            tag,
            born: now,
            died: None,
            from: None,
            site: event.site,
            label: event.label,
        });
        Ok(())
    }

    fn free(&mut self, now: usize, region: RegionId, block: BlockId) -> Result<(), Misfit> {
        let row = self.find(region, block)?;
        self.take(now, row, Death::Free);
        Ok(())
    }

    fn place_again(
        &mut self,
        now: usize,
        (region, block): (RegionId, BlockId),
        death: Death,
        label: Option<LabelId>,
        extent: impl FnOnce(Extent) -> Extent,
    ) -> Result<(), Misfit> {
        let row = self.find(region, block)?;
        let old = &self.placements[row];
        let extent = extent(old.extent);
        let more = extent.size.saturating_sub(old.extent.size);
        let next = Placement {
            extent,
            born: now,
            from: Some(row),
            label: label.or(old.label),
            ..old.clone()
        };
        self.check_extent(next.ground, block, extent)?;
        self.check_sum(more)?;
        self.take(now, row, death);
        self.put(next);
        Ok(())
    }

    /// Ends the blocks that begin at an offset or above.
    fn end_from(
        &mut self,
        now: usize,
        region: RegionId,
        offset: u64,
        death: Death,
    ) -> Result<(), Misfit> {
        let from = Bound::Included((offset, BlockId(0)));
        let range = self.open(region)?.by_place.range((from, Bound::Unbounded));
        let rows: Vec<usize> = range.map(|(_, &row)| row).collect();
        for row in rows {
            self.take(now, row, death);
        }
        let Self { open, marks, .. } = self;
        if let Some(open) = open.get_mut(&region) {
            open.marks.retain(|&row| {
                let stays = marks[row].at < offset;
                if !stays {
                    marks[row].died = Some(now);
                }
                stays
            });
        }
        Ok(())
    }

    fn fork(
        &mut self,
        now: usize,
        from: RegionId,
        to: RegionId,
        label: Option<LabelId>,
    ) -> Result<(), Misfit> {
        let parent = self.open(from)?;
        let rows: Vec<usize> = parent.by_place.values().copied().collect();
        let Ground { base, size, .. } = self.regions[parent.ground];
        let sizes = rows.iter().map(|&row| self.placements[row].extent.size);
        // They are live already, so their own sum can be counted.
        self.check_sum(sizes.sum())?;
        self.map(now, to, base, size, label)?;
        let ground = self.regions.len() - 1;
        for row in rows {
            let inherited = Placement {
                ground,
                born: now,
                from: Some(row),
                ..self.placements[row].clone()
            };
            self.put(inherited);
        }
        Ok(())
    }

    fn mark(&mut self, now: usize, event: &Event) -> Result<(), Misfit> {
        let Action::Fault {
            violation,
            region,
            at,
            size,
            block,
        } = event.action
        else {
            return Ok(());
        };
        let ground = self.know(region)?;
        let live = |block| self.open.get(&region)?.by_block.get(block);
        let place = |block| live(block).or_else(|| self.gone.get(&(region, *block)));
        let mark = Mark {
            ground,
            violation,
            at,
            size,
            block,
            placement: block.as_ref().and_then(place).copied(),
            born: now,
            died: None,
            site: event.site,
            label: event.label,
        };
        if let Some(open) = self.open.get_mut(&region) {
            open.marks.push(self.marks.len());
        }
        self.marks.push(mark);
        Ok(())
    }

    /// Makes a block live in its place.
    fn put(&mut self, placement: Placement) {
        let row = self.placements.len();
        let region = self.regions[placement.ground].region;
        let open = self.open.entry(region).or_default();
        let start = placement.extent.start().unwrap_or_default();
        open.by_place.insert((start, placement.block), row);
        open.by_block.insert(placement.block, row);
        self.bytes += placement.extent.size;
        self.blocks += 1;
        self.placements.push(placement);
    }

    /// Ends a block in its place.
    fn take(&mut self, now: usize, row: usize, death: Death) {
        let placement = &mut self.placements[row];
        placement.died = Some((now, death));
        self.bytes -= placement.extent.size;
        self.blocks -= 1;
        let region = self.regions[placement.ground].region;
        let start = placement.extent.start().unwrap_or_default();
        let block = placement.block;
        if let Some(open) = self.open.get_mut(&region) {
            open.by_place.remove(&(start, block));
            open.by_block.remove(&block);
        }
        self.gone.insert((region, block), row);
    }

    fn open(&self, region: RegionId) -> Result<&Open, Misfit> {
        let gone = || self.ended.get(&region).copied();
        let open = self.open.get(&region);
        open.ok_or_else(|| Misfit::UnknownRegion {
            region,
            gone: gone(),
        })
    }

    /// The row of a region, also if it has ended: its bytes may still be looked at.
    fn know(&self, region: RegionId) -> Result<usize, Misfit> {
        let unknown = self.open(region).map(|open| open.ground);
        unknown.or_else(|misfit| {
            let there = self.ended.contains_key(&region);
            let row = self.ground_at(region, usize::MAX).filter(|_| there);
            row.ok_or(misfit)
        })
    }

    fn find(&self, region: RegionId, block: BlockId) -> Result<usize, Misfit> {
        let found = self.open(region)?.by_block.get(&block);
        let gone = || {
            let row = *self.gone.get(&(region, block))?;
            self.placements[row].died.map(|(event, _)| event)
        };
        found.copied().ok_or_else(|| Misfit::UnknownBlock {
            region,
            block,
            gone: gone(),
        })
    }

    /// Make sure that so many bytes more can be live.
    fn check_sum(&self, more: u64) -> Result<(), Misfit> {
        let live = self.bytes;
        let sum = live.checked_add(more);
        sum.map(drop).ok_or(Misfit::TooMany { live, more })
    }

    fn check_extent(&self, ground: usize, block: BlockId, extent: Extent) -> Result<(), Misfit> {
        let Ground { region, size, .. } = self.regions[ground];
        let bound = if size == 0 { u64::MAX } else { size };
        match (extent.start(), extent.end()) {
            (Some(_), Some(end)) if end <= bound => Ok(()),
            _ => Err(Misfit::OutsideOfRegion {
                region,
                block,
                extent,
                size,
            }),
        }
    }
}

#[cfg(test)]
mod tests;

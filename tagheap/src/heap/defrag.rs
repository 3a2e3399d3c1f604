//! Moving HEAD blocks together.

use crate::control::State;
use crate::engine::{Compaction, Offer, Verdict};
use crate::error::Error;
use crate::fit::{DWORD, HEADER};
use crate::heap::TagHeap;
use crate::stats::Fragmentation;

/// What a defragmentation did, and whether it was worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefragReport {
    /// How many blocks were moved.
    pub moves: usize,
    /// The bytes of their payloads.
    pub bytes: usize,
    /// How many moves the callback vetoed.
    pub vetoes: usize,
    /// How many blocks could have moved, but are pinned.
    pub pinned: usize,
    /// Whether the end was reached; a step may stop before.
    pub finished: bool,
    /// The free space before.
    pub before: Fragmentation,
    /// The free space after.
    pub after: Fragmentation,
}

/// What a defragmentation would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefragPlan {
    /// How many blocks would move.
    pub moves: usize,
    /// The bytes of their payloads.
    pub bytes: usize,
    /// How many moves would be vetoed.
    pub vetoes: usize,
    /// How many blocks could move, but are pinned.
    pub pinned: usize,
    /// The free space now.
    pub before: Fragmentation,
    /// The free space then.
    pub after: Fragmentation,
}

impl TagHeap<'_> {
    /// Move HEAD blocks down over the free space below them, as far as the callback lets them.
    ///
    /// Each block that has free space right below it is offered, from the bottom up. On
    /// [`Verdict::Move`] it is moved at once; on [`Verdict::Veto`] it stays, and the walk goes on above
    /// it. TAIL blocks never move, pinned ones are not offered. Free space never shrinks. An aligned
    /// block goes to the lowest address that is aligned too and leaves below it nothing, or a free block
    /// of 16 bytes where as much is gained above.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] from within a callback; [`Error::Smashed`] or [`Error::Corrupt`], with
    /// blocks below moved and that one not.
    ///
    /// # Panics
    ///
    /// If the callback does. The heap is whole then, and the block that was offered not moved.
    pub fn defrag(&self, mut decide: impl FnMut(&Offer) -> Verdict) -> Result<DefragReport, Error> {
        self.cursor.set(0);
        self.slide(usize::MAX, &mut decide)
    }

    /// Move some blocks, going on where the last step stopped: for use once a frame.
    ///
    /// It stops when so many bytes are spent: each block that is offered costs its header, 24 bytes, and
    /// each that moves its payload. So a step moves at most one block more than the budget allows.
    /// [`DefragReport::finished`] says that the end was reached; the next step starts from the bottom.
    ///
    /// # Errors
    ///
    /// As [`defrag`](Self::defrag).
    ///
    /// # Panics
    ///
    /// As [`defrag`](Self::defrag).
    pub fn defrag_step(
        &self,
        budget: usize,
        mut decide: impl FnMut(&Offer) -> Verdict,
    ) -> Result<DefragReport, Error> {
        self.slide(budget, &mut decide)
    }

    fn slide(
        &self,
        budget: usize,
        decide: &mut dyn FnMut(&Offer) -> Verdict,
    ) -> Result<DefragReport, Error> {
        let busy = self.occupy()?;
        let before = self.fragmentation();
        self.changed();
        let done = self.core.compact(self.cursor.get(), budget, decide)?;
        drop(busy);
        let Compaction {
            moves,
            bytes,
            vetoes,
            pinned,
            stopped_at,
        } = done;
        self.cursor.set(stopped_at.unwrap_or(0));
        Ok(DefragReport {
            moves,
            bytes,
            vetoes,
            pinned,
            finished: stopped_at.is_none(),
            before,
            after: self.fragmentation(),
        })
    }

    /// Say what [`defrag`](Self::defrag) would do and gain with these decisions, before a byte moves.
    ///
    /// # Errors
    ///
    /// As [`defrag`](Self::defrag).
    ///
    /// # Panics
    ///
    /// If the callback does.
    pub fn defrag_plan(
        &self,
        mut decide: impl FnMut(&Offer) -> Verdict,
    ) -> Result<DefragPlan, Error> {
        let _busy = self.occupy()?;
        let before = self.fragmentation();
        let plan = self.core.plan(&mut decide)?;
        let above = self.largest_above()?;
        let head_free = plan.free as usize * DWORD;
        let holes_above = before.free.saturating_sub(self.count_free_head());
        let blocks_above = self.free_blocks_above()?;
        let between = plan.between.map_or(0, |size| size as usize * DWORD);
        Ok(DefragPlan {
            moves: plan.compaction.moves,
            bytes: plan.compaction.bytes,
            vetoes: plan.compaction.vetoes,
            pinned: plan.compaction.pinned,
            before,
            after: Fragmentation {
                free: head_free + holes_above,
                largest_free: (plan.largest as usize * DWORD).max(above),
                holes: plan.free_blocks as usize + blocks_above
                    - usize::from(plan.between.is_some()),
                bytes_in_holes: head_free + holes_above - between,
            },
        })
    }

    /// The bytes of the largest free block above the lowest TAIL block. O(holes between TAIL blocks).
    fn largest_above(&self) -> Result<usize, Error> {
        let mut largest = 0;
        self.visit_free_above(|size| largest = largest.max(size))?;
        Ok(largest)
    }

    fn free_blocks_above(&self) -> Result<usize, Error> {
        let mut blocks = 0;
        self.visit_free_above(|_| blocks += 1)?;
        Ok(blocks)
    }

    fn visit_free_above(&self, mut visit: impl FnMut(usize)) -> Result<(), Error> {
        let last = self.core.blocks.last();
        let mut from = self.core.control.get(State::LowestTail);
        while let Some((at, header)) = self.core.free_from(from, last)? {
            visit(header.size as usize * DWORD);
            from = at + HEADER + header.size;
        }
        Ok(())
    }
}

//! How the driver judges: what no caller of it needs to see.

use std::alloc::Layout;

use super::{Answer, Broken, Deed, Driver, Held, Watch};
use crate::edges;
use crate::fill;
use crate::program::NewAlign;
use crate::subject::{Capacity, Moves, OVERHEAD_LEN, Realign, Refused, Rewind, Subject, ZeroSize};
use crate::violation::{Block, BlockId, Violation};

impl<S: Subject> Driver<S> {
    /// Chooses a live block that may be changed now.
    pub(super) fn pick(&self, block: usize) -> Option<BlockId> {
        let index = block.checked_rem(self.held.len())?;
        let (&id, _) = self.held.iter().nth(index)?;
        match self.scopes.last() {
            Some(scope) if self.promises.rewind == Rewind::OlderBlocksRest => {
                (id >= scope.mark).then_some(id)
            }
            _ => Some(id),
        }
    }

    pub(super) fn block(&self, id: BlockId) -> Block {
        match self.held.get(&id) {
            Some(held) => held.block,
            None => panic!("block {id} is not live"),
        }
    }

    pub(super) fn askable(&self, layout: Layout) -> Layout {
        let least = usize::from(self.promises.zero_size == ZeroSize::NotAsked);
        let align = layout.align().min(self.promises.max_align);
        edges::layout(layout.size().max(least), align)
    }

    pub(super) fn changed_layout(&self, old: &Block, size: usize, align: NewAlign) -> Layout {
        let align = match (align, self.promises.realign) {
            (NewAlign::To(align), Realign::Allowed) => align,
            _ => old.layout.align(),
        };
        // A larger align may lower the largest size, but never below a size in use.
        self.askable(edges::layout(size, align))
    }

    /// Judges what an operation did to everything else, around `verdict` on itself.
    pub(super) fn judged<T>(
        &mut self,
        verdict: impl FnOnce(&mut Self) -> Result<T, Violation>,
    ) -> Result<T, Broken> {
        let judge = |driver: &mut Self| {
            driver.oracle.set_ranges(driver.subject.ranges());
            driver.follow_moves()?;
            let outcome = verdict(driver)?;
            if driver.watch == Watch::EveryOperation {
                driver.verify_all()?;
            }
            driver.compare_live()?;
            let report = driver.subject.check();
            report.map_err(|report| Violation::CheckFailed { report })?;
            Ok(outcome)
        };
        judge(self).map_err(|violation| self.broken(violation))
    }

    pub(super) fn follow_moves(&mut self) -> Result<(), Violation> {
        let mut moves = Vec::new();
        for held in self.held.values_mut().filter(|held| held.block.usable > 0) {
            let now = self.subject.address(&held.handle).addr().get();
            if now != held.block.address {
                moves.push((held.block, now));
                held.block.address = now;
            }
        }
        let allowed = match self.promises.moves {
            Moves::Never => false,
            Moves::OnDefrag => self.deed == Deed::Defrag,
            Moves::Anytime => true,
        };
        match moves.first() {
            Some(&(block, to)) if !allowed => Err(Violation::Moved { block, to }),
            _ => self.oracle.relocate(&moves),
        }
    }

    pub(super) fn compare_live(&self) -> Result<(), Violation> {
        let counts = |held: &&Held<S::Handle>| held.block.usable > 0;
        let oracle = self.held.values().filter(counts).count();
        match self.subject.live() {
            Some(subject) if subject != oracle => Err(Violation::LiveCount { subject, oracle }),
            _ => Ok(()),
        }
    }

    pub(super) fn refused(&self, layout: Layout) -> Result<Answer, Violation> {
        let promised = match self.promises.capacity {
            Capacity::Fixed { room } => room,
            Capacity::Open => edges::IMPOSSIBLE_LEN,
        };
        let asked = match self.promises.capacity {
            Capacity::Fixed { .. } => self.asked,
            Capacity::Open => 0,
        };
        if asked.saturating_add(cost(layout)) <= promised {
            Err(Violation::Refused { layout, asked })
        } else {
            Ok(Answer::Refused)
        }
    }

    /// Lets the oracle judge a new block, and holds it.
    pub(super) fn admit(&mut self, handle: S::Handle, layout: Layout) -> Result<Block, Violation> {
        let address = self.subject.address(&handle).addr().get();
        if layout.size() > edges::IMPOSSIBLE_LEN {
            return Err(Violation::ServedImpossible { layout, address });
        }
        let usable = match (layout.size(), self.promises.zero_size) {
            (0, ZeroSize::Distinct) => self.subject.usable(&handle, layout).max(1),
            (0, ZeroSize::Anywhere | ZeroSize::NotAsked) => 0,
            _ => self.subject.usable(&handle, layout),
        };
        let id = self.oracle.alloc_usable(address, layout, usable)?;
        let block = Block {
            id,
            address,
            layout,
            usable,
        };
        self.held.insert(id, Held { handle, block });
        self.asked = self.asked.saturating_add(cost(layout));
        Ok(block)
    }

    /// Judges what grow or shrink made of a block.
    pub(super) fn succeed(
        &mut self,
        old: &Block,
        new: Layout,
        outcome: Result<S::Handle, Refused>,
    ) -> Result<Succession, Violation> {
        let Ok(handle) = outcome else {
            // The block must still be what it was, whenever it is looked at otherwise.
            self.verify(&self.block(old.id))?;
            return self.refused(new).map(|_| Succession::Refused);
        };
        self.admit(handle, new).map(Succession::To)
    }

    /// Drops a block whose successor was served: its handle must not be used again, not
    /// even to ask where it is.
    pub(super) fn forget_if_served(&mut self, old: &Block, outcome: &Result<S::Handle, Refused>) {
        if outcome.is_ok() {
            self.forget(old);
        }
    }

    pub(super) fn forget(&mut self, block: &Block) -> Option<Held<S::Handle>> {
        let held = self.held.remove(&block.id)?;
        self.oracle.retire(&held.block);
        Some(held)
    }

    pub(super) fn fill(&mut self, block: &Block) {
        let payload = self.subject.address(&self.held[&block.id].handle);
        // SAFETY: the oracle has passed the block, and `Subject` vouches for what it passes.
        unsafe { fill::write(payload, block) };
    }

    pub(super) fn verify_all(&self) -> Result<(), Violation> {
        self.held
            .values()
            .try_for_each(|held| self.verify(&held.block))
    }

    pub(super) fn verify(&self, block: &Block) -> Result<(), Violation> {
        self.verify_as(block, block, block.layout.size())
    }

    /// Compares `len` bytes of a live block with what was written to `written`.
    pub(super) fn verify_as(
        &self,
        block: &Block,
        written: &Block,
        len: usize,
    ) -> Result<(), Violation> {
        let payload = self.subject.address(&self.held[&block.id].handle);
        // SAFETY: the oracle has passed the block, `len` is not more than its size, and
        // the suite has written to it, or the subject has carried over what was written.
        unsafe { fill::verify(payload, written, len) }
    }

    pub(super) fn verify_zero(&self, block: &Block, from: usize) -> Result<(), Violation> {
        let payload = self.subject.address(&self.held[&block.id].handle);
        let range = from.min(block.layout.size())..block.layout.size();
        // SAFETY: the oracle has passed the block, and the subject says it is zeroed.
        unsafe { fill::verify_zero(payload, block, range) }
    }
}

pub(super) enum Succession {
    To(Block),
    Refused,
}

/// What a request takes from the promised room.
fn cost(layout: Layout) -> usize {
    layout
        .size()
        .saturating_add(layout.align())
        .saturating_add(OVERHEAD_LEN)
}

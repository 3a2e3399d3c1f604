//! What is known of all blocks together: read once, changed, and written once by each operation.

use crate::control::{Control, State};
use crate::fit::{Fit, HEADER};
use crate::header::NONE;
use crate::tag::Side;

/// The first dwords of the state, in their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    lowest_tail: u32,
    highest_head: u32,
    free: u32,
    free_head: u32,
    free_blocks: u32,
    live: u32,
}

impl Counts {
    /// A block is free now; which side it counts for depends on the bounds as they are.
    #[inline]
    pub(crate) fn add_free(&mut self, at: u32, size: u32) {
        self.free = self.free.wrapping_add(size);
        self.free_blocks = self.free_blocks.wrapping_add(1);
        if at < self.lowest_tail {
            self.free_head = self.free_head.wrapping_add(size);
        }
    }

    /// A free block is gone; to be said before the bounds change.
    #[inline]
    pub(crate) fn take_free(&mut self, at: u32, size: u32) {
        self.free = self.free.wrapping_sub(size);
        self.free_blocks = self.free_blocks.wrapping_sub(1);
        if at < self.lowest_tail {
            self.free_head = self.free_head.wrapping_sub(size);
        }
    }

    /// A live block was carved from the free one at `at`, a gap left below it or above or both.
    ///
    /// HEAD takes from the free space below all TAIL blocks, and so does TAIL if it goes lower than before; what is
    /// left above such a block is no longer HEAD's.
    #[inline]
    pub(crate) fn carve(&mut self, at: u32, fit: &Fit, side: Side) {
        let (front, rest) = (payload_of(fit.front), payload_of(fit.rest));
        let whole = fit.front + fit.size + fit.rest;
        let left = front + rest;
        let pieces = u32::from(fit.front != 0) + u32::from(fit.rest != 0);
        self.free = self.free.wrapping_add(left).wrapping_sub(whole);
        self.free_blocks = self.free_blocks.wrapping_add(pieces).wrapping_sub(1);
        if at < self.lowest_tail {
            let left = if side == Side::Head { left } else { front };
            self.free_head = self.free_head.wrapping_add(left).wrapping_sub(whole);
        }
        self.add_live(fit.at, side);
    }

    /// A block is live now: it may be the outermost of its side.
    #[inline]
    fn add_live(&mut self, at: u32, side: Side) {
        self.live = self.live.wrapping_add(1);
        match side {
            Side::Head if self.highest_head == NONE || at > self.highest_head => {
                self.highest_head = at;
            }
            Side::Tail if at < self.lowest_tail => self.lowest_tail = at,
            _ => {}
        }
    }

    /// A live block is gone. If it was the outermost of its side, the next one is now: beyond the free
    /// space around it lies a block of its side, or none.
    #[inline]
    pub(crate) fn take_live(&mut self, at: u32, behind: u32, previous: u32) {
        self.live = self.live.wrapping_sub(1);
        if at == self.lowest_tail {
            self.lowest_tail = behind;
        }
        if at == self.highest_head {
            self.highest_head = previous;
        }
    }

    /// A HEAD block is somewhere else now.
    pub(crate) fn move_live(&mut self, from: u32, to: u32) {
        if self.highest_head == from {
            self.highest_head = to;
        }
    }
}

/// The payload of a free block of so many dwords in all, if there is one.
#[inline]
fn payload_of(dwords: u32) -> u32 {
    dwords.saturating_sub(HEADER)
}

impl Control {
    /// Read the counts.
    #[inline]
    pub(crate) fn counts(&self) -> Counts {
        let dwords = self.words.read(State::LowestTail as u32);
        let [
            lowest_tail,
            highest_head,
            free,
            free_head,
            free_blocks,
            live,
        ] = dwords.unwrap_or_default();
        Counts {
            lowest_tail,
            highest_head,
            free,
            free_head,
            free_blocks,
            live,
        }
    }

    /// Write them.
    #[inline]
    pub(crate) fn set_counts(&self, counts: &Counts) {
        let dwords = [
            counts.lowest_tail,
            counts.highest_head,
            counts.free,
            counts.free_head,
            counts.free_blocks,
            counts.live,
        ];
        self.words.write(State::LowestTail as u32, dwords);
    }

    /// Change them.
    #[inline]
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts();
        change(&mut counts);
        self.set_counts(&counts);
    }
}

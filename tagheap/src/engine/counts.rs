//! What is known of all blocks together, changed with each of them.

use crate::control::{Control, State};
use crate::fit::{Fit, payload_of};
use crate::tag::Side;

impl Control {
    /// A block is free now; which side it counts for depends on the bounds as they are.
    pub(crate) fn add_free(&self, at: u32, size: u32) {
        self.add(State::Free, size);
        self.add(State::FreeBlocks, 1);
        if at < self.get(State::LowestTail) {
            self.add(State::FreeHead, size);
        }
    }

    /// A free block is gone; to be said before the bounds change.
    pub(crate) fn take_free(&self, at: u32, size: u32) {
        self.add(State::Free, size.wrapping_neg());
        self.add(State::FreeBlocks, u32::MAX);
        if at < self.get(State::LowestTail) {
            self.add(State::FreeHead, size.wrapping_neg());
        }
    }

    /// A HEAD block is somewhere else now.
    pub(crate) fn move_live(&self, from: u32, to: u32) {
        if self.get(State::HighestHead) == from {
            self.set(State::HighestHead, to);
        }
    }

    /// A live block was carved from the free one at `at`, a gap left below it or above or both.
    ///
    /// HEAD takes from the free space below all TAIL blocks, and so does TAIL if it goes lower than before; what is
    /// left above such a block is no longer HEAD's.
    #[inline(always)]
    pub(crate) fn count_carved(&self, at: u32, fit: &Fit, side: Side) {
        let (front, rest) = (payload_of(fit.front), payload_of(fit.rest));
        let whole = fit.front + fit.size + fit.rest;
        let pieces = u32::from(fit.front != 0) + u32::from(fit.rest != 0);
        self.add(State::Free, (front + rest).wrapping_sub(whole));
        self.add(State::FreeBlocks, pieces.wrapping_sub(1));
        self.add(State::Live, 1);
        let lowest_tail = self.get(State::LowestTail);
        match side {
            Side::Head => {
                self.add(State::FreeHead, (front + rest).wrapping_sub(whole));
                // NONE is the greatest number, and one less than the least.
                if fit.at >= self.get(State::HighestHead).wrapping_add(1) {
                    self.set(State::HighestHead, fit.at);
                }
            }
            Side::Tail if at < lowest_tail => {
                self.add(State::FreeHead, front.wrapping_sub(whole));
                self.set(State::LowestTail, fit.at);
            }
            Side::Tail => {}
        }
    }

    /// A live block became free space.
    ///
    /// If it was the outermost of its side, the next one is now: beyond the free space around it lies a
    /// block of its side, or none.
    #[inline(always)]
    pub(crate) fn count_freed(&self, at: u32, freed: &Coalesced) {
        let recovered = freed.recovered;
        self.add(State::Free, recovered);
        self.add(State::FreeBlocks, 1_u32.wrapping_sub(freed.headers_gone));
        self.add(State::Live, u32::MAX);
        let lowest_tail = self.get(State::LowestTail);
        if at < lowest_tail {
            self.add(State::FreeHead, recovered);
        } else if at == lowest_tail {
            // What was free above it is HEAD's now, too.
            self.add(State::FreeHead, recovered.wrapping_add(freed.above));
            self.set(State::LowestTail, freed.behind);
        }
        if at == self.get(State::HighestHead) {
            self.set(State::HighestHead, freed.previous);
        }
    }
}

/// What a live block that is gone leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coalesced {
    /// Dwords that free blocks have more.
    pub(crate) recovered: u32,
    /// Headers of free blocks that are gone.
    pub(crate) headers_gone: u32,
    /// Dwords of the free block that was above it.
    pub(crate) above: u32,
    /// The live block below the free space, or NONE.
    pub(crate) previous: u32,
    /// The block above it.
    pub(crate) behind: u32,
}

//! Asking for headers before defragmentation comes to them.

use crate::control::Core;
use crate::header::NONE;

/// How many blocks it is ahead at most.
const AHEAD: u32 = 8;

/// How many it goes at once: more than the two that a block and the free space above it are, and few enough
/// that the headers it reads have come.
const STRIDE: u32 = 3;

/// Dwords of a block that takes so long to copy that a header arrives meanwhile. What is behind a smaller one
/// the processor fetches by itself, as it reads on.
const WORTHWHILE: u32 = 128;

/// Goes ahead of a defragmentation from header to header, and lets the processor fetch what will be read.
///
/// What it reads is believed for this only.
pub(crate) struct Scout {
    /// The block whose header was asked for last.
    at: u32,
    /// How many blocks that is ahead.
    ahead: u32,
}

impl Scout {
    pub(crate) fn new() -> Self {
        Self { at: 0, ahead: 0 }
    }

    /// Defragmentation came to another block.
    #[inline]
    pub(crate) fn fall_back(&mut self) {
        self.ahead = self.ahead.saturating_sub(1);
    }

    /// Defragmentation is about to move this block, of so many dwords: go ahead of it.
    #[inline]
    pub(crate) fn advance(&mut self, core: &Core, here: u32, size: u32) {
        if size < WORTHWHILE {
            return;
        }
        if self.at <= here {
            *self = Self { at: here, ahead: 0 };
        }
        for _ in 0..STRIDE {
            if self.ahead >= AHEAD {
                return;
            }
            self.step(core);
        }
    }

    /// Ask for what the block here leads to, and go to the next.
    #[inline]
    fn step(&mut self, core: &Core) {
        let Some(spot) = core.blocks.spot(self.at) else {
            return;
        };
        let Some(next) = core.blocks.spot(spot.end(core.blocks.size(spot))) else {
            return;
        };
        core.blocks.0.fetch(next.at(), 0);
        for link in core.blocks.tag_links(spot) {
            if link != NONE {
                core.blocks.0.fetch(link, 0);
            }
        }
        core.control.fetch_granule(spot.granule());
        self.at = next.at();
        self.ahead += 1;
    }
}

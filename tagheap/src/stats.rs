//! How much is free, and in what shape.

use crate::control::State;
use crate::error::Damage;
use crate::fit::DWORD;
use crate::heap::TagHeap;

/// The shape of free space: external fragmentation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fragmentation {
    /// The bytes in all free blocks, headers not counted.
    pub free: usize,
    /// The bytes of the largest one: what a single request can have.
    pub largest_free: usize,
    /// How many free blocks lie among the blocks of one side: all but the one between the sides.
    pub holes: usize,
    /// The bytes in these.
    pub bytes_in_holes: usize,
}

impl Fragmentation {
    /// Return the share of the free bytes that the largest free block has: 1 is not fragmented, near 0
    /// is much free space and no room. 1 if nothing is free.
    #[must_use]
    pub fn largest_share(&self) -> f64 {
        if self.free == 0 {
            return 1.0;
        }
        self.largest_free as f64 / self.free as f64
    }
}

impl TagHeap<'_> {
    /// Measure the shape of free space. O(1).
    #[must_use]
    pub fn fragmentation(&self) -> Fragmentation {
        let free = self.free_bytes();
        let between = self.between_sides();
        let blocks = self.core.control.get(State::FreeBlocks) as usize;
        Fragmentation {
            free,
            largest_free: self.largest_free(),
            holes: blocks.saturating_sub(usize::from(between.is_some())),
            bytes_in_holes: free.saturating_sub(between.unwrap_or(0)),
        }
    }

    /// The bytes of the free block that both sides can grow into.
    fn between_sides(&self) -> Option<usize> {
        let blocks = self.core.blocks;
        let tail = blocks.spot(self.core.control.get(State::LowestTail))?;
        let below = blocks.below::<Damage>(tail, blocks.previous(tail)).ok()??;
        below.is_free.then_some(below.header.size as usize * DWORD)
    }
}

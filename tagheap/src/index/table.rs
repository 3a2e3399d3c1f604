//! The index beside the blocks: a table of granules.
//!
//! The block area is cut into granules of 256 bytes. Two things are known of each: the largest free
//! block whose header lies in it, and the first block of any kind that starts in it. Over the
//! first stands a tree of maxima, sixteen to one; a search for `need` dwords goes down the first (or
//! the last) branch that is large enough, and so finds the free block with the lowest (the highest)
//! address: first fit, in six steps for a gigabyte. The second tells for any address which block it
//! is in: from the first block of its granule it is at most nine headers away. That makes the
//! checks of pointers exact.
//!
//! Per granule that is 4 + 4/15 + 1 bytes: less than 1/48 of the block area.

use crate::control::{Control, Core};
use crate::error::Damage;
use crate::header::{Blocks, Glance, Header};
use crate::spot::{Granule, Spot};

mod find;
mod keep;
mod lanes;
mod tree;

pub(crate) use tree::Tree;

/// Dwords in a granule.
pub(crate) const GRANULE: u32 = 64;

/// What stands where no block starts in a granule: a place beyond it.
pub(crate) const NO_START: u32 = 0xff;

/// The index that heaps have by default.
///
/// A heap without a table has no granules. `Find::lowest` finds nothing there; nothing else of this reads in
/// such a heap, for there is no byte and no node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table;

/// Cache lines to either side of a header in which its neighbours' headers are, if neither is large.
const FETCHED: [i32; 9] = [0, 1, -1, 2, -2, 3, -3, 4, -4];

/// Dwords of a block area that is not in the nearer caches anyway.
const LARGE: u32 = 1 << 18;

impl Control {
    /// The granule of this number, if there is one.
    #[inline]
    pub(crate) fn granule(&self, number: u32) -> Option<Granule> {
        let exists = number < self.geometry.tree.granules();
        // SAFETY: there are more.
        exists.then(|| unsafe { Granule::new(number) })
    }

    /// Let the processor fetch what is known of a granule.
    #[inline(always)]
    pub(crate) fn fetch_granule(&self, granule: Granule) {
        let (geometry, number) = (&self.geometry, granule.number());
        self.words.fetch(geometry.starts + number / 4, 0);
        self.words.fetch(geometry.tree.granules_at() + number, 0);
    }

    /// The granules up to the one that a dword is in, from the lowest.
    pub(crate) fn granules_to(&self, dword: u32) -> impl DoubleEndedIterator<Item = Granule> {
        let numbers = 0..self.geometry.tree.granules().min(dword / GRANULE + 1);
        numbers.filter_map(|number| self.granule(number))
    }

    /// The dword at which the first block of a granule starts, or one beyond the granule if none does.
    #[inline(always)]
    pub(crate) fn first_or_beyond(&self, granule: Granule) -> u32 {
        // SAFETY: the table has a byte for each granule, and this heap has a table.
        let at = unsafe {
            self.words
                .byte_unchecked(self.geometry.starts, granule.number())
        };
        // SAFETY: the byte is ours, and initialised.
        granule.base() + u32::from(unsafe { at.read() })
    }

    /// The first block that starts in a granule.
    #[inline]
    pub(crate) fn first_in(&self, granule: Granule) -> Option<u32> {
        let first = self.first_or_beyond(granule);
        granule.holds(first).then_some(first)
    }

    #[inline(always)]
    pub(crate) fn set_first_in(&self, granule: Granule, first: Option<u32>) {
        let place = first.map_or(NO_START, |at| at % GRANULE);
        // SAFETY: the table has a byte for each granule, and this heap has a table.
        let at = unsafe {
            self.words
                .byte_unchecked(self.geometry.starts, granule.number())
        };
        // SAFETY: the byte is ours, and no reference to it exists.
        unsafe { at.write(place as u8) };
    }

    /// A block starts at `at` now, and none between `below`, where another does, and `at`.
    ///
    /// It is the first of its granule if that other one is in a granule below.
    #[inline(always)]
    pub(crate) fn note_start(&self, at: Spot, below: Spot) {
        if at.granule() != below.granule() {
            self.set_first_in(at.granule(), Some(at.at()));
        }
    }

    /// No block starts at `at` any more, nor anywhere else between `below` and `behind`, where blocks do.
    #[inline(always)]
    pub(crate) fn forget_start(&self, at: Spot, below: Spot, behind: Spot) {
        let granule = at.granule();
        if granule != below.granule() {
            let heir = (behind.granule() == granule).then_some(behind.at());
            self.set_first_in(granule, heir);
        }
    }
}

/// The blocks that start in one granule, lowest first.
pub(crate) struct InGranule {
    blocks: Blocks,
    next: Option<u32>,
    granule: Granule,
}

impl Iterator for InGranule {
    type Item = Result<Glance, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next.take()?;
        let glance = self.blocks.glance(at);
        if let Ok(Glance { next, .. }) = glance
            && self.granule.holds(next)
        {
            self.next = Some(next);
        }
        Some(glance)
    }
}

impl Core {
    #[inline]
    pub(crate) fn in_granule(&self, granule: Granule) -> InGranule {
        InGranule {
            blocks: self.blocks,
            next: self.control.first_in(granule),
            granule,
        }
    }

    /// Find the largest free block that starts in a granule, from a block on that does or lies above.
    ///
    /// What is damaged ends the search; whoever uses a block looks at it in full before.
    #[inline(always)]
    pub(crate) fn largest_from(&self, at: Spot, granule: Granule) -> u32 {
        let mut largest = 0;
        let mut at = at;
        while granule.holds(at.at()) {
            let size = self.blocks.size(at);
            if size > largest && self.blocks.is_free(at) {
                largest = size;
            }
            let Some(next) = self.blocks.spot(at.end(size)) else {
                break;
            };
            at = next;
        }
        largest
    }

    /// Look again which free block of a granule is the largest, the one at `left_out` not counted.
    ///
    /// What is damaged ends the search, as it does that of `largest_from`: headers are written by now.
    pub(crate) fn refresh_without(&self, granule: Granule, left_out: u32) {
        let sound = self.in_granule(granule).map_while(Result::ok);
        let others = sound.filter(|block| block.at != left_out);
        let largest = others.map(|block| block.free).max().unwrap_or(0);
        self.control.set_largest_in(granule, largest);
    }

    /// Let the processor fetch what freeing a block here will look at, as far as the place alone tells: all
    /// at once, where one thing would lead to the next.
    #[inline(always)]
    pub(crate) fn fetch_near(&self, at: Spot) {
        if self.control.geometry.dwords < LARGE {
            return;
        }
        self.control.fetch_granule(at.granule());
        for line in FETCHED {
            self.blocks.0.fetch(at.at(), line);
        }
    }

    /// Let the processor fetch what a header leads to.
    #[inline(always)]
    pub(crate) fn fetch_around(&self, at: Spot, header: &Header) {
        if self.control.geometry.dwords < LARGE {
            return;
        }
        let [before, behind] = header.links;
        let above = at.end(header.size) as u32;
        for place in [header.previous, before, behind, above] {
            self.blocks.0.fetch(place, 0);
        }
    }
}

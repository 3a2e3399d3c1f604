//! The obvious implementation: one linked list, and a walk for everything.
//!
//! It has the rules of [`TagHeap`](crate::TagHeap) and none of its code but tags and errors, so that
//! tests can compare the two block for block, and the bench can show what the walk costs. Not for use:
//! it believes every place it is given.
//!
//! ```text
//!  dword  0 previous | 1 next | 2 size | 3 tag | 4 align | 5 bytes asked for
//! ```

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use crate::{Coalescing, Error, Freed, Side, Tag, TagsFreed};

const HEADER: usize = 6;
const NOWHERE: u32 = u32::MAX;
const FREE: u32 = 0x7fff;

/// A heap that walks.
#[derive(Debug, Clone)]
pub struct Walker {
    words: Vec<u32>,
}

/// A block as a walk finds it: header, tag bits, size and request, in bytes.
pub type Link = (usize, u16, usize, usize);

impl Walker {
    /// Make a heap with so many bytes for blocks.
    ///
    /// # Panics
    ///
    /// If that is less than two headers and 16 bytes.
    #[must_use]
    pub fn new(len: usize) -> Self {
        assert!(len >= 64, "{len} bytes are no heap");
        let mut walker = Self {
            words: vec![0; len / 4],
        };
        let last = walker.last();
        walker.write(0, NOWHERE, last as u32, last - HEADER);
        walker.write(last, 0, NOWHERE, 0);
        walker
    }

    /// Allocate; returns where the payload is, in bytes from the base.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`].
    pub fn alloc(&mut self, size: usize, align: usize, tag: Tag) -> Result<usize, Error> {
        let need = size.max(1).div_ceil(4);
        let align = align.max(4) / 4;
        let found = match tag.side() {
            Side::Head => self.lowest(need, align),
            Side::Tail => self.highest(need, align),
        };
        let Some((at, payload)) = found else {
            return Err(Error::NoRoom {
                requested: size,
                largest_free: self.largest_free(),
            });
        };
        let new = payload - HEADER;
        if new > at {
            self.split(at, new - at - HEADER);
        }
        self.trim(new, need);
        self.words[new + 3] = u32::from(tag.bits());
        self.words[new + 4] = align as u32;
        self.words[new + 5] = size.max(1) as u32;
        Ok(payload * 4)
    }

    fn lowest(&self, need: usize, align: usize) -> Option<(usize, usize)> {
        let mut at = 0;
        while !self.is_tail(at) {
            if let Some(payload) = self.places(at, need, align).next() {
                return Some((at, payload));
            }
            at = self.next(at)?;
        }
        None
    }

    fn highest(&self, need: usize, align: usize) -> Option<(usize, usize)> {
        let mut at = self.last();
        loop {
            at = self.previous(at)?;
            if self.is_live(at) && !self.is_tail(at) {
                return None;
            }
            if let Some(payload) = self.places(at, need, align).next_back() {
                return Some((at, payload));
            }
        }
    }

    /// Every payload that a block could have in a free block, one by one.
    fn places(
        &self,
        at: usize,
        need: usize,
        align: usize,
    ) -> impl DoubleEndedIterator<Item = usize> {
        let (first, size) = (at + HEADER, self.size(at));
        let fits = !self.is_live(at) && size >= need;
        let end = if fits { first + size - need + 1 } else { first };
        (first..end).filter(move |payload| {
            let gap = payload - first;
            payload.is_multiple_of(align) && (gap == 0 || gap >= HEADER + 4)
        })
    }

    /// Free the block whose payload is here.
    pub fn free(&mut self, payload: usize) -> Freed {
        let mut at = payload / 4 - HEADER;
        let mut bytes = self.size(at) * 4;
        self.words[at + 3] = FREE;
        let next = self.next(at).filter(|&next| self.is_free(next));
        if next.is_some() {
            self.join(at);
            bytes += 24;
        }
        let previous = self.previous(at).filter(|&before| self.is_free(before));
        if let Some(before) = previous {
            self.join(before);
            bytes += 24;
            at = before;
        }
        self.clear(at);
        let case = match (previous.is_some(), next.is_some()) {
            (false, false) => Coalescing::Isolated,
            (false, true) => Coalescing::WithNext,
            (true, false) => Coalescing::WithPrevious,
            (true, true) => Coalescing::WithBoth,
        };
        Freed { bytes, case }
    }

    /// Free every block with a tag of a range.
    pub fn free_tags(&mut self, low: Tag, high: Tag) -> TagsFreed {
        let mut freed = TagsFreed::default();
        let range = u32::from(low.bits())..=u32::from(high.bits());
        let first = |walker: &Self| {
            walker
                .offsets()
                .find(|&at| walker.is_live(at) && range.contains(&walker.words[at + 3]))
        };
        while let Some(at) = first(self) {
            freed.bytes += self.free((at + HEADER) * 4).bytes;
            freed.blocks += 1;
        }
        freed
    }

    /// Resize the block whose payload is here; returns where it is then.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`].
    ///
    /// # Panics
    ///
    /// If no live block has its payload here.
    pub fn realloc(&mut self, payload: usize, size: usize) -> Result<usize, Error> {
        let at = payload / 4 - HEADER;
        let (need, old) = (size.max(1).div_ceil(4), self.size(at));
        if need > old {
            let free = self.next(at).filter(|&next| self.is_free(next));
            if free.is_none_or(|next| old + HEADER + self.size(next) < need) {
                let tag = Tag::from_bits(self.words[at + 3] as u16).expect("a live block");
                let new = self.alloc(size, self.words[at + 4] as usize * 4, tag)?;
                self.words
                    .copy_within(at + HEADER..at + HEADER + old, new / 4);
                self.free(payload);
                return Ok(new);
            }
            self.join(at);
            self.trim(at, need);
        }
        self.words[at + 5] = size.max(1) as u32;
        Ok(payload)
    }

    /// Give the block whose payload is here another tag.
    pub fn retag(&mut self, payload: usize, tag: Tag) {
        self.words[payload / 4 - HEADER + 3] = u32::from(tag.bits());
    }

    /// Move HEAD blocks down where `decide` says so, given tag, old and new payload; returns how many.
    ///
    /// # Panics
    ///
    /// If the heap's own structure is broken.
    pub fn defrag(&mut self, mut decide: impl FnMut(Tag, usize, usize) -> bool) -> usize {
        let mut moves = 0;
        let mut at = 0;
        while let Some(next) = self.next(at) {
            let movable = self.is_free(at) && self.is_live(next) && !self.is_tail(next);
            let to = movable.then(|| self.target(at, next)).flatten();
            let tag = Tag::from_bits(self.words[next + 3] as u16);
            match to {
                Some(to) if decide(tag.expect("a live block"), (next + HEADER) * 4, to * 4) => {
                    at = self.shift(at, next, to - HEADER);
                    moves += 1;
                }
                _ => at = next,
            }
        }
        moves
    }

    /// The lowest payload that the block above the free block at `at` can go to.
    fn target(&self, at: usize, block: usize) -> Option<usize> {
        let first = at + HEADER;
        let align = self.words[block + 4] as usize;
        let above = self.next(block).is_some_and(|above| self.is_free(above));
        (first..block + HEADER).find(|payload| {
            let gap = payload - first;
            payload.is_multiple_of(align) && (gap == 0 || gap >= HEADER + 4 && above)
        })
    }

    /// Move a block down to `to`; returns the free block that is above it then.
    fn shift(&mut self, free: usize, block: usize, to: usize) -> usize {
        let size = self.size(block);
        let mut end = block + HEADER + size;
        let before = if to == free {
            self.words[free]
        } else {
            // Free space above is joined first: what stays below takes a header of its own.
            end += HEADER + self.size(end);
            self.write(free, self.words[free], to as u32, to - free - HEADER);
            free as u32
        };
        let fields = [3, 4, 5].map(|field| self.words[block + field]);
        let payload = block + HEADER;
        self.words.copy_within(payload..payload + size, to + HEADER);
        let rest = to + HEADER + size;
        self.write(to, before, rest as u32, size);
        for (field, value) in (3..).zip(fields) {
            self.words[to + field] = value;
        }
        self.write(rest, to as u32, end as u32, end - rest - HEADER);
        self.words[end] = rest as u32;
        if self.is_free(end) {
            self.join(rest);
        }
        rest
    }

    /// Every block, LASTBLOCK included.
    #[must_use]
    pub fn chain(&self) -> Vec<Link> {
        let link = |at: usize| {
            let [tag, requested] = [3, 5].map(|field| self.words[at + field]);
            (at * 4, tag as u16, self.size(at) * 4, requested as usize)
        };
        self.offsets().map(link).collect()
    }

    /// Bytes in free blocks below the lowest TAIL block.
    #[must_use]
    pub fn count_free_head(&self) -> usize {
        let below_tail = self.offsets().take_while(|&at| !self.is_tail(at));
        below_tail
            .filter(|&at| !self.is_live(at))
            .map(|at| self.size(at) * 4)
            .sum()
    }

    /// Bytes of the largest free block.
    #[must_use]
    pub fn largest_free(&self) -> usize {
        let free = self.offsets().filter(|&at| !self.is_live(at));
        free.map(|at| self.size(at) * 4).max().unwrap_or(0)
    }

    /// The dwords of a payload, slack included.
    #[must_use]
    pub fn payload(&self, payload: usize) -> &[u32] {
        let at = payload / 4 - HEADER;
        &self.words[at + HEADER..][..self.size(at)]
    }

    /// The dwords of a payload, slack included.
    pub fn payload_mut(&mut self, payload: usize) -> &mut [u32] {
        let at = payload / 4 - HEADER;
        let size = self.size(at);
        &mut self.words[at + HEADER..][..size]
    }

    fn offsets(&self) -> impl Iterator<Item = usize> {
        core::iter::successors(Some(0), |&at| self.next(at))
    }

    /// Cut a free block to `size` dwords, and make the rest a free block of its own.
    fn split(&mut self, at: usize, size: usize) {
        let (next, whole) = (self.words[at + 1], self.size(at));
        let cut = at + HEADER + size;
        self.words[at + 1] = cut as u32;
        self.words[at + 2] = size as u32;
        self.write(cut, at as u32, next, whole - size - HEADER);
        self.words[next as usize] = cut as u32;
    }

    /// Cut what a block has beyond `need`, if it makes a block.
    fn trim(&mut self, at: usize, need: usize) {
        if self.size(at) - need >= HEADER + 4 {
            self.split(at, need);
        }
    }

    /// Coalesce a block with the one behind it.
    fn join(&mut self, at: usize) {
        let next = self.words[at + 1] as usize;
        let behind = self.words[next + 1];
        self.words[at + 2] += (HEADER + self.size(next)) as u32;
        self.words[at + 1] = behind;
        self.words[behind as usize] = at as u32;
    }

    fn write(&mut self, at: usize, previous: u32, next: u32, size: usize) {
        self.words[at..at + 3].copy_from_slice(&[previous, next, size as u32]);
        self.clear(at);
    }

    fn clear(&mut self, at: usize) {
        self.words[at + 3..at + HEADER].copy_from_slice(&[FREE, 1, 0]);
    }

    fn last(&self) -> usize {
        self.words.len() - HEADER
    }

    fn next(&self, at: usize) -> Option<usize> {
        let next = self.words[at + 1];
        (next != NOWHERE).then_some(next as usize)
    }

    fn previous(&self, at: usize) -> Option<usize> {
        let previous = self.words[at];
        (previous != NOWHERE).then_some(previous as usize)
    }

    fn size(&self, at: usize) -> usize {
        self.words[at + 2] as usize
    }

    fn is_live(&self, at: usize) -> bool {
        self.words[at + 3] != FREE
    }

    /// Free, and not LASTBLOCK.
    fn is_free(&self, at: usize) -> bool {
        !self.is_live(at) && at != self.last()
    }

    fn is_tail(&self, at: usize) -> bool {
        self.is_live(at) && self.words[at + 3] & 0x4000 != 0
    }
}

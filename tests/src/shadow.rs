//! The shadow oracle: which blocks live where, and which rule a new fact breaks.
//!
//! It works on integers alone and never touches the memory it speaks of, so it can judge
//! a live allocator, a recorded trace, or a made-up one.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::violation::{Block, BlockId, Violation};

#[cfg(test)]
mod tests;

/// Where a subject's blocks may lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ranges {
    /// Anywhere: nothing is checked.
    #[default]
    Undeclared,
    /// Each block wholly in one of these.
    Within(Vec<Range<usize>>),
}

/// The model of an allocator that every real one is compared with.
///
/// Tell it what the allocator did; it answers with the [`Violation`] if that breaks a
/// rule, and then forgets the fact: its state stays that of the last lawful step.
///
/// ```
/// use std::alloc::Layout;
/// use tests::{ShadowOracle, Violation};
///
/// let mut oracle = ShadowOracle::new();
/// let layout = Layout::from_size_align(24, 8).unwrap();
/// oracle.alloc(0x1000, layout).unwrap();
/// let broken = oracle.alloc(0x1010, layout).unwrap_err();
/// assert_eq!(
///     broken.to_string(),
///     "overlap: block #1 (24 bytes, align 8, at 0x1010) shares 8 bytes with \
///      block #0 (24 bytes, align 8, at 0x1000)"
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct ShadowOracle {
    /// Blocks that own addresses, by first address; their ranges are disjoint.
    live: BTreeMap<usize, Block>,
    /// Blocks that own none (zero bytes): any number may share an address.
    empty: BTreeMap<(usize, BlockId), Block>,
    /// Freed blocks by first address; dropped when a new block starts in their place.
    freed: BTreeMap<usize, Block>,
    /// Greater than every id given out.
    next: u64,
    ranges: Ranges,
}

impl ShadowOracle {
    /// Creates an oracle that knows no block and no range.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares where blocks may lie from now on; blocks already live are not re-judged.
    pub fn set_ranges(&mut self, ranges: Ranges) {
        self.ranges = ranges;
    }

    /// Returns the id that the next block will get: a mark to retire from.
    pub fn next_id(&self) -> BlockId {
        BlockId(self.next)
    }

    /// Counts the live blocks.
    pub fn live(&self) -> usize {
        self.live.len() + self.empty.len()
    }

    /// Iterates over the live blocks that own addresses, by address.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.live.values()
    }

    /// Records a block that was handed out with exactly the size asked for.
    ///
    /// # Errors
    ///
    /// The rule it breaks: see [`alloc_usable`](Self::alloc_usable).
    pub fn alloc(&mut self, address: usize, layout: Layout) -> Result<BlockId, Violation> {
        self.alloc_usable(address, layout, layout.size())
    }

    /// Records a block of which the caller may use `usable` bytes.
    ///
    /// # Errors
    ///
    /// [`Violation::TooShort`], [`Violation::Misaligned`], [`Violation::Wraps`],
    /// [`Violation::OutOfRange`] or [`Violation::Overlap`], looked for in this order. A
    /// block of zero usable bytes owns no address: only its alignment is judged.
    pub fn alloc_usable(
        &mut self,
        address: usize,
        layout: Layout,
        usable: usize,
    ) -> Result<BlockId, Violation> {
        if usable < layout.size() {
            return Err(Violation::TooShort { layout, usable });
        }
        let block = Block {
            id: self.next_id(),
            address,
            layout,
            usable,
        };
        self.judge(&block)?;
        self.next += 1;
        self.insert(block);
        Ok(block.id)
    }

    /// Records that the block at `address` was freed, and returns it.
    ///
    /// # Errors
    ///
    /// [`Violation::DoubleFree`] if a freed block started there and nothing has since,
    /// else [`Violation::InvalidFree`].
    pub fn free(&mut self, address: usize) -> Result<Block, Violation> {
        if let Some(block) = self.live.remove(&address) {
            self.bury(block);
            return Ok(block);
        }
        let key = (address, BlockId(0))..=(address, BlockId(u64::MAX));
        let empty = self.empty.range(key).next().map(|(key, _)| *key);
        if let Some(block) = empty.and_then(|key| self.empty.remove(&key)) {
            return Ok(block);
        }
        if let Some(&block) = self.freed.get(&address) {
            return Err(Violation::DoubleFree { block });
        }
        let inside = self.owner_of(address);
        Err(Violation::InvalidFree { address, inside })
    }

    /// Records that the block at `address` was freed as `layout`, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`free`](Self::free), and [`Violation::InvalidFreeLayout`] if the block is
    /// live and has another layout.
    pub fn free_sized(&mut self, address: usize, layout: Layout) -> Result<Block, Violation> {
        match self.live.get(&address) {
            Some(&block) if block.layout != layout => Err(Violation::InvalidFreeLayout {
                block,
                given: layout,
            }),
            _ => self.free(address),
        }
    }

    /// Judges a use of `len` bytes from `address` on, and returns the block they lie in.
    ///
    /// # Errors
    ///
    /// [`Violation::Overflow`], [`Violation::UseAfterFree`] or [`Violation::InvalidUse`].
    pub fn access(&self, address: usize, len: usize) -> Result<Block, Violation> {
        if let Some(block) = self.owner_of(address) {
            let room = block.range().end - address;
            return if len <= room {
                Ok(block)
            } else {
                Err(Violation::Overflow {
                    block,
                    address,
                    len,
                })
            };
        }
        let freed = self.freed.range(..=address).next_back();
        match freed {
            Some((_, &block)) if block.range().contains(&address) => Err(Violation::UseAfterFree {
                block,
                address,
                len,
            }),
            _ => Err(Violation::InvalidUse { address, len }),
        }
    }

    /// Ends the life of this very block, where several may share its address.
    pub fn retire(&mut self, block: &Block) {
        if let Some(block) = self.take(block) {
            self.bury(block);
        }
    }

    /// Ends the life of every block born at `mark` or later: what a rewind does.
    pub fn retire_since(&mut self, mark: BlockId) {
        let dead = self.live.extract_if(.., |_, block| block.id >= mark);
        self.freed.extend(dead);
        self.empty.retain(|key, _| key.1 < mark);
    }

    /// Ends the life of every block: what a reset does.
    pub fn retire_all(&mut self) {
        self.retire_since(BlockId(0));
    }

    /// Records that all the blocks of `moves` went to new addresses, at the same time.
    ///
    /// The order does not matter: a block may go to where another one of `moves` was.
    ///
    /// # Errors
    ///
    /// The rule the first bad new place breaks. The blocks from there on are forgotten.
    pub fn relocate(&mut self, moves: &[(Block, usize)]) -> Result<(), Violation> {
        for (block, _) in moves {
            self.take(block);
        }
        for &(block, address) in moves {
            let moved = Block { address, ..block };
            self.judge(&moved)?;
            self.insert(moved);
        }
        Ok(())
    }

    fn judge(&self, block: &Block) -> Result<(), Violation> {
        let Block {
            address,
            layout,
            usable,
            ..
        } = *block;
        if !address.is_multiple_of(layout.align()) {
            return Err(Violation::Misaligned { block: *block });
        }
        let Some(end) = address.checked_add(usable) else {
            return Err(Violation::Wraps {
                address,
                size: usable,
            });
        };
        if usable == 0 {
            return Ok(());
        }
        if let Ranges::Within(ranges) = &self.ranges
            && !ranges.iter().any(|r| r.start <= address && end <= r.end)
        {
            return Err(Violation::OutOfRange {
                block: *block,
                ranges: ranges.clone(),
            });
        }
        // The live ranges are disjoint, so the last one that starts below our end is the
        // one that reaches furthest up.
        match self.live.range(..end).next_back() {
            Some((_, live)) if live.range().end > address => Err(Violation::Overlap {
                new: *block,
                live: *live,
            }),
            _ => Ok(()),
        }
    }

    fn insert(&mut self, block: Block) {
        if block.usable == 0 {
            self.empty.insert((block.address, block.id), block);
            return;
        }
        let range = block.range();
        let covered: Vec<usize> = self.freed.range(range).map(|(start, _)| *start).collect();
        for start in covered {
            self.freed.remove(&start);
        }
        self.live.insert(block.address, block);
    }

    fn take(&mut self, block: &Block) -> Option<Block> {
        match self.live.get(&block.address) {
            Some(held) if held.id == block.id => self.live.remove(&block.address),
            _ => self.empty.remove(&(block.address, block.id)),
        }
    }

    /// Remembers a dead block, so that a later use or free of it gets its right name.
    fn bury(&mut self, block: Block) {
        if block.usable > 0 {
            self.freed.insert(block.address, block);
        }
    }

    fn owner_of(&self, address: usize) -> Option<Block> {
        let (_, block) = self.live.range(..=address).next_back()?;
        block.range().contains(&address).then_some(*block)
    }
}

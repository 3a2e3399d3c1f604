//! Finding a free block without a walk, in a table beside the blocks.
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
use crate::error::{Damage, What};
use crate::header::{Blocks, Glance, Header, NONE, damage};

mod lanes;

/// Dwords in a granule.
pub(crate) const GRANULE: u32 = 64;

/// Children of a node, and the most nodes of the top level.
const FAN: u32 = 16;

/// Enough levels for the largest block area.
const LEVELS: usize = 7;

/// No block starts in this granule.
const NO_START: u8 = 0xff;

/// A level of the tree: its first dword and its length.
type Nodes = (u32, u32);

/// Where the levels of the tree of maxima are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The levels, from the granules up.
    levels: [Nodes; LEVELS],
    /// How many of them there are: the top one has [`FAN`] nodes at most.
    count: usize,
}

impl Tree {
    pub(crate) fn new(start: u32, dwords: u32) -> Self {
        let mut levels = [(0, 0); LEVELS];
        let (mut at, mut len, mut count) = (start, dwords.div_ceil(GRANULE), 0);
        loop {
            levels[count] = (at, len);
            count += 1;
            at += len;
            if len <= FAN {
                return Self { levels, count };
            }
            len = len.div_ceil(FAN);
        }
    }

    #[inline]
    fn levels(&self) -> &[Nodes] {
        &self.levels[..self.count]
    }

    pub(crate) fn granules(&self) -> u32 {
        self.levels[0].1
    }

    /// The dword behind the sixteen that begin with the last level: they are compared all at once,
    /// and those that are none of its nodes left out.
    pub(crate) fn read_to(&self) -> u32 {
        self.levels[self.count - 1].0 + FAN
    }

    /// The dword behind the last level.
    pub(crate) fn end(&self) -> u32 {
        let (at, len) = self.levels[self.count - 1];
        at + len
    }
}

/// The granule in which a block starts.
#[inline]
pub(crate) fn granule_of(at: u32) -> u32 {
    at / GRANULE
}

impl Control {
    /// The largest free block, in dwords.
    pub(crate) fn largest(&self) -> u32 {
        let tree = &self.geometry.tree;
        let (at, len) = tree.levels[tree.count - 1];
        maximum(self.words.slice(at, len))
    }

    /// The largest free block that starts in a granule.
    #[inline]
    pub(crate) fn largest_in(&self, granule: u32) -> u32 {
        self.words.get(self.geometry.tree.levels[0].0 + granule)
    }

    /// Note the largest free block that starts in a granule, and what that means above.
    #[inline]
    pub(crate) fn set_largest_in(&self, granule: u32, size: u32) {
        let levels = &self.geometry.tree.levels;
        let leaf = levels[0].0 + granule;
        let old = self.words.get(leaf);
        if old == size {
            return;
        }
        self.words.set(leaf, size);
        // Mostly another granule of the sixteen has a larger one, before and after.
        let parent = self.words.get(levels[1].0 + granule / FAN);
        if self.geometry.tree.count == 1 || parent <= old || parent <= size {
            self.settle(granule, old, size);
        }
    }

    /// A granule's largest free block is no longer `old` but `new`: mend the nodes above, up to the
    /// first that need not change.
    #[inline(never)]
    fn settle(&self, granule: u32, mut old: u32, mut new: u32) {
        let mut node = granule;
        for pair in self.geometry.tree.levels().windows(2) {
            let (below, above) = (pair[0], pair[1]);
            let group = node & !(FAN - 1);
            node /= FAN;
            let parent = self.words.get(above.0 + node);
            if new < parent {
                if old != parent {
                    return;
                }
                new = maximum(self.group(below, group));
            }
            if new == parent {
                return;
            }
            self.words.set(above.0 + node, new);
            old = parent;
        }
    }

    /// A free block of this size starts in the granule now; others that did still do.
    #[inline]
    pub(crate) fn raise(&self, granule: u32, size: u32) {
        if self.largest_in(granule) < size {
            self.set_largest_in(granule, size);
        }
    }

    /// Find the first granule in which a block of `need` dwords starts free.
    #[inline]
    pub(crate) fn first_of_all(&self, need: u32) -> Result<Option<u32>, Damage> {
        let levels = self.geometry.tree.levels();
        let top = levels.len() - 1;
        match self.large_enough(levels[top], 0, need) {
            0 => Ok(None),
            bits => self.descend(top, bits.trailing_zeros(), need, u32::trailing_zeros),
        }
    }

    /// Find the first granule from this one on in which a block of `need` dwords starts free.
    pub(crate) fn first_from(&self, granule: u32, need: u32) -> Result<Option<u32>, Damage> {
        let mut node = granule;
        for (level, &nodes) in self.geometry.tree.levels().iter().enumerate() {
            let group = node & !(FAN - 1);
            if node < nodes.1 {
                let skipped = node - group;
                let bits = self.large_enough(nodes, group, need) >> skipped << skipped;
                if bits != 0 {
                    let child = group + bits.trailing_zeros();
                    return self.descend(level, child, need, u32::trailing_zeros);
                }
            }
            node = group / FAN + 1;
        }
        Ok(None)
    }

    /// Find the last granule below this one in which a block of `need` dwords starts free.
    pub(crate) fn last_before(&self, granule: u32, need: u32) -> Result<Option<u32>, Damage> {
        let mut end = granule;
        for (level, &nodes) in self.geometry.tree.levels().iter().enumerate() {
            let group = end.saturating_sub(1) & !(FAN - 1);
            let bits = self.large_enough(nodes, group, need) & ((1 << (end - group)) - 1);
            if bits != 0 {
                return self.descend(level, group + bits.ilog2(), need, u32::ilog2);
            }
            end = group / FAN;
        }
        Ok(None)
    }

    /// Go down from a node that says it has enough.
    #[inline]
    fn descend(
        &self,
        level: usize,
        node: u32,
        need: u32,
        choose: fn(u32) -> u32,
    ) -> Result<Option<u32>, Damage> {
        let mut node = node;
        for &nodes in self.geometry.tree.levels()[..level].iter().rev() {
            let group = node * FAN;
            let bits = self.large_enough(nodes, group, need);
            if bits == 0 {
                return Err(damage(0, What::Index));
            }
            node = group + choose(bits);
        }
        Ok(Some(node))
    }

    /// One bit for each node of a group that is at least `need`, the first one lowest.
    #[inline]
    fn large_enough(&self, (at, len): Nodes, group: u32, need: u32) -> u32 {
        let bits = lanes::at_least(self.words.sixteen(at + group), need);
        let left = len - group;
        if left >= FAN {
            return bits;
        }
        // What lies behind the last group is something else.
        bits & ((1 << left) - 1)
    }

    fn index_damage(&self, level: usize, node: u32) -> Damage {
        let granule = node << (4 * level as u32).min(31);
        damage(granule.saturating_mul(GRANULE), What::Index)
    }

    /// The nodes that share a parent, from the first one of them.
    #[inline]
    fn group(&self, (at, len): Nodes, first: u32) -> &[u32] {
        self.words.slice(at + first, FAN.min(len - first))
    }

    /// Compare every inner node with those below it.
    pub(crate) fn check_tree(&self) -> Result<(), Damage> {
        let tree = &self.geometry.tree;
        for level in 1..tree.count {
            let (at, len) = tree.levels[level];
            for node in 0..len {
                let below = maximum(self.group(tree.levels[level - 1], node * FAN));
                if self.words.get(at + node) != below {
                    return Err(self.index_damage(level, node));
                }
            }
        }
        Ok(())
    }

    /// The first block that starts in a granule.
    #[inline]
    pub(crate) fn first_in(&self, granule: u32) -> Option<u32> {
        match self.words.byte(self.geometry.starts, granule) {
            NO_START => None,
            place => Some(granule * GRANULE + u32::from(place)),
        }
    }

    #[inline]
    pub(crate) fn set_first_in(&self, granule: u32, at: Option<u32>) {
        let place = at.map_or(NO_START, |at| (at % GRANULE) as u8);
        self.words.set_byte(self.geometry.starts, granule, place);
    }

    /// A block starts at `at` now.
    #[inline]
    pub(crate) fn note_start(&self, at: u32) {
        let granule = granule_of(at);
        if self.first_in(granule).is_none_or(|first| at < first) {
            self.set_first_in(granule, Some(at));
        }
    }

    /// No block starts at `at` any more; the next one behind it starts at `next`.
    #[inline]
    pub(crate) fn forget_start(&self, at: u32, next: u32) {
        let granule = granule_of(at);
        if self.first_in(granule) == Some(at) {
            let heir = (granule_of(next) == granule).then_some(next);
            self.set_first_in(granule, heir);
        }
    }
}

#[inline]
fn maximum(nodes: &[u32]) -> u32 {
    match <&[u32; FAN as usize]>::try_from(nodes) {
        // Sizes fit signed numbers, which every processor compares several at a time.
        Ok(full) => full
            .iter()
            .fold(0_i32, |max, &node| max.max(node.cast_signed()))
            .cast_unsigned(),
        Err(_) => nodes.iter().copied().max().unwrap_or(0),
    }
}

/// The blocks that start in one granule, lowest first.
pub(crate) struct InGranule {
    blocks: Blocks,
    next: Option<u32>,
    granule: u32,
}

impl Iterator for InGranule {
    type Item = Result<Glance, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next.take()?;
        let glance = self.blocks.glance(at);
        if let Ok(Glance { next, .. }) = glance
            && granule_of(next) == self.granule
        {
            self.next = Some(next);
        }
        Some(glance)
    }
}

impl Core {
    #[inline]
    pub(crate) fn in_granule(&self, granule: u32) -> InGranule {
        InGranule {
            blocks: self.blocks,
            next: self.control.first_in(granule),
            granule,
        }
    }

    /// Look again which free block of a granule is the largest.
    pub(crate) fn refresh(&self, granule: u32) -> Result<(), Damage> {
        self.refresh_without(granule, self.blocks.last())
    }

    /// The same as if the block at `left_out` were not free.
    #[inline]
    pub(crate) fn refresh_without(&self, granule: u32, left_out: u32) -> Result<(), Damage> {
        let mut largest = 0;
        let mut at = self.control.first_in(granule).unwrap_or(NONE);
        while granule_of(at) == granule {
            let block = self.blocks.glance(at)?;
            if block.free > largest && at != left_out {
                largest = block.free;
            }
            at = block.next;
        }
        self.control.set_largest_in(granule, largest);
        Ok(())
    }

    /// Find the block whose header or payload a dword of the area belongs to.
    pub(crate) fn block_around(&self, dword: u32) -> Result<(u32, Header), Damage> {
        let granule = granule_of(dword);
        let mut found = None;
        for block in self.in_granule(granule) {
            let at = block?.at;
            if at > dword {
                break;
            }
            found = Some(at);
        }
        if let Some(at) = found {
            return Ok((at, self.blocks.header(at)?));
        }
        // It starts in a granule below, the nearest in which any block starts, and is the last there.
        let below = (0..granule)
            .rev()
            .find(|&granule| self.control.first_in(granule).is_some());
        let last = below.and_then(|granule| self.in_granule(granule).last());
        let at = last.unwrap_or(Err(damage(dword, What::Starts)))?.at;
        Ok((at, self.blocks.header(at)?))
    }

    /// Tell whether a block starts exactly here.
    #[inline]
    pub(crate) fn starts_block(&self, at: u32) -> Result<bool, Damage> {
        if at > self.blocks.last() {
            return Ok(false);
        }
        let Some(mut found) = self.control.first_in(granule_of(at)) else {
            return Ok(false);
        };
        while found < at {
            found = self.blocks.glance(found)?.next;
        }
        Ok(found == at)
    }
}

//! The tree of maxima over the granules, sixteen nodes to one.

use crate::control::Control;
use crate::error::{Damage, What};
use crate::header::damage;
use crate::index::table::{GRANULE, lanes};
use crate::spot::Granule;

/// Children of a node.
const FAN: u32 = 16;

/// The most nodes of the top level: two comparisons there cost less than a level more.
const TOP: u32 = 2 * FAN;

/// With so many granules, sixteen nodes begin where a cache line does, if the control block does. The
/// tables of fewer are in the nearest cache anyway, and have no room for gaps.
const ALIGNED_FROM: u32 = 4096;

/// Enough levels for the largest block area.
const LEVELS: usize = 6;

/// A level of the tree: its first dword and its length.
type Nodes = (u32, u32);

/// Where the levels of the tree of maxima are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Its first dword.
    start: u32,
    /// The levels, from the granules up.
    levels: [Nodes; LEVELS],
    /// How many of them there are: the top one has [`TOP`] nodes at most.
    count: usize,
}

impl Tree {
    /// A tree of no granules, at this dword: nothing is found in it.
    pub(crate) fn none(start: u32) -> Self {
        let mut levels = [(0, 0); LEVELS];
        levels[0] = (start, 0);
        Self {
            start,
            levels,
            count: 1,
        }
    }

    pub(crate) fn new(start: u32, dwords: u32) -> Self {
        let mut levels = [(0, 0); LEVELS];
        let (mut at, mut len, mut count) = (start, dwords.div_ceil(GRANULE), 0);
        let align = if len < ALIGNED_FROM { 1 } else { FAN };
        loop {
            at = at.next_multiple_of(align);
            levels[count] = (at, len);
            count += 1;
            at += len;
            if len <= TOP {
                return Self {
                    start,
                    levels,
                    count,
                };
            }
            len = len.div_ceil(FAN);
        }
    }

    #[inline]
    fn levels(&self) -> &[Nodes] {
        &self.levels[..self.count]
    }

    #[inline]
    fn top(&self) -> (&[Nodes], Nodes) {
        let top = self.count - 1;
        (&self.levels[..top], self.levels[top])
    }

    #[inline]
    pub(crate) fn granules(&self) -> u32 {
        self.levels[0].1
    }

    /// The dword at which the nodes of the granules begin.
    #[inline]
    pub(crate) fn granules_at(&self) -> u32 {
        self.levels[0].0
    }

    /// The dwords left out before levels, so that these begin with a cache line.
    fn gaps(&self) -> impl Iterator<Item = u32> {
        let levels = self.levels();
        let ends = levels.iter().map(|(at, len)| at + len);
        let ends = core::iter::once(self.start).chain(ends);
        ends.zip(levels).flat_map(|(end, &(at, _))| end..at)
    }

    /// The dword behind those that a look at the last level reads: nodes are compared sixteen at once,
    /// and those that are none left out.
    pub(crate) fn read_to(&self) -> u32 {
        let (_, (at, len)) = self.top();
        at + len.max(1).next_multiple_of(FAN)
    }

    /// The dword behind the last level.
    pub(crate) fn end(&self) -> u32 {
        let (_, (at, len)) = self.top();
        at + len
    }
}

impl Control {
    /// The largest free block, in dwords.
    pub(crate) fn largest(&self) -> u32 {
        let (_, (at, len)) = self.geometry.tree.top();
        self.words.slice(at, len).iter().copied().max().unwrap_or(0)
    }

    /// The largest free block that starts in a granule.
    #[inline(always)]
    pub(crate) fn largest_in(&self, granule: Granule) -> u32 {
        self.node(self.geometry.tree.levels[0], granule.number())
    }

    /// A free block of this size starts in the granule now; others that did still do.
    #[inline(always)]
    pub(crate) fn raise(&self, granule: Granule, size: u32) {
        let mut node = granule.number();
        for &nodes in &self.geometry.tree.levels {
            if nodes.1 == 0 || self.node(nodes, node) >= size {
                return;
            }
            self.set_node(nodes, node, size);
            node /= FAN;
        }
    }

    /// Note the largest free block that starts in a granule, and what that means above.
    #[inline(always)]
    pub(crate) fn set_largest_in(&self, granule: Granule, size: u32) {
        let old = self.largest_in(granule);
        if size < old {
            self.lower(granule, old, size);
        } else {
            self.raise(granule, size);
        }
    }

    /// A granule's largest free block is no longer `old` but `new`, a smaller one: mend the nodes
    /// above, up to the first that need not change.
    #[inline(always)]
    fn lower(&self, granule: Granule, old: u32, new: u32) {
        let (mut node, mut new) = (granule.number(), new);
        let levels = &self.geometry.tree.levels;
        let mut here = levels[0];
        for &above in &levels[1..] {
            if above.1 == 0 || self.node(above, node / FAN) != old {
                // Another one of the group is larger, before and after.
                break;
            }
            // All sixteen are read before one of them is written: a read of several that were written one
            // by one waits until they are in the cache.
            let beside = self.largest_beside(here, node);
            self.set_node(here, node, new);
            if beside >= old {
                return;
            }
            (here, node, new) = (above, node / FAN, beside.max(new));
        }
        self.set_node(here, node, new);
    }

    /// Read a node of a level, which has more of them.
    #[inline(always)]
    fn node(&self, (at, len): Nodes, node: u32) -> u32 {
        debug_assert!(node < len);
        // SAFETY: the control block has room for each node of each level. A granule is one of the lowest,
        // and its sixteenth one of the level above, for that has a node for each sixteen, the last ones
        // included; and so on.
        unsafe { self.words.get_unchecked(at, node) }
    }

    /// Write a node of a level, which has more of them.
    #[inline(always)]
    fn set_node(&self, (at, len): Nodes, node: u32, value: u32) {
        debug_assert!(node < len);
        // SAFETY: as for `node`.
        unsafe { self.words.set_unchecked(at, node, value) };
    }

    /// Sixteen nodes from the first of a group on, and what is behind the last if there are fewer.
    #[inline(always)]
    fn group(&self, (at, len): Nodes, first: u32) -> &[u32; 16] {
        debug_assert!(first <= len);
        // SAFETY: the group begins within its level, or where one of no nodes would, and behind each level is
        // as much as is read of the last: see `Tree::read_to`.
        unsafe { self.words.sixteen_unchecked(at, first) }
    }

    /// The largest of the nodes that share a parent with this one, itself left out.
    #[inline(always)]
    fn largest_beside(&self, nodes: Nodes, node: u32) -> u32 {
        let first = node & !(FAN - 1);
        let group = self.group(nodes, first);
        let (len, lane) = (nodes.1 - first, node - first);
        if len >= FAN {
            lanes::largest_but(group, lane)
        } else {
            lanes::largest_one_by_one(&group[..len as usize], lane)
        }
    }

    /// Find the first granule in which a block of `need` dwords starts free.
    #[inline(always)]
    pub(crate) fn first_of_all(&self, need: u32) -> Result<Option<Granule>, Damage> {
        let (below, top) = self.geometry.tree.top();
        let mut bits = lanes::at_least(self.group(top, 0), need);
        if top.1 > FAN {
            bits |= lanes::at_least(self.group(top, FAN), need) << FAN;
        }
        // What lies behind the last node is something else.
        let node = bits.trailing_zeros();
        if node >= top.1 {
            return Ok(None);
        }
        let mut node = node;
        for &nodes in below.iter().rev() {
            let group = node * FAN;
            // If these are granules, the places of the first blocks in them are needed next.
            self.words.fetch(self.geometry.starts + group / 4, 0);
            let bits = lanes::at_least(self.group(nodes, group), need);
            // The first of them is a node, or the level above is wrong.
            node = group + bits.trailing_zeros();
            if bits == 0 || node >= nodes.1 {
                return Err(damage(0, What::Index));
            }
        }
        // SAFETY: a node of the lowest level is a granule.
        Ok(Some(unsafe { Granule::new(node) }))
    }

    /// Find the first granule from this number on in which a block of `need` dwords starts free.
    pub(crate) fn first_from(&self, number: u32, need: u32) -> Result<Option<Granule>, Damage> {
        let levels = self.geometry.tree.levels();
        let mut node = number;
        for (level, &nodes) in levels.iter().enumerate() {
            let is_top = level == levels.len() - 1;
            while node < nodes.1 {
                let group = node & !(FAN - 1);
                let skipped = node - group;
                let bits = self.large_enough(nodes, group, need) >> skipped << skipped;
                if bits != 0 {
                    let child = group + bits.trailing_zeros();
                    return self.descend(&levels[..level], child, need, u32::trailing_zeros);
                }
                node = group + FAN;
                if !is_top {
                    break;
                }
            }
            node = node.div_ceil(FAN);
        }
        Ok(None)
    }

    /// Find the last granule below this number in which a block of `need` dwords starts free.
    pub(crate) fn last_before(&self, number: u32, need: u32) -> Result<Option<Granule>, Damage> {
        let levels = self.geometry.tree.levels();
        let mut end = number.min(self.geometry.tree.granules());
        for (level, &nodes) in levels.iter().enumerate() {
            let is_top = level == levels.len() - 1;
            while end > 0 {
                let group = (end - 1) & !(FAN - 1);
                let bits = self.large_enough(nodes, group, need) & ((1 << (end - group)) - 1);
                if bits != 0 {
                    return self.descend(&levels[..level], group + bits.ilog2(), need, u32::ilog2);
                }
                end = group;
                if !is_top {
                    break;
                }
            }
            end /= FAN;
        }
        Ok(None)
    }

    /// Go down from a node that says it has enough: it is one of the level above these.
    #[inline(always)]
    fn descend(
        &self,
        below: &[Nodes],
        node: u32,
        need: u32,
        choose: fn(u32) -> u32,
    ) -> Result<Option<Granule>, Damage> {
        let mut node = node;
        for &nodes in below.iter().rev() {
            let group = node * FAN;
            let bits = self.large_enough(nodes, group, need);
            if bits == 0 {
                return Err(damage(0, What::Index));
            }
            node = group + choose(bits);
        }
        // SAFETY: a node of the lowest level is a granule.
        Ok(Some(unsafe { Granule::new(node) }))
    }

    /// One bit for each node of a group that is at least `need`, the first one lowest.
    #[inline(always)]
    fn large_enough(&self, nodes: Nodes, group: u32, need: u32) -> u32 {
        let bits = lanes::at_least(self.group(nodes, group), need);
        let left = nodes.1 - group;
        if left >= FAN {
            return bits;
        }
        // What lies behind the last group is something else.
        bits & ((1 << left) - 1)
    }

    /// Compare every inner node with those below it; what is between the levels is zero.
    pub(crate) fn check_tree(&self) -> Result<(), Damage> {
        if self
            .geometry
            .tree
            .gaps()
            .any(|dword| self.words.get(dword) != 0)
        {
            return Err(damage(0, What::Index));
        }
        for (level, pair) in self.geometry.tree.levels().windows(2).enumerate() {
            let (below, (at, len)) = (pair[0], pair[1]);
            for node in 0..len {
                let first = node * FAN;
                let beside = self.largest_beside(below, first);
                if self.words.get(at + node) != self.node(below, first).max(beside) {
                    let granule = node << (4 * (level as u32 + 1)).min(31);
                    return Err(damage(granule.saturating_mul(GRANULE), What::Index));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

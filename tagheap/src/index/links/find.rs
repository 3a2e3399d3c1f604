//! What the tree tells.

use crate::control::{Core, State};
use crate::engine::Found;
use crate::error::{Damage, What};
use crate::fit::{Fit, Hole};
use crate::header::{Doubt, NONE, damage};
use crate::index::links::{Links, Node, Way, narrow};
use crate::index::{Find, Wanted};
use crate::spot::Spot;

impl Find for Links {
    fn largest(core: &Core) -> u32 {
        match core.node_or_none::<Damage>(core.control.root(), NONE) {
            Ok(Some(root)) => root.largest,
            _ => 0,
        }
    }

    fn lowest(core: &Core, need: u32) -> Result<Option<(Found, u32)>, Damage> {
        let found = core.outermost(core.control.root(), NONE, need, Way::Down)?;
        let bound = core.control.get(State::LowestTail);
        let found = found.filter(|node| node.at.at() < bound);
        Ok(found.map(|node| (node.found(core), node.size)))
    }

    fn lowest_aligned(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage> {
        let Wanted { need, align, bound } = wanted;
        let mut next = core.outermost(core.control.root(), NONE, need, Way::Down)?;
        while let Some(node) = next.filter(|node| node.at.at() < bound) {
            if let Some(fit) = node.hole().lowest(need, align) {
                return Ok(Some((node.found(core), fit)));
            }
            next = core.nearest(node.at.at() + 1, need, Way::Up)?;
        }
        Ok(None)
    }

    fn highest(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage> {
        let Wanted { need, align, bound } = wanted;
        let mut next = core.outermost(core.control.root(), NONE, need, Way::Up)?;
        while let Some(node) = next.filter(|node| node.at.at() >= bound) {
            if let Some(fit) = node.hole().highest(need, align) {
                return Ok(Some((node.found(core), fit)));
            }
            next = match node.at.at() {
                0 => None,
                at => core.nearest(at - 1, need, Way::Down)?,
            };
        }
        Ok(None)
    }

    fn free_from(core: &Core, from: u32) -> Result<Option<u32>, Damage> {
        let found = core.nearest(from, 1, Way::Up)?;
        Ok(found.map(|node| node.at.at()))
    }

    fn starts_block(core: &Core, at: Spot) -> bool {
        Self::start_around(core, at.at()) == Ok(at.at())
    }

    /// From the nearest free blocks on both sides by turns, so that whoever frees in the order of addresses, up
    /// or down, waits for none of it.
    fn start_around(core: &Core, dword: u32) -> Result<u32, Damage> {
        let last = core.blocks.last();
        if dword >= last {
            return Ok(last);
        }
        let [below, above] = core.free_around(dword)?;
        let (mut low, mut high) = (below.unwrap_or(0), above.unwrap_or(last));
        loop {
            let next = core.blocks.glance(low)?.next;
            if next > dword {
                return Ok(low);
            }
            low = next;
            high = core.before(high)?;
            if high <= dword {
                return Ok(high);
            }
        }
    }
}

impl Node {
    fn hole(&self) -> Hole {
        Hole {
            at: self.at.at(),
            size: self.size,
        }
    }

    fn found(&self, core: &Core) -> Found {
        let behind = self.hole().end();
        core.found(self.at.at(), behind, 0)
    }
}

impl Core {
    /// Find the outermost block of so many dwords or more that way, of those under a hook.
    fn outermost(
        &self,
        top: u32,
        parent: u32,
        need: u32,
        way: Way,
    ) -> Result<Option<Node>, Damage> {
        let mut large = match self.node_or_none(top, parent)? {
            Some(top) if top.largest >= need => top,
            _ => return Ok(None),
        };
        loop {
            let outer = self.child_of(&large, way)?;
            large = match outer.filter(|outer| outer.largest >= need) {
                Some(outer) => outer,
                None if large.size >= need => return Ok(Some(large)),
                None => match self.child_of(&large, way.back())? {
                    Some(inner) if inner.largest >= need => inner,
                    _ => return Err(damage(large.at.at(), What::Index)),
                },
            };
        }
    }

    /// Find the block of so many dwords or more that is the nearest to a dword that way, itself counted.
    fn nearest(&self, from: u32, need: u32, way: Way) -> Result<Option<Node>, Damage> {
        let is_beyond = |node: &Node| match way {
            Way::Down => node.at.at() <= from,
            Way::Up => node.at.at() >= from,
        };
        // Down to where it would hang, and up again past those that are beyond it: the last of them is the nearest.
        let (mut at, mut parent) = (self.control.root(), NONE);
        while let Some(node) = self.node_or_none::<Damage>(at, parent)? {
            let toward = if is_beyond(&node) { way.back() } else { way };
            (at, parent) = (node.child(toward), at);
        }
        while let Some(spot) = self.blocks.spot(parent) {
            let node = self.peek(spot);
            if is_beyond(&node) {
                if node.size >= need {
                    return Ok(Some(node));
                }
                if let Some(under) = self.outermost(node.child(way), parent, need, way.back())? {
                    // Or those who ask for one after the other would come round.
                    return if is_beyond(&under) {
                        Ok(Some(under))
                    } else {
                        Err(damage(under.at.at(), What::Index))
                    };
                }
            }
            parent = node.parent;
        }
        Ok(None)
    }

    /// Find the nearest free blocks: one that starts at a dword or below, and one that starts above.
    fn free_around(&self, dword: u32) -> Result<[Option<u32>; 2], Damage> {
        let (mut at, mut parent) = (self.control.root(), NONE);
        let mut around = [None; 2];
        while let Some(node) = self.node_or_none::<Damage>(at, parent)? {
            let way = if at <= dword { Way::Up } else { Way::Down };
            around[way.back() as usize] = Some(at);
            (at, parent) = (node.child(way), at);
        }
        Ok(around)
    }

    /// Find the block before one, which must end where that starts.
    fn before(&self, at: u32) -> Result<u32, Damage> {
        let here = self.blocks.spot(at);
        let before = here.and_then(|here| self.blocks.spot(self.blocks.previous(here)));
        match before {
            Some(before) if before.end(self.blocks.size(before)) == u64::from(at) => {
                Ok(before.at())
            }
            _ => Err(damage(at, What::PreviousLink)),
        }
    }

    /// Go down to the node at a dword, looking at each that is passed. If there is none, that is where one
    /// can be put.
    pub(super) fn look_down<D: Doubt>(&self, at: u32) -> Result<Option<Node>, D> {
        let (mut next, mut parent) = (self.control.root(), NONE);
        let mut between = 0..NONE;
        while let Some(node) = self.node_or_none::<D>(next, parent)? {
            if !between.contains(&next) {
                return Err(D::new(next, What::Index));
            }
            if next == at {
                return Ok(Some(node));
            }
            let way = narrow(&mut between, next, at);
            (next, parent) = (node.child(way), next);
        }
        Ok(None)
    }

    /// Look at the nodes under one that are its neighbours, and will stand in for it.
    pub(super) fn look_beside<D: Doubt>(&self, node: &Node) -> Result<(), D> {
        for way in [Way::Down, Way::Up] {
            let (mut next, mut parent) = (node.child(way), node.at.at());
            while let Some(beside) = self.node_or_none::<D>(next, parent)? {
                if Way::to(node.at.at(), next) != way {
                    return Err(D::new(next, What::Index));
                }
                (next, parent) = (beside.child(way.back()), next);
            }
        }
        Ok(())
    }

    /// The first node from the bottom.
    pub(super) fn first_node(&self) -> Result<u32, Damage> {
        self.leftmost(self.control.root(), NONE)
    }

    /// The node behind one, by address.
    pub(super) fn next_node(&self, node: &Node) -> Result<u32, Damage> {
        let above = node.child(Way::Up);
        if above != NONE {
            return self.leftmost(above, node.at.at());
        }
        // The first that this is below of. Those on the way are below it, and lower from one to the next.
        let mut here = *node;
        while let Some(parent) = self.blocks.spot(here.parent) {
            if parent.at() > here.at.at() {
                return Ok(parent.at());
            }
            here = self.peek(parent);
        }
        Ok(NONE)
    }

    fn leftmost(&self, at: u32, parent: u32) -> Result<u32, Damage> {
        let (mut at, mut parent) = (at, parent);
        while let Some(node) = self.node_or_none::<Damage>(at, parent)? {
            (at, parent) = (node.child(Way::Down), at);
        }
        Ok(parent)
    }
}

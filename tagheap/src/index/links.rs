//! The index within the blocks: a tree of the free ones, linked through their headers.
//!
//! For heaps that can spare nothing for a table. The tree is ordered by address, and each node says how
//! large the largest block under it is, so that first fit goes down the first branch that has enough. It is a
//! zip tree (Tarjan, Levy, Timmel: "Zip Trees", 2018): a node has a rank, drawn when it is inserted, with half as
//! many at each rank as at the one before; none is above its parent's. So the tree is as deep as one made of
//! numbers in random order, whatever the order here was. That a rank is five bits, and need not be told by the
//! address, lets a free block that shrinks or grows keep its place: only what leads to it changes.
//!
//! ```text
//!  dword of a free block
//!  2, the slack code   rank
//!  3, 4                children: below, above; or NONE
//!  5                   the largest block of this one and those under it, in dwords
//!  6, of the payload   parent, or NONE: there is room, for no block is without a dword
//! ```
//!
//! That no table says where blocks start has its price: a raw pointer is told from one that was made up by a
//! walk, to it from the nearest free block. Handles are free of that.

use core::ops::Range;

use crate::control::{Control, Core};
use crate::error::What;
use crate::fit::HEADER;
use crate::header::{Doubt, Header, NONE};
use crate::spot::Spot;

mod find;
mod keep;
mod shape;

/// The index of heaps without a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links;

impl Links {
    /// What it has in the control block: the root, and the state of the random numbers.
    pub(crate) const DWORDS: u32 = 2;
}

/// A side of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To lower addresses.
    Down,
    /// To higher ones.
    Up,
}

impl Way {
    /// The way from one block to another.
    fn to(from: u32, to: u32) -> Self {
        if to < from { Self::Down } else { Self::Up }
    }

    fn back(self) -> Self {
        match self {
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }
}

/// From a node on towards a place there are only those between the two. Returns the way.
fn narrow(between: &mut Range<u32>, from: u32, to: u32) -> Way {
    let way = Way::to(from, to);
    match way {
        Way::Down => between.end = from,
        Way::Up => between.start = from + 1,
    }
    way
}

/// What a free block says of its place in the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    at: Spot,
    size: u32,
    rank: u32,
    children: [u32; 2],
    /// The largest block of this one and those under it.
    largest: u32,
    parent: u32,
}

impl Node {
    fn child(&self, way: Way) -> u32 {
        self.children[way as usize]
    }
}

/// The most that a rank's five bits say.
const RANK_MAX: u32 = 31;

impl Control {
    fn root(&self) -> u32 {
        self.words.get(self.geometry.starts)
    }

    fn set_root(&self, root: u32) {
        self.words.set(self.geometry.starts, root);
    }

    fn set_seed(&self, seed: u32) {
        self.words.set(self.geometry.starts + 1, seed);
    }

    /// Draw a rank: how often a coin falls on the same side.
    fn draw_rank(&self) -> u32 {
        let at = self.geometry.starts + 1;
        let seed = self.words.get(at).wrapping_add(0x9e37_79b9);
        self.words.set(at, seed);
        // What a sum has in its low bits takes turns: its high ones are mixed in.
        let mixed = (seed ^ seed >> 16).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35);
        (mixed ^ mixed >> 16).trailing_zeros().min(RANK_MAX)
    }
}

impl Core {
    /// Read a node that hangs on `parent`, or is the root for NONE; there may be none.
    fn node_or_none<D: Doubt>(&self, at: u32, parent: u32) -> Result<Option<Node>, D> {
        if at == NONE {
            return Ok(None);
        }
        let Some(spot) = self.blocks.spot(at) else {
            return Err(D::new(at, What::LinkOutside));
        };
        let header = self.blocks.read::<D>(spot)?;
        // The last block is free, too, and of no size.
        if !header.is_free() || header.size == 0 {
            return Err(D::new(at, What::Index));
        }
        let node = self.node_of(spot, &header);
        // A node has one parent, so those who follow links down come to an end.
        if node.parent != parent {
            return Err(D::new(at, What::Index));
        }
        Ok(Some(node))
    }

    fn child_of<D: Doubt>(&self, node: &Node, way: Way) -> Result<Option<Node>, D> {
        self.node_or_none(node.child(way), node.at.at())
    }

    /// What stands there, for nodes that were looked at already.
    fn peek(&self, at: Spot) -> Node {
        self.node_of(at, &self.blocks.peek(at))
    }

    /// Take a free block's header as that of a node.
    fn node_of(&self, at: Spot, header: &Header) -> Node {
        Node {
            at,
            size: header.size,
            rank: header.rank(),
            children: header.links,
            largest: header.handle,
            parent: self.blocks.0.get(at.at() + HEADER),
        }
    }

    fn write_node(&self, node: &Node) {
        let previous = self.blocks.previous(node.at);
        let header = Header::node(previous, node.size, node.rank, node.children, node.largest);
        self.blocks.write(node.at, &header);
        self.set_parent(node.at, node.parent);
    }

    fn set_parent(&self, at: Spot, parent: u32) {
        self.blocks.0.set(at.at() + HEADER, parent);
    }
}

#[cfg(test)]
mod tests;

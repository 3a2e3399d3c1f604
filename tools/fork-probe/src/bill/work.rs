//! The workload: a tree of nodes of many sizes, and what the child does to some of them.

use std::ptr::NonNull;

use super::Allocator;
use crate::error::ProbeError;

/// What the child does to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Deed {
    /// It writes 8 bytes into the node.
    Mutate,
    /// It clears the link to a leaf, which is 8 bytes, and frees the leaf.
    Free,
}

impl Deed {
    /// Both.
    pub const ALL: [Deed; 2] = [Deed::Mutate, Deed::Free];

    /// Return its name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Deed::Mutate => "mutate",
            Deed::Free => "free",
        }
    }
}

/// How large the tree is, and how much of it the child touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Workload {
    /// Nodes of the tree.
    pub blocks: usize,
    /// Nodes that the child mutates or frees; no more than there are leaves.
    pub deeds: usize,
    /// What sizes and choices are drawn from: the same seed gives the same tree to every allocator.
    pub seed: u64,
}

impl Default for Workload {
    /// A tree of 20,000 nodes, of which 1 % are touched.
    fn default() -> Self {
        Self {
            blocks: 20_000,
            deeds: 200,
            seed: 0x5eed,
        }
    }
}

/// Two links and a key.
const NODE_LEAST: usize = 24;
/// The most bytes of payload in a node.
const PAYLOAD_MOST: usize = 232;
/// Where the key is.
const KEY: usize = 16;

impl Workload {
    /// Return a number of bytes that all nodes fit in, with a header of 32 bytes each.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.blocks
            .saturating_mul(NODE_LEAST + PAYLOAD_MOST + 32)
            .saturating_add(1 << 16)
    }
}

/// One node: a block, and where its parent keeps the link to it.
#[derive(Debug, Clone, Copy)]
struct Node {
    block: NonNull<u8>,
    size: usize,
    /// The address of the link in the parent's node; none for the root.
    link: Option<NonNull<u64>>,
    leaf: bool,
}

/// A binary tree, built in an order that is not that of its addresses.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// One write of the child, and what it frees after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Where 8 bytes of user data are written.
    pub(super) write: NonNull<u64>,
    /// The block that is freed.
    pub(super) free: Option<(NonNull<u8>, usize)>,
    /// Which node it is about, in the order of allocation.
    pub(super) block: usize,
}

impl Tree {
    /// Build the tree: each new node hangs below one drawn at random that has a free side.
    pub(super) fn build(
        allocator: &mut dyn Allocator,
        work: &Workload,
    ) -> Result<Self, ProbeError> {
        if work.blocks < 2 || work.deeds == 0 || work.deeds > work.blocks / 4 {
            return Err(ProbeError::Work {
                blocks: work.blocks,
                deeds: work.deeds,
            });
        }
        let mut draw = Draw(work.seed);
        let mut nodes: Vec<Node> = Vec::with_capacity(work.blocks);
        // Links that are still empty, and the node that each belongs to.
        let mut open: Vec<(NonNull<u64>, usize)> = Vec::new();
        for index in 0..work.blocks {
            let size = NODE_LEAST + draw.below(PAYLOAD_MOST / 8 + 1) * 8;
            let Some(block) = allocator.alloc(size) else {
                Tree { nodes }.free(allocator);
                return Err(ProbeError::Full {
                    allocator: allocator.name(),
                    blocks: index,
                });
            };
            fill(block, size, index);
            let link = (index > 0).then(|| open.swap_remove(draw.below(open.len())));
            if let Some((link, parent)) = link {
                // SAFETY: a link of a node that was filled before.
                unsafe { link.write(block.addr().get() as u64) };
                nodes[parent].leaf = false;
            }
            let left = block.cast::<u64>();
            // SAFETY: a node has two links.
            let right = unsafe { left.add(1) };
            open.extend([(left, index), (right, index)]);
            nodes.push(Node {
                block,
                size,
                link: link.map(|(link, _)| link),
                leaf: true,
            });
        }
        Ok(Self { nodes })
    }

    /// Draw the nodes that the child touches; no node twice.
    pub(super) fn steps(&self, deed: Deed, work: &Workload) -> Vec<Step> {
        let mut draw = Draw(work.seed ^ 0x00c1_11d0);
        let mut from: Vec<usize> = (0..self.nodes.len())
            .filter(|&index| deed == Deed::Mutate || self.nodes[index].leaf)
            .collect();
        let step = |index: usize| {
            let node = self.nodes[index];
            match (deed, node.link) {
                (Deed::Free, Some(link)) => Step {
                    write: link,
                    free: Some((node.block, node.size)),
                    block: index,
                },
                _ => Step {
                    // SAFETY: a node has a key.
                    write: unsafe { node.block.add(KEY) }.cast(),
                    free: None,
                    block: index,
                },
            }
        };
        (0..work.deeds.min(from.len()))
            .map(|_| step(from.swap_remove(draw.below(from.len()))))
            .collect()
    }

    /// The bytes of all nodes.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.iter().map(|node| node.size).sum()
    }

    /// Give every node back.
    pub(super) fn free(&mut self, allocator: &mut dyn Allocator) {
        for node in self.nodes.drain(..) {
            // SAFETY: this allocator's block, with its size, and nobody uses it any more.
            unsafe { allocator.free(node.block, node.size) };
        }
    }
}

/// Write every byte of a node, so that all its pages are there before the fork.
fn fill(block: NonNull<u8>, size: usize, index: usize) {
    // SAFETY: the allocator gave so many bytes.
    unsafe { block.write_bytes(0xa5, size) };
    // SAFETY: a node is at least three words, aligned to 8.
    unsafe { block.cast::<[u64; 3]>().write([0, 0, index as u64]) };
}

/// Random enough, and the same everywhere (xorshift).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit") % end
    }
}

#[cfg(test)]
mod tests;

//! The shape of the tree: how nodes come and go.
//!
//! What is changed here was looked at before. But between the look and the change headers are written, and in a
//! heap that was damaged on purpose a node may have lain where they are now. So a walk here ends, whatever it
//! meets: addresses narrow down, or steps are counted.

use core::ops::Range;

use crate::control::Core;
use crate::fit::HEADER;
use crate::header::NONE;
use crate::index::links::{Node, Way, narrow};
use crate::spot::Spot;

/// Where a node hangs.
#[derive(Debug, Clone, Copy)]
enum Hook {
    Root,
    Child(Spot, Way),
}

impl Hook {
    fn parent(self) -> u32 {
        match self {
            Self::Root => NONE,
            Self::Child(parent, _) => parent.at(),
        }
    }
}

impl Core {
    /// Put a free block into the tree.
    pub(super) fn insert(&self, at: Spot, size: u32) {
        let rank = self.control.draw_rank();
        let (mut hook, mut next) = (Hook::Root, self.control.root());
        let mut between = 0..NONE;
        while let Some(here) = self.node_between(next, &between) {
            // Of equal ranks the lower address is above.
            if (self.peek(here).rank, at.at()) <= (rank, here.at()) {
                break;
            }
            hook = Hook::Child(here, narrow(&mut between, here.at(), at.at()));
            next = self.child(hook);
        }
        self.write_node(&Node {
            at,
            size,
            rank,
            children: [NONE, NONE],
            largest: 0,
            parent: hook.parent(),
        });
        self.hang(hook, at.at());
        self.unzip(at, next, between);
    }

    /// Divide those under `top`, which lie between two others, among the sides of a new node.
    fn unzip(&self, at: Spot, top: u32, between: Range<u32>) {
        let mut hooks = [Way::Down, Way::Up].map(|way| Hook::Child(at, way));
        let (mut next, mut between) = (top, between);
        while let Some(here) = self.node_between(next, &between) {
            let inward = narrow(&mut between, here.at(), at.at());
            let way = inward.back();
            self.hang(hooks[way as usize], here.at());
            let inner = Hook::Child(here, inward);
            hooks[way as usize] = inner;
            next = self.child(inner);
        }
        for hook in hooks {
            self.hang(hook, NONE);
        }
        for hook in hooks {
            self.mend(hook.parent(), at.at());
        }
    }

    /// Take a node out; its own header may be gone.
    pub(super) fn unlink(&self, node: &Node) {
        let place = self.hook_of(node);
        let mut hook = place;
        let [mut below, mut above] = node.children;
        let (mut under, mut over) = (0..node.at.at(), node.at.at() + 1..NONE);
        while let Some(low) = self.node_between(below, &under)
            && let Some(high) = self.node_between(above, &over)
        {
            let is_low = self.peek(low).rank >= self.peek(high).rank;
            if is_low {
                self.hang(hook, low.at());
                under.start = low.at() + 1;
                hook = Hook::Child(low, Way::Up);
                below = self.child(hook);
            } else {
                self.hang(hook, high.at());
                over.end = high.at();
                hook = Hook::Child(high, Way::Down);
                above = self.child(hook);
            }
        }
        self.hang(hook, if below == NONE { above } else { below });
        self.mend(hook.parent(), place.parent());
    }

    /// The free block of a node is here now, and has this size, between the same others.
    pub(super) fn settle(&self, node: &Node, to: Spot, size: u32) {
        let hook = self.hook_of(node);
        self.write_node(&Node {
            at: to,
            size,
            largest: 0,
            ..*node
        });
        self.hang(hook, to.at());
        for child in node.children {
            if let Some(child) = self.node_spot(child) {
                self.set_parent(child, to.at());
            }
        }
        self.mend(to.at(), to.at());
    }

    /// Say again how large the largest block is, from a node on up: to `until`, and from there on for as long as
    /// that changes anything.
    fn mend(&self, from: u32, until: u32) {
        let (mut next, mut is_past) = (from, false);
        let mut left = self.blocks.0.len() / (HEADER + 1);
        while let Some(here) = self.node_spot(next)
            && self.blocks.is_free(here)
            && left > 0
        {
            left -= 1;
            is_past |= here.at() == until;
            let node = self.peek(here);
            // One of them was not on the way here, and not looked at: it may be anything that a header fits.
            let under = node.children.map(|child| {
                let child = self.node_spot(child);
                child.map_or(0, |child| self.blocks.peek(child).handle)
            });
            let largest = node.size.max(under[0]).max(under[1]);
            if largest != node.largest {
                self.write_node(&Node { largest, ..node });
            } else if is_past {
                return;
            }
            next = node.parent;
        }
    }

    fn hook_of(&self, node: &Node) -> Hook {
        match self.node_spot(node.parent) {
            Some(parent) => Hook::Child(parent, Way::to(parent.at(), node.at.at())),
            None => Hook::Root,
        }
    }

    fn hang(&self, hook: Hook, child: u32) {
        match hook {
            Hook::Root => self.control.set_root(child),
            Hook::Child(parent, Way::Down) => self.blocks.set_tag_previous(parent, child),
            Hook::Child(parent, Way::Up) => self.blocks.set_tag_next(parent, child),
        }
        if let Some(child) = self.node_spot(child) {
            self.set_parent(child, hook.parent());
        }
    }

    fn child(&self, hook: Hook) -> u32 {
        match hook {
            Hook::Root => self.control.root(),
            Hook::Child(parent, way) => self.blocks.tag_links(parent)[way as usize],
        }
    }

    /// A place where a node can be; the last block is none.
    fn node_spot(&self, at: u32) -> Option<Spot> {
        self.blocks.spot(at).filter(|_| at != self.blocks.last())
    }

    fn node_between(&self, at: u32, between: &Range<u32>) -> Option<Spot> {
        self.node_spot(at).filter(|_| between.contains(&at))
    }
}

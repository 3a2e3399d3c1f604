//! What the tree is told, and how it is looked through.

use crate::control::Core;
use crate::engine::Carved;
use crate::error::{Damage, What};
use crate::fit::payload_of;
use crate::header::{Around, Doubt, Header, NONE, damage};
use crate::index::links::{Links, Node, Way};
use crate::index::{Both, Check, Keep, Slide};
use crate::spot::Spot;

impl Keep for Links {
    type Entry = Node;

    fn begin(core: &Core, first: Spot, size: u32, _: Spot) {
        core.control.set_root(NONE);
        core.control.set_seed(core.control.heap);
        core.insert(first, size);
    }

    fn entry<D: Doubt>(core: &Core, at: Spot) -> Result<Node, D> {
        match core.look_down(at.at())? {
            Some(node) => core.look_beside(&node).map(|()| node),
            None => Err(D::new(at.at(), What::Index)),
        }
    }

    fn look_for_place<D: Doubt>(core: &Core, at: Spot) -> Result<(), D> {
        // A block without a dword would have no room for the parent.
        if core.blocks.size(at) == 0 {
            return Err(D::new(at.at(), What::Size));
        }
        match core.look_down(at.at())? {
            Some(_) => Err(D::new(at.at(), What::Index)),
            None => Ok(()),
        }
    }

    fn carved(core: &Core, node: Node, carved: &Carved) {
        let Carved {
            found, fit, cut, ..
        } = *carved;
        let rest = payload_of(fit.rest);
        match (fit.front, cut) {
            (0, None) => core.unlink(&node),
            (0, Some(cut)) => core.settle(&node, cut, rest),
            (front, cut) => {
                core.settle(&node, found.at, payload_of(front));
                if let Some(cut) = cut {
                    core.insert(cut, rest);
                }
            }
        }
    }

    fn freed(core: &Core, _: Spot, (start, size): (Spot, u32), _: &Around, nodes: Both<Node>) {
        match nodes {
            [None, None] => core.insert(start, size),
            [Some(node), None] | [None, Some(node)] => core.settle(&node, start, size),
            [Some(below), Some(above)] => {
                // First, for it was written over, and may be next to the other one in the tree.
                core.settle(&below, start, size);
                core.unlink(&above);
            }
        }
    }

    fn grown(core: &Core, node: Node, _: [Spot; 3], rest: Option<(Spot, u32)>) {
        match rest {
            Some((cut, size)) => core.settle(&node, cut, size),
            None => core.unlink(&node),
        }
    }

    fn lifted(core: &Core, node: Node, _: Spot) {
        core.unlink(&node);
    }

    fn absorbed(core: &Core, node: Node, _: [Spot; 3]) {
        core.unlink(&node);
    }

    fn slid(_: &Core, _: Slide, _: Slide, _: Spot) {}

    fn appeared(core: &Core, at: Spot, size: u32) {
        // Nobody can be told: a block that is in no tree is found by the next who looks through all.
        if Self::look_for_place::<Damage>(core, at).is_ok() {
            core.insert(at, size);
        }
    }
}

/// The next node of the tree, once a walk has begun.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    next: Option<u32>,
}

impl Check for Links {
    type Walked = Walked;

    fn is_header(header: &Header) -> bool {
        let node = Header::node(
            header.previous,
            header.size,
            header.rank(),
            header.links,
            header.handle,
        );
        *header == node
    }

    /// The nodes come in the order of their addresses, as the free blocks do.
    fn walk(core: &Core, walked: &mut Walked, at: u32, header: &Header) -> Result<(), Damage> {
        if !header.is_free() || at == core.blocks.last() {
            return Ok(());
        }
        let next = match walked.next {
            Some(next) => next,
            None => core.first_node()?,
        };
        if next != at {
            return Err(damage(at, What::Index));
        }
        let node = core.node_of(core.blocks.known_spot(at), header);
        core.check_node(&node)?;
        walked.next = Some(core.next_node(&node)?);
        Ok(())
    }

    fn walked(core: &Core, walked: Walked) -> Result<(), Damage> {
        match walked.next.unwrap_or(core.control.root()) {
            NONE => Ok(()),
            at => Err(damage(at, What::Index)),
        }
    }
}

impl Core {
    /// Look at a node and those that hang on it.
    fn check_node(&self, node: &Node) -> Result<(), Damage> {
        let at = node.at.at();
        let mut largest = node.size;
        for way in [Way::Down, Way::Up] {
            let Some(child) = self.child_of::<Damage>(node, way)? else {
                continue;
            };
            let place = (child.rank, at);
            let is_under = place <= (node.rank, child.at.at());
            if Way::to(at, child.at.at()) != way || !is_under {
                return Err(damage(child.at.at(), What::Index));
            }
            largest = largest.max(child.largest);
        }
        if largest != node.largest {
            return Err(damage(at, What::Index));
        }
        Ok(())
    }
}

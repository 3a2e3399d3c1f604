//! Trees of free blocks that were forged, check bytes and all: an operation is refused or does what it can, and
//! ends.

use tagheap::{Error, Options, Tag, TagHeap};

use crate::memory::Memory;

/// Dwords of the block area, and where the last block is.
const DWORDS: usize = 256;
const LAST: u32 = DWORDS as u32 - 6;

/// No block.
const NONE: u32 = u32::MAX;

/// Where the root stands in the control block.
const ROOT: usize = 17;

/// A node to be written.
struct Node {
    at: u32,
    size: u32,
    rank: u32,
    children: [u32; 2],
    largest: u32,
    parent: u32,
}

fn options() -> Options {
    Options::new().handles(0).tag_slots(2).table(false)
}

/// Run something on a heap whose dwords can be written under it.
fn with_heap(act: impl FnOnce(&TagHeap<'_>, &Forger)) {
    let (mut control, mut blocks) = (
        Memory::new(options().control_len(4 * DWORDS)),
        Memory::new(4 * DWORDS),
    );
    let root = control.bytes()[4 * ROOT..].as_mut_ptr();
    let heap = TagHeap::create_apart(control.bytes(), blocks.bytes(), &options()).unwrap();
    let first = heap.base().as_ptr();
    act(&heap, &Forger { root, first });
    // Whatever it is now, to look at it ends.
    let _ = heap.validate();
    let _ = heap.drawing().to_string();
}

struct Forger {
    root: *mut u8,
    first: *mut u8,
}

impl Forger {
    fn dword(&self, at: u32, value: u32) {
        assert!((at as usize) < DWORDS);
        let at = self.first.wrapping_add(4 * at as usize);
        // SAFETY: a dword of the block area, to which nobody has a reference.
        unsafe { at.cast::<u32>().write(value) };
    }

    fn root(&self, at: u32) {
        // SAFETY: a dword of the control block, to which nobody has a reference.
        unsafe { self.root.cast::<u32>().write(at) };
    }

    /// Write what a node says of itself, but for its link to the block before.
    fn node(&self, node: &Node) {
        let meta = 0x7fff | node.rank << 15;
        let folded = (node.at ^ node.size ^ meta ^ node.largest).to_le_bytes();
        let check = folded.into_iter().fold(0x5a, |fold, byte| fold ^ byte);
        let [below, above] = node.children;
        let meta = meta | u32::from(check) << 24;
        let dwords = [node.size, meta, below, above, node.largest, node.parent];
        for (at, dword) in (node.at + 1..).zip(dwords) {
            self.dword(at, dword);
        }
    }

    /// Two nodes: the second, of no rank, hangs below the first, which lies within it or beside it.
    fn pair(&self, upper: u32, lower: u32, largest: u32) {
        self.node(&Node {
            at: upper,
            size: 1,
            rank: 31,
            children: [lower, NONE],
            largest,
            parent: NONE,
        });
        self.node(&Node {
            at: lower,
            size: LAST - 6 - lower,
            rank: 0,
            children: [NONE, NONE],
            largest: LAST - 6 - lower,
            parent: upper,
        });
        self.root(upper);
    }
}

fn head() -> Tag {
    Tag::head(1).unwrap()
}

/// A node of the highest rank, under which nothing is larger.
fn large(at: u32, size: u32, children: [u32; 2], parent: u32) -> Node {
    Node {
        at,
        size,
        rank: 31,
        children,
        largest: size,
        parent,
    }
}

#[test]
fn a_node_that_the_rest_is_written_over_leads_nowhere() {
    with_heap(|heap, forger| {
        forger.pair(17, 0, 250);
        // The rest's size comes to be the parent of the first: here it leads to the last block.
        for (at, dword) in [(225, NONE), (226, NONE), (227, 1), (228, LAST)] {
            forger.dword(at, dword);
        }
        let _ = heap.alloc_raw(64, head());
    });
}

#[test]
fn a_node_that_a_grown_block_is_written_over_leads_nowhere() {
    with_heap(|heap, forger| {
        let block = heap.alloc_raw(64, head()).unwrap();
        forger.dword(6, LAST);
        forger.pair(30, 22, 250);
        // SAFETY: nobody uses the block.
        let _ = unsafe { heap.realloc_raw(block, 120) };
    });
}

#[test]
fn a_node_within_the_block_that_is_carved_leads_nowhere() {
    // To the last block, and to itself.
    for above in [LAST, 8] {
        with_heap(|heap, forger| {
            forger.node(&large(8, 1, [NONE, above], 0));
            forger.node(&large(0, LAST - 6, [NONE, 8], NONE));
            let _ = heap.alloc_raw_aligned(64, 128, head());
        });
    }
}

#[test]
fn a_node_behind_the_block_that_is_carved_leads_nowhere() {
    with_heap(|heap, forger| {
        // The last is out of sight of whoever looks at the hole's neighbours, and hangs below itself.
        forger.node(&large(0, LAST - 6, [NONE, 18], NONE));
        forger.node(&large(18, 1, [NONE, 100], 0));
        forger.node(&large(100, 1, [100, NONE], 18));
        let _ = heap.alloc_raw_aligned(64, 128, head());
    });
}

#[test]
fn a_live_block_that_a_node_names_as_its_parent_stays_one() {
    with_heap(|heap, forger| {
        let block = heap.alloc_raw(16, head()).unwrap();
        forger.node(&large(10, LAST - 16, [NONE, 18], NONE));
        forger.node(&large(18, 1, [NONE, 100], 10));
        // What is left behind the new block is to hang on this one, which is said to hang on the live one.
        forger.node(&large(100, 1, [NONE, NONE], 0));
        let tail = Tag::tail(1).unwrap();
        heap.alloc_raw_aligned(64, 128, tail).unwrap();
        // SAFETY: nobody uses the block.
        unsafe { heap.free_raw(block) }.unwrap();
    });
}

#[test]
fn a_block_without_a_dword_is_not_freed() {
    with_heap(|heap, forger| {
        let blocks = [16, 24, 16].map(|size| heap.alloc_raw(size, head()).unwrap());
        // The second block's bytes are a header that leads back to it, and its size says that this is the next.
        // Both are told apart from sound ones by nothing else.
        let check = |at: u32, meta: u32| {
            let folded = (at ^ meta ^ NONE).to_le_bytes();
            let check = folded.into_iter().fold(0x5a, |fold, byte| fold ^ byte);
            meta | u32::from(check) << 24
        };
        for (at, dwords) in [(11, [0, check(10, 1)]), (17, [0, check(16, 1)])] {
            for (at, dword) in (at..).zip(dwords) {
                forger.dword(at, dword);
            }
        }
        forger.dword(16, 10);
        forger.dword(21, NONE);
        // SAFETY: nobody uses the block.
        let said = unsafe { heap.free_raw(blocks[1]) };
        assert_eq!(
            said.unwrap_err().to_string(),
            "corrupt header at base+40: the block ends outside"
        );
    });
}

#[test]
fn holes_in_the_wrong_order_are_not_asked_in_turns() {
    with_heap(|heap, forger| {
        // Three holes, none of which has room for an aligned block; the last block takes all that is left.
        let sizes = [16, 32, 16, 32, 16, 16, 16, 166 * 4];
        let blocks = sizes.map(|size| heap.alloc_raw(size, head()).unwrap());
        for index in [1, 3, 5] {
            // SAFETY: nobody uses the blocks.
            unsafe { heap.free_raw(blocks[index]) }.unwrap();
        }
        heap.validate().unwrap();
        let node = |at, size, rank, children, parent| Node {
            at,
            size,
            rank,
            children,
            largest: 8,
            parent,
        };
        forger.node(&node(58, 4, 31, [34, 10], NONE));
        forger.node(&node(34, 8, 3, [NONE, NONE], 58));
        forger.node(&node(10, 8, 3, [NONE, NONE], 58));
        forger.root(58);
        let said = heap.alloc_raw_aligned(32, 128, head());
        assert!(matches!(said, Err(Error::Corrupt(_))), "{said:?}");
    });
}

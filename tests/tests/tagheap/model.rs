//! One program on two heaps: tagheap, and the list walker with the same rules.

use std::ptr::NonNull;

use proptest::prelude::*;
use tagheap::walker::Walker;
use tagheap::{BlockState, Error, Freed, Handle, Offer, Options, Tag, TagHeap, Verdict};

/// One step. Blocks are named by number among the live ones, counted round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Alloc {
        size: usize,
        align: usize,
        tag: Tag,
        named: bool,
    },
    Free {
        block: usize,
    },
    Realloc {
        block: usize,
        size: usize,
    },
    Retag {
        block: usize,
        number: u16,
    },
    FreeTags {
        low: Tag,
        high: Tag,
    },
    /// Blocks with these numbers, modulo 8, are vetoed. In steps of so many bytes, if given.
    Defrag {
        vetoed: u8,
        budget: Option<usize>,
    },
}

/// Few tags, so that they are shared.
const TAGS: u16 = 12;

fn tag() -> impl Strategy<Value = Tag> {
    (0..TAGS, any::<bool>()).prop_map(|(number, tail)| {
        let tag = if tail {
            Tag::tail(number)
        } else {
            Tag::head(number)
        };
        tag.expect("a small number")
    })
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 0..80_usize,
        4 => 0..600_usize,
        1 => 0..9000_usize,
        1 => Just(usize::MAX),
    ]
}

pub(crate) fn ops() -> impl Strategy<Value = Op> {
    let align = prop_oneof![4 => Just(4_usize), 1 => (2..9_u32).prop_map(|log| 1 << log)];
    let block = 0..64_usize;
    prop_oneof![
        8 => (size(), align, tag(), any::<bool>())
            .prop_map(|(size, align, tag, named)| Op::Alloc { size, align, tag, named }),
        5 => block.clone().prop_map(|block| Op::Free { block }),
        3 => (block.clone(), size()).prop_map(|(block, size)| Op::Realloc { block, size }),
        1 => (block, 0..TAGS).prop_map(|(block, number)| Op::Retag { block, number }),
        1 => (tag(), tag()).prop_map(|(low, high)| Op::FreeTags { low, high }),
        2 => (any::<u8>(), prop::option::of(1..500_usize))
            .prop_map(|(vetoed, budget)| Op::Defrag { vetoed, budget }),
    ]
}

/// How a block is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Raw,
    Handle(Handle),
}

#[derive(Debug, Clone, Copy)]
struct Live {
    place: usize,
    size: usize,
    name: Name,
    seed: u8,
}

/// Both heaps, and what lives in them.
pub(crate) struct Pair<'m> {
    pub(crate) heap: TagHeap<'m>,
    walker: Walker,
    live: Vec<Live>,
    seed: u8,
}

fn byte(seed: u8, index: usize) -> u8 {
    seed.wrapping_mul(31)
        .wrapping_add((index as u8).wrapping_mul(7))
}

impl<'m> Pair<'m> {
    pub(crate) fn new(control: &'m mut [u8], blocks: &'m mut [u8], options: &Options) -> Self {
        let walker = Walker::new(blocks.len());
        let heap = TagHeap::create_apart(control, blocks, options).unwrap();
        Self {
            heap,
            walker,
            live: Vec::new(),
            seed: 0,
        }
    }

    /// Perform one operation on both, and compare all there is to compare.
    pub(crate) fn perform(&mut self, op: Op) {
        match op {
            Op::Alloc {
                size,
                align,
                tag,
                named,
            } => self.alloc(size, align, tag, named),
            Op::Free { block } => self.free(block),
            Op::Realloc { block, size } => self.realloc(block, size),
            Op::Retag { block, number } => self.retag(block, number),
            Op::FreeTags { low, high } => self.free_tags(low, high),
            Op::Defrag { vetoed, budget } => self.defrag(vetoed, budget),
        }
    }

    /// Compare the chains, block by block, and every count.
    pub(crate) fn compare(&self) {
        let mut expected = self.walker.chain().into_iter();
        for block in self.heap.walk() {
            let requested = match block.state {
                BlockState::Live { requested, .. } => requested,
                BlockState::Free | BlockState::Last => 0,
            };
            let seen = (block.offset, block.tag_bits(), block.size, requested);
            assert_eq!(Some(seen), expected.next());
        }
        assert_eq!(expected.next(), None);
        assert_eq!(self.heap.count_free_head(), self.walker.count_free_head());
        assert_eq!(self.heap.largest_free(), self.walker.largest_free());
        assert_eq!(self.heap.live(), self.live.len());
    }

    /// Compare every byte of every live block with what was written.
    pub(crate) fn compare_bytes(&self) {
        for live in &self.live {
            self.compare_block(live, live.size);
        }
    }

    fn alloc(&mut self, size: usize, align: usize, tag: Tag, named: bool) {
        let expected = self.walker.alloc(size, align, tag);
        let (name, place) = if named {
            let handle = self.heap.alloc_aligned(size, align, tag);
            let place = handle.and_then(|handle| self.heap.payload_of(handle));
            (handle.map(Name::Handle), place)
        } else {
            let block = self.heap.alloc_raw_aligned(size, align, tag);
            let place = block.map(|block| self.heap.offset_of(block.as_ptr()).unwrap());
            (block.map(|_| Name::Raw), place)
        };
        assert_eq!(place, expected);
        if let (Ok(place), Ok(name)) = (place, name) {
            self.seed = self.seed.wrapping_add(1);
            let live = Live {
                place,
                size: size.max(1),
                name,
                seed: self.seed,
            };
            self.fill(&live);
            self.live.push(live);
        }
    }

    fn free(&mut self, block: usize) {
        let Some(index) = block.checked_rem(self.live.len()) else {
            return;
        };
        let live = self.live.remove(index);
        self.compare_block(&live, live.size);
        let expected = self.walker.free(live.place);
        assert_eq!(self.free_in_heap(&live), Ok(expected));
        let again = self.free_in_heap(&live);
        match live.name {
            Name::Raw => assert_eq!(
                again,
                Err(Error::DoubleFree {
                    payload: live.place
                })
            ),
            Name::Handle(_) => assert_eq!(again, Err(Error::Stale)),
        }
    }

    fn free_in_heap(&self, live: &Live) -> Result<Freed, Error> {
        match live.name {
            // SAFETY: the test uses blocks by their place only.
            Name::Raw => unsafe { self.heap.free_raw(self.pointer(live)) },
            Name::Handle(handle) => self.heap.free(handle),
        }
    }

    fn realloc(&mut self, block: usize, size: usize) {
        let Some(index) = block.checked_rem(self.live.len()) else {
            return;
        };
        let live = self.live[index];
        let expected = self.walker.realloc(live.place, size);
        let place = match live.name {
            Name::Raw => {
                // SAFETY: the test uses blocks by their place only.
                let block = unsafe { self.heap.realloc_raw(self.pointer(&live), size) };
                block.map(|block| self.heap.offset_of(block.as_ptr()).unwrap())
            }
            Name::Handle(handle) => {
                let done = self.heap.realloc(handle, size);
                done.and_then(|()| self.heap.payload_of(handle))
            }
        };
        assert_eq!(place, expected);
        if let Ok(place) = place {
            let new = Live {
                place,
                size: size.max(1),
                ..live
            };
            self.compare_block(
                &Live {
                    size: live.size,
                    ..new
                },
                new.size.min(live.size),
            );
            self.fill(&new);
            self.live[index] = new;
        } else {
            self.compare_block(&live, live.size);
        }
    }

    fn retag(&mut self, block: usize, number: u16) {
        let Some(index) = block.checked_rem(self.live.len()) else {
            return;
        };
        let live = self.live[index];
        let Name::Handle(handle) = live.name else {
            return;
        };
        let new = match self.heap.tag_of(handle).unwrap().side() {
            tagheap::Side::Head => Tag::head(number),
            tagheap::Side::Tail => Tag::tail(number),
        };
        self.heap.set_tag(handle, new.unwrap()).unwrap();
        self.walker.retag(live.place, new.unwrap());
    }

    fn free_tags(&mut self, low: Tag, high: Tag) {
        let freed = self.heap.free_tags(low..=high);
        if low.side() != high.side() || low > high {
            assert_eq!(freed, Err(Error::BadRange { low, high }));
            return;
        }
        assert_eq!(freed, Ok(self.walker.free_tags(low, high)));
        let places: Vec<_> = self
            .heap
            .walk()
            .filter(tagheap::Block::is_live)
            .map(|block| block.payload)
            .collect();
        self.live
            .retain(|live| places.binary_search(&live.place).is_ok());
    }

    fn defrag(&mut self, vetoed: u8, budget: Option<usize>) {
        let decide = |tag: Tag| vetoed & 1 << (tag.number() % 8) == 0;
        let mut moved = Vec::new();
        let moves = self.walker.defrag(|tag, from, to| {
            let moves = decide(tag);
            if moves {
                moved.push((from, to));
            }
            moves
        });
        let verdict = |offer: &Offer| {
            if decide(offer.tag) {
                Verdict::Move
            } else {
                Verdict::Veto
            }
        };
        let plan = self.heap.defrag_plan(verdict).unwrap();
        assert_eq!(plan.moves, moves);
        let mut offered = Vec::new();
        let largest = self.heap.walk().map(|block| block.size).max().unwrap_or(0);
        loop {
            let mut note = |offer: &Offer| {
                let verdict = verdict(offer);
                if verdict == Verdict::Move {
                    offered.push((offer.from, offer.to));
                }
                verdict
            };
            let report = match budget {
                Some(budget) => self.heap.defrag_step(budget, &mut note).unwrap(),
                None => self.heap.defrag(&mut note).unwrap(),
            };
            if let Some(budget) = budget {
                assert!(report.bytes <= budget + largest);
            }
            assert!(report.after.free >= report.before.free);
            if report.finished {
                assert_eq!(plan.after, report.after);
                break;
            }
        }
        assert_eq!(offered, moved);
        for live in &mut self.live {
            if let Some((_, to)) = moved.iter().find(|(from, _)| *from == live.place) {
                live.place = *to;
            }
        }
    }

    fn pointer(&self, live: &Live) -> NonNull<u8> {
        // SAFETY: places are in the heap.
        unsafe { self.heap.base().add(live.place) }
    }

    fn fill(&self, live: &Live) {
        let bytes = |index| byte(live.seed, index);
        match live.name {
            Name::Raw => {
                for index in 0..live.size {
                    // SAFETY: the block has so many bytes.
                    let at = unsafe { self.pointer(live).add(index) };
                    // SAFETY: as above.
                    unsafe { at.write(bytes(index)) };
                }
            }
            Name::Handle(handle) => self
                .heap
                .with_mut(handle, |payload| {
                    assert_eq!(payload.len(), live.size);
                    for (index, byte) in payload.iter_mut().enumerate() {
                        *byte = bytes(index);
                    }
                })
                .unwrap(),
        }
    }

    fn compare_block(&self, live: &Live, len: usize) {
        if let Name::Handle(handle) = live.name {
            assert_eq!(self.heap.payload_of(handle), Ok(live.place));
        }
        let bytes = NonNull::slice_from_raw_parts(self.pointer(live), len);
        // SAFETY: the block has so many bytes, all written.
        let bytes = unsafe { bytes.as_ref() };
        for (index, seen) in bytes.iter().enumerate() {
            assert_eq!(*seen, byte(live.seed, index), "byte {index} of {live:?}");
        }
    }
}

//! Bytes that are in use stay where they are.

use tagheap::{Error, Options, Tag, TagHeap, Typed, Verdict};

use crate::memory::Memory;

fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

#[test]
fn a_pinned_block_is_neither_freed_nor_moved() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let hole = heap.alloc(100, head(1)).unwrap();
    let block = heap.alloc(100, head(2)).unwrap();
    let wall = heap.alloc(100, head(2)).unwrap();
    heap.free(hole).unwrap();
    let place = heap.payload_of(block).unwrap();
    let pinned = Err(Error::Pinned { payload: place });

    let guard = heap.pin(block).unwrap();
    assert_eq!(heap.free(block).map(drop), pinned);
    assert_eq!(heap.free_tags(head(0)..=head(9)).map(drop), pinned);
    assert_eq!(heap.live(), 2, "no block of the range was freed");
    assert_eq!(heap.realloc(block, 5000), pinned);
    assert_eq!(heap.realloc(block, 50), pinned);
    assert!(heap.pin_mut(block).is_err());
    let second = heap.pin(block).unwrap();
    let report = heap.defrag(|offer| {
        assert_eq!(offer.handle, Some(wall), "a pinned block is not offered");
        Verdict::Move
    });
    assert_eq!(
        report.map(|report| (report.moves, report.pinned)),
        Ok((0, 1))
    );
    drop(guard);
    assert_eq!(heap.free(block).map(drop), pinned);
    drop(second);

    let report = heap.defrag(|_| Verdict::Move).unwrap();
    assert_eq!((report.moves, report.pinned), (2, 0));
    heap.free(block).unwrap();
    heap.validate().unwrap();
}

#[test]
fn a_pinned_block_can_grow_in_place() {
    let mut memory = Memory::new(16384);
    for canaries in [false, true] {
        let options = Options::new().canaries(canaries);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let block = heap.alloc(30, head(1)).unwrap();
        let mut guard = heap.pin_mut(block).unwrap();
        guard.fill(9);
        heap.realloc(block, 300).unwrap();
        assert_eq!(*guard, [9; 30]);
        guard[29] = 8;
        drop(guard);
        assert_eq!(heap.size_of(block), Ok(300));
        heap.with(block, |bytes| assert_eq!(bytes[28..30], [9, 8]))
            .unwrap();
        heap.validate().unwrap();
    }
}

#[test]
fn a_writer_has_a_block_alone() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let block = heap.alloc(8, head(1)).unwrap();
    heap.with_mut(block, |bytes| {
        bytes.fill(1);
        assert!(heap.pin(block).is_err());
        assert!(heap.with_mut(block, |_| ()).is_err());
        // The heap goes on meanwhile.
        let other = heap.alloc(8, head(1)).unwrap();
        heap.defrag(|_| Verdict::Move).unwrap();
        heap.free(other).unwrap();
    })
    .unwrap();
    heap.with(block, |bytes| {
        assert_eq!(bytes, [1; 8]);
        heap.with(block, |again| assert_eq!(again, bytes)).unwrap();
    })
    .unwrap();
}

#[test]
fn a_panic_under_a_guard_takes_the_pin_back() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let block = heap.alloc(8, head(1)).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        heap.with_mut(block, |_| panic!("a closure of the test panics on purpose"))
    }));
    assert!(outcome.is_err());
    heap.free(block).unwrap();
}

#[test]
fn a_forgotten_guard_pins_until_the_heap_is_opened_again() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let block = heap.alloc(8, head(1)).unwrap();
    std::mem::forget(heap.pin_mut(block).unwrap());
    assert!(heap.free(block).is_err());
    let heap = TagHeap::open(memory.bytes()).unwrap();
    heap.free(block).unwrap();
}

#[test]
fn a_guard_dropped_within_a_callback_frees_its_block_to_move() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let blocks = [1, 2, 3, 4].map(|n| heap.alloc(8, head(n)).unwrap());
    heap.free(blocks[0]).unwrap();
    let mut guard = Some(heap.pin(blocks[2]).unwrap());
    let report = heap.defrag(|_| {
        guard = None;
        Verdict::Move
    });
    assert_eq!(report.unwrap().moves, 3);
    heap.validate().unwrap();
}

#[test]
fn typed_blocks_are_aligned_wherever_they_go() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let mut values: Vec<Typed<[u64; 3]>> = Vec::new();
    for n in 0..40 {
        values.push(heap.alloc_value([n; 3], head(1)).unwrap());
        heap.alloc(4 * (n as usize % 5) + 1, head(2)).unwrap();
    }
    heap.free_tags(head(2)..=head(2)).unwrap();
    let report = heap.defrag(|_| Verdict::Move).unwrap();
    assert!(report.moves > 30, "{report:?}");
    for (n, value) in (0..).zip(values) {
        assert_eq!(heap.payload_of(value.handle()).unwrap() % 8, 0);
        assert_eq!(heap.get(value), Ok([n; 3]));
        heap.set(value, [n + 1; 3]).unwrap();
        heap.with_value(value, |numbers| assert_eq!(*numbers, [n + 1; 3]))
            .unwrap();
        heap.realloc(value.handle(), 4).unwrap();
        assert_eq!(
            heap.get(value),
            Err(Error::WrongSize {
                block: 4,
                value: 24
            })
        );
    }
    heap.validate().unwrap();
}

#[test]
fn a_walk_ends_when_the_heap_changes() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    for n in 0..5 {
        heap.alloc(8, head(n)).unwrap();
    }
    let mut walk = heap.walk();
    assert!(walk.next().is_some());
    heap.alloc(8, head(1)).unwrap();
    assert_eq!(walk.next(), None);
    assert_eq!(heap.walk().count(), 8);
}

#[test]
fn tags_are_counted_and_changed_within_their_side() {
    let mut memory = Memory::new(16384);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let blocks = [10, 20, 30].map(|size| heap.alloc(size, head(1)).unwrap());
    let stats = heap.tag_stats(head(1)..=head(1)).unwrap();
    assert_eq!(
        (stats.blocks, stats.requested, stats.payload),
        (3, 60, 12 + 20 + 32)
    );
    heap.set_tag(blocks[1], head(2)).unwrap();
    assert_eq!(heap.tag_of(blocks[1]), Ok(head(2)));
    assert_eq!(heap.free_tags(head(1)..=head(1)).unwrap().blocks, 2);
    assert_eq!(heap.size_of(blocks[1]), Ok(20));
}

#[test]
fn a_tag_changes_within_a_list_that_tags_share() {
    let mut memory = Memory::new(4096);
    let heap = TagHeap::create(memory.bytes(), &Options::new().tag_slots(2)).unwrap();
    let blocks = [1, 2, 3].map(|tag| heap.alloc(10, head(tag)).unwrap());
    for (block, tag) in blocks.into_iter().zip([4, 5, 6]) {
        heap.set_tag(block, head(tag)).unwrap();
        heap.validate().unwrap();
    }
    assert_eq!(heap.free_tags(head(1)..=head(3)).unwrap().blocks, 0);
    assert_eq!(heap.free_tags(head(5)..=head(5)).unwrap().blocks, 1);
    heap.validate().unwrap();
}

#[test]
fn the_index_takes_a_48th_at_most() {
    // From 1 MiB on the levels of the tree are apart.
    let larger = (1 << 20..(1 << 20) + (1 << 16)).step_by(257 * 4);
    for len in (64 << 10..1 << 20).step_by(4093).chain(larger) {
        let mut control = vec![0_u64; Options::new().control_len(len) / 8 + 1];
        let mut blocks = vec![0_u64; len.div_ceil(8)];
        // SAFETY: any bytes are bytes.
        let (_, control, _) = unsafe { control.align_to_mut::<u8>() };
        // SAFETY: as above.
        let (_, blocks, _) = unsafe { blocks.align_to_mut::<u8>() };
        let heap = TagHeap::create_apart(control, &mut blocks[..len], &Options::new()).unwrap();
        assert!(heap.index_len() * 48 <= heap.capacity(), "{len} bytes");
    }
}

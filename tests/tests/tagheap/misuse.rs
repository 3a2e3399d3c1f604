//! One small program for each misuse, with the exact message.

use std::ptr::NonNull;

use tagheap::{Error, OpenError, Options, Tag, TagHeap, Verdict};

use crate::memory::Memory;

fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

#[track_caller]
fn assert_says<T: std::fmt::Debug, E: std::error::Error>(result: Result<T, E>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

/// Free by pointer.
fn free(heap: &TagHeap<'_>, block: NonNull<u8>) -> Result<tagheap::Freed, Error> {
    // SAFETY: nobody uses what is freed here.
    unsafe { heap.free_raw(block) }
}

/// With a table, and without.
fn both() -> [Options; 2] {
    [true, false].map(|table| Options::new().table(table))
}

#[test]
fn double_free_raw_block() {
    for options in both() {
        let mut memory = Memory::new(8192);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let a = heap.alloc_raw(16, head(1)).unwrap();
        let b = heap.alloc_raw(16, head(1)).unwrap();
        free(&heap, a).unwrap();
        assert_says(free(&heap, a), "double free: base+24 is free space");
        free(&heap, b).unwrap();
        // Its header is gone, and its bytes look as if it were not.
        assert_says(free(&heap, b), "double free: base+64 is free space");
        heap.validate().unwrap();
    }
}

#[test]
fn invalid_free_interior_pointer() {
    for options in both() {
        let mut memory = Memory::new(8192);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let a = heap.alloc_raw(64, head(1)).unwrap();
        let b = heap.alloc_raw(600, head(1)).unwrap();
        let inside = "invalid free: the pointer is inside the block whose payload is at base+24";
        for offset in [1, 2, 4, 24, 60, 63] {
            // SAFETY: within the block.
            let pointer = unsafe { a.add(offset) };
            assert_says(free(&heap, pointer), inside);
        }
        let inside = "invalid free: the pointer is inside the block whose payload is at base+112";
        for offset in [4, 256, 599] {
            // SAFETY: within the block.
            let pointer = unsafe { b.add(offset) };
            assert_says(free(&heap, pointer), inside);
        }
        heap.validate().unwrap();
    }
}

#[test]
fn invalid_free_interior_pointer_to_a_forged_header() {
    for options in both() {
        let mut memory = Memory::new(8192);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let a = heap.alloc_raw(64, head(1)).unwrap();
        // SAFETY: the header before the payload is initialised memory of the heap.
        let header = unsafe { a.sub(24) };
        // SAFETY: both within the heap; the payload has 64 bytes.
        unsafe { header.copy_to_nonoverlapping(a, 24) };
        // SAFETY: within the block.
        let pointer = unsafe { a.add(24) };
        let inside = "invalid free: the pointer is inside the block whose payload is at base+24";
        assert_says(free(&heap, pointer), inside);
    }
}

#[test]
fn invalid_free_foreign_pointer() {
    for options in both() {
        let mut memory = Memory::new(8192);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let foreign = "invalid free: the pointer is outside of this heap";
        let mut local = 5;
        assert_says(free(&heap, NonNull::from(&mut local).cast()), foreign);
        let below = heap.base().as_ptr().wrapping_sub(4);
        assert_says(free(&heap, NonNull::new(below).unwrap()), foreign);
        let above = heap.base().as_ptr().wrapping_add(heap.capacity());
        assert_says(free(&heap, NonNull::new(above).unwrap()), foreign);
        assert_says(
            free(&heap, heap.base()),
            "double free: base+0 is free space",
        );
    }
}

#[test]
fn use_after_free_handle() {
    let mut memory = Memory::new(8192);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let stale = heap.alloc(16, head(1)).unwrap();
    heap.free(stale).unwrap();
    let fresh = heap.alloc(16, head(1)).unwrap();
    assert_ne!(stale, fresh);
    let message = "use after free: the handle's block was freed";
    assert_says(heap.free(stale), message);
    assert_says(heap.pin(stale), message);
    assert_says(heap.realloc(stale, 5), message);
    assert_says(heap.set_tag(stale, head(2)), message);
    heap.free_tags(head(1)..=head(1)).unwrap();
    assert_says(heap.with(fresh, |_| ()), message);
}

#[test]
fn invalid_handle_of_another_heap() {
    let (mut one, mut other) = (Memory::new(8192), Memory::new(8192));
    let one = TagHeap::create(one.bytes(), &Options::new()).unwrap();
    let other = TagHeap::create(other.bytes(), &Options::new()).unwrap();
    let handle = one.alloc(16, head(1)).unwrap();
    other.alloc(16, head(1)).unwrap();
    assert_says(other.pin(handle), "invalid handle: it is of another heap");
}

#[test]
fn overflow_canary_1_byte() {
    let options = Options::new().canaries(true);
    let mut memory = Memory::new(8192);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let a = heap.alloc_raw(10, head(7)).unwrap();
    heap.validate().unwrap();
    // SAFETY: within the heap; that it is behind the block is the misuse.
    let behind = unsafe { a.add(10) };
    // SAFETY: as above.
    unsafe { behind.write(b'x') };
    let message =
        "overflow: block at base+24 (10 bytes, HEAD 7): canary byte 0 is 0x78, expected 0xfd";
    assert_says(heap.validate(), message);
    assert_says(free(&heap, a), message);
    // SAFETY: it fails, and the block stays.
    assert_says(unsafe { heap.realloc_raw(a, 5) }, message);
    assert_eq!(heap.live(), 1);
}

#[test]
fn bad_aligns_and_sizes_are_refused() {
    let mut memory = Memory::new(8192);
    let options = Options::new().base_align(4096).unwrap();
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let most = heap.align_max();
    assert!(most >= 4096);
    for align in [0, 3, 2 * most, usize::MAX] {
        let message =
            format!("bad align {align}: a power of two up to {most}, which is what the base has");
        assert_says(heap.alloc_raw_aligned(4, align, head(1)), &message);
    }
    let message = "no room: 18446744073709551615 bytes requested, largest free block 4048 bytes: \
                   free a tag, or defragment";
    assert_says(heap.alloc(usize::MAX, head(1)), message);
    let tail = Tag::tail(0).unwrap();
    let range = heap.free_tags(head(1)..=tail);
    assert_says(range, "tag range HEAD 1 to TAIL 0 crosses sides");
    let range = heap.free_tags(head(2)..=head(1));
    assert_says(range, "tag range HEAD 2 to HEAD 1 is reversed");
    let block = heap.alloc(4, tail).unwrap();
    let changed = heap.set_tag(block, head(1));
    assert_says(
        changed,
        "a block of TAIL 0 cannot become HEAD 1: the side stays",
    );
}

#[test]
fn a_full_handle_table_refuses_and_raw_blocks_go_on() {
    let mut memory = Memory::new(8192);
    let heap = TagHeap::create(memory.bytes(), &Options::new().handles(2)).unwrap();
    let handles = [0; 2].map(|_| heap.alloc(4, head(1)).unwrap());
    let message = "no handle left: all 2 slots are taken; create the heap with more";
    assert_says(heap.alloc(4, head(1)), message);
    assert_eq!(heap.live(), 2);
    heap.alloc_raw(4, head(1)).unwrap();
    heap.free(handles[0]).unwrap();
    heap.alloc(4, head(1)).unwrap();
}

#[test]
fn memory_that_is_none_for_a_heap_is_refused() {
    let mut memory = Memory::new(8192);
    let options = Options::new().handles(0).tag_slots(2);
    let bytes = memory.bytes();
    let least = match TagHeap::create(&mut bytes[..8], &options) {
        Err(OpenError::TooSmall { len: 8, least }) => least,
        other => panic!("{other:?}"),
    };
    assert!(TagHeap::create(&mut bytes[..least - 1], &options).is_err());
    let heap = TagHeap::create(&mut bytes[..least], &options).unwrap();
    assert_eq!(heap.largest_free(), 16);
    assert_eq!(heap.drawing().to_string(), "FIRST [FREE 4dw] LAST");
    let misaligned = TagHeap::create(&mut bytes[1..4096], &options);
    assert!(matches!(
        misaligned,
        Err(OpenError::Misaligned { align: 4, .. })
    ));
    assert_says(
        TagHeap::open(&mut bytes[4..]),
        "no heap of this version in these bytes",
    );
    assert!(TagHeap::open(&mut []).is_err());
    let (control, blocks) = bytes.split_at_mut(4096);
    let short = TagHeap::create_apart(&mut control[..16], blocks, &options);
    assert!(matches!(short, Err(OpenError::TooSmall { len: 16, .. })));
    let tiny = TagHeap::create_apart(control, &mut blocks[..63], &options);
    assert_says(
        tiny,
        "too small for a heap: 63 bytes, at least 64 are needed",
    );
}

#[test]
fn a_region_larger_than_offsets_is_refused() {
    let len = 9 << 30;
    // Address space only: nothing of it is touched.
    let region = arena_core::Region::anonymous(len).unwrap();
    let refused = tagheap::RegionHeap::create(region, &Options::new()).unwrap_err();
    let message = refused.to_string();
    assert!(
        message.starts_with("too large for a heap: 9663676416 bytes, at most "),
        "{message}"
    );
}

#[test]
fn calls_from_a_callback_are_refused() {
    let mut memory = Memory::new(8192);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let hole = heap.alloc(16, head(1)).unwrap();
    let kept = heap.alloc(16, head(2)).unwrap();
    let raw = heap.alloc_raw(16, head(3)).unwrap();
    heap.free(hole).unwrap();
    let mut offers = 0;
    let report = heap.defrag(|_| {
        offers += 1;
        let message = "the heap was called from a callback of its own";
        assert_says(heap.alloc(4, head(1)), message);
        assert_says(heap.alloc_raw(4, head(1)), message);
        assert_says(free(&heap, raw), message);
        assert_says(heap.free(kept), message);
        assert_says(heap.pin(kept), message);
        assert_says(heap.realloc(kept, 4), message);
        assert_says(heap.free_tags(head(2)..=head(3)), message);
        assert_says(heap.set_tag(kept, head(3)), message);
        assert_says(heap.defrag(|_| Verdict::Move), message);
        assert_says(heap.defrag_step(1, |_| Verdict::Move), message);
        assert_says(heap.defrag_plan(|_| Verdict::Move), message);
        assert_says(heap.tag_stats(head(1)..=head(3)), message);
        Verdict::Move
    });
    assert_eq!((offers, report.unwrap().moves), (2, 2));
    heap.validate().unwrap();
    heap.alloc(4, head(1)).unwrap();
}

#[test]
fn a_callback_that_panics_leaves_the_heap_whole_and_the_block_where_it_was() {
    for panic_at in 0..4 {
        let mut memory = Memory::new(8192);
        let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
        let blocks: Vec<_> = (0..8).map(|n| heap.alloc(16, head(n)).unwrap()).collect();
        for block in blocks.iter().step_by(2) {
            heap.free(*block).unwrap();
        }
        let mut offers = 0;
        let mut place = 0;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            heap.defrag(|offer| {
                place = offer.from;
                assert!(
                    offers != panic_at,
                    "a callback of the test panics on purpose"
                );
                offers += 1;
                Verdict::Move
            })
        }));
        assert!(outcome.is_err());
        heap.validate().unwrap();
        let offered = blocks[2 * panic_at + 1];
        assert_eq!(heap.payload_of(offered), Ok(place));
        let report = heap.defrag(|_| Verdict::Move).unwrap();
        assert_eq!(report.moves, 4 - panic_at);
        heap.validate().unwrap();
    }
}

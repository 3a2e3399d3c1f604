//! Numbers 19 and 20 are about NULL and sizes of 0 and less, which only the C API has: they are in
//! `th.rs`.

use std::ptr::NonNull;

use super::checked::{Checked, head};

const WORDS: [u32; 2] = [0xdead_beef, 0xcafe_babe];

#[test]
fn realloc_no_op_shrink() {
    let heap = Checked::new();
    let block = heap.alloc(200, head(1));
    heap.write(block, WORDS);
    let before = heap.0.drawing().to_string();
    assert_eq!(heap.realloc(block, 100), block);
    assert_eq!(heap.read(block, 2), WORDS);
    heap.assert_drawing(&before);
    assert_eq!(heap.realloc(block, 200), block, "the slack was kept");
}

#[test]
fn realloc_no_growth_needed() {
    let heap = Checked::new();
    let block = heap.alloc(200, head(1));
    assert_eq!(heap.realloc(block, 100), block);
    assert_eq!(heap.realloc(block, 100), block);
    heap.assert_drawing("FIRST [1 50dw] [FREE 74932dw] LAST");
}

#[test]
fn realloc_in_place_expansion() {
    let heap = Checked::new();
    let [a, b, c] = [1, 2, 3].map(|n| heap.alloc(100, head(n)));
    heap.write(a, WORDS);
    heap.fill(c, [0xcc; 100]);
    heap.free(b);
    assert_eq!(heap.realloc(a, 150), a);
    assert_eq!(heap.read(a, 2), WORDS);
    assert_eq!(heap.bytes(c, 100), [0xcc; 100]);
    heap.assert_drawing("FIRST [1 38dw] [FREE 12dw] [3 25dw] [FREE 74895dw] LAST");
}

#[test]
fn realloc_with_block_splitting() {
    let heap = Checked::new();
    let a = heap.alloc(100, head(1));
    let b = heap.alloc(500, head(2));
    heap.alloc(100, head(3));
    heap.free(b);
    assert_eq!(heap.realloc(a, 150), a);
    heap.assert_drawing("FIRST [1 38dw] [FREE 112dw] [3 25dw] [FREE 74795dw] LAST");
    let rest = heap.0.walk().nth(1).unwrap();
    assert_eq!(rest.size, 448);
}

#[test]
fn realloc_full_reallocation() {
    let heap = Checked::new();
    let [a, b] = [1, 2].map(|n| heap.alloc(100, head(n)));
    let words: Vec<_> = (0..25).map(|i| 0x1234_0000 + i).collect();
    heap.write(a, words.iter().copied());
    heap.fill(b, [0xbb; 100]);
    let moved = heap.realloc(a, 300);
    assert_ne!(moved, a);
    assert_eq!(heap.read(moved, 25), words);
    assert_eq!(heap.bytes(b, 100), [0xbb; 100]);
    heap.assert_drawing("FIRST [FREE 25dw] [2 25dw] [1 75dw] [FREE 74845dw] LAST");
    assert_eq!(heap.0.live(), 2);
}

#[test]
fn realloc_data_integrity() {
    let heap = Checked::new();
    for (case, (old, new)) in (0..).zip([(50, 150), (100, 300), (200, 100), (80, 200)]) {
        let block = heap.alloc(old, head(1));
        let wall = heap.alloc(8, head(2));
        let bytes = (0..old)
            .map(|i| (0xaa + case) ^ i as u8)
            .collect::<Vec<u8>>();
        heap.fill(block, bytes.iter().copied());
        let moved = heap.realloc(block, new);
        let kept = old.min(new);
        assert_eq!(heap.bytes(moved, kept), bytes[..kept], "{old} to {new}");
        assert_eq!(moved == block, new <= old);
        heap.free(moved);
        heap.free(wall);
    }
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
}

#[test]
fn realloc_alignment() {
    let heap = Checked::new();
    let mut blocks: Vec<(usize, u8, NonNull<u8>)> = Vec::new();
    for (j, size) in (0..).zip([10, 50, 100, 200]) {
        let block = heap.alloc(size, head(1));
        heap.fill(block, vec![0x55 + j; size]);
        blocks.push((size, 0x55 + j, block));
    }
    for (size, byte, block) in blocks {
        let grown = heap.realloc(block, size + 50);
        assert_eq!(grown.addr().get() % 4, 0);
        assert_eq!(heap.bytes(grown, size), vec![byte; size]);
    }
}

#[test]
fn realloc_with_pinned_blocks() {
    let heap = Checked::new();
    let [a, b, c] = [1, 2, 3].map(|n| heap.alloc(100, head(n)));
    heap.write(a, [0x7777_7777; 25]);
    heap.fill(c, [0xcc; 100]);
    heap.free(b);
    assert_eq!(heap.realloc(a, 200), a);
    assert_eq!(heap.read(a, 25), [0x7777_7777; 25]);
    assert_eq!(heap.bytes(c, 100), [0xcc; 100]);
    // 50 dwords are needed; the 6 that are left make no block.
    heap.assert_drawing("FIRST [1 56dw] [3 25dw] [FREE 74895dw] LAST");
}

#[test]
fn a_realloc_without_room_leaves_the_block_alone() {
    let heap = Checked::new();
    let block = heap.alloc(100, head(1));
    heap.fill(block, [0x5a; 100]);
    heap.alloc(heap.0.largest_free(), head(2));
    let before = heap.0.drawing().to_string();
    // SAFETY: it fails, so the block stays in use.
    let refused = unsafe { heap.0.realloc_raw(block, 200) };
    assert!(refused.is_err());
    assert_eq!(heap.bytes(block, 100), [0x5a; 100]);
    heap.assert_drawing(&before);
    heap.check();
}

use std::alloc::Layout;

use super::{Ranges, ShadowOracle};
use crate::violation::Violation;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn neighbours_that_touch_do_not_overlap() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    oracle.alloc(0x1010, layout(16, 8)).unwrap();
    oracle.alloc(0xff8, layout(8, 8)).unwrap();
    assert_eq!(oracle.live(), 3);
}

#[test]
fn overlap_is_seen_from_below_from_above_and_around() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    for (address, size) in [(0xff8, 9), (0x1008, 16), (0xff0, 64), (0x1004, 1)] {
        let violation = oracle.alloc(address, layout(size, 1)).unwrap_err();
        assert!(
            matches!(violation, Violation::Overlap { .. }),
            "{violation}"
        );
    }
    assert_eq!(oracle.live(), 1);
}

#[test]
fn overlap_with_the_slack_of_a_block_is_an_overlap() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc_usable(0x1000, layout(10, 1), 16).unwrap();
    let violation = oracle.alloc(0x100c, layout(4, 4)).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "overlap: block #1 (4 bytes, align 4, at 0x100c) shares 4 bytes with \
         block #0 (10 bytes, align 1, at 0x1000)"
    );
}

#[test]
fn misaligned_block_is_named_with_its_distance() {
    let violation = ShadowOracle::new()
        .alloc(0x1004, layout(8, 16))
        .unwrap_err();
    assert_eq!(
        violation.to_string(),
        "misaligned: block #0 (8 bytes, align 16, at 0x1004) \
         is 4 bytes past a multiple of its align"
    );
}

#[test]
fn block_that_leaves_its_range_by_one_byte_is_out_of_range() {
    let mut oracle = ShadowOracle::new();
    oracle.set_ranges(Ranges::Within(vec![0x1000..0x1100, 0x2000..0x2010]));
    oracle.alloc(0x2000, layout(16, 1)).unwrap();
    let violation = oracle.alloc(0x10f1, layout(16, 1)).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "out of range: block #1 (16 bytes, align 1, at 0x10f1) does not lie in \
         0x1000..0x1100, 0x2000..0x2010"
    );
}

#[test]
fn block_past_the_address_space_wraps() {
    let address = usize::MAX - 7;
    let violation = ShadowOracle::new()
        .alloc(address, layout(64, 8))
        .unwrap_err();
    assert_eq!(violation, Violation::Wraps { address, size: 64 });
}

#[test]
fn block_shorter_than_asked_is_too_short() {
    let violation = ShadowOracle::new()
        .alloc_usable(0x10, layout(9, 1), 8)
        .unwrap_err();
    assert_eq!(
        violation.to_string(),
        "too short: asked for 9 bytes, given 8"
    );
}

#[test]
fn double_free_is_told_from_invalid_free() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    oracle.alloc(0x2000, layout(16, 8)).unwrap();
    oracle.free(0x1000).unwrap();
    let double = oracle.free(0x1000).unwrap_err().to_string();
    assert_eq!(
        double,
        "double free: block #0 (16 bytes, align 8, at 0x1000) was freed before"
    );
    let interior = oracle.free(0x2008).unwrap_err().to_string();
    assert_eq!(
        interior,
        "invalid free: 0x2008 lies 8 bytes into block #1 (16 bytes, align 8, at 0x2000)"
    );
    let unknown = oracle.free(0x3000).unwrap_err().to_string();
    assert_eq!(unknown, "invalid free: 0x3000 belongs to no block");
}

#[test]
fn free_of_a_place_reused_in_between_is_lawful() {
    let mut oracle = ShadowOracle::new();
    for _ in 0..3 {
        oracle.alloc(0x1000, layout(16, 8)).unwrap();
        oracle.free(0x1000).unwrap();
    }
    assert_eq!(oracle.live(), 0);
}

#[test]
fn free_with_another_layout_is_invalid() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    let violation = oracle.free_sized(0x1000, layout(24, 8)).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "invalid free: block #0 (16 bytes, align 8, at 0x1000) freed as 24 bytes, align 8"
    );
    oracle.free_sized(0x1000, layout(16, 8)).unwrap();
}

#[test]
fn use_is_judged_by_the_block_it_begins_in() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    assert!(oracle.access(0x1000, 16).is_ok());
    let over = oracle.access(0x100f, 2).unwrap_err().to_string();
    assert_eq!(
        over,
        "overflow: 2 bytes at offset 15 of block #0 (16 bytes, align 8, at 0x1000)"
    );
    oracle.free(0x1000).unwrap();
    let after = oracle.access(0x1004, 1).unwrap_err().to_string();
    assert_eq!(
        after,
        "use after free: 1 bytes at offset 4 of block #0 (16 bytes, align 8, at 0x1000)"
    );
    let nowhere = oracle.access(0x1010, 1).unwrap_err().to_string();
    assert_eq!(nowhere, "invalid use: 1 bytes at 0x1010 belong to no block");
}

#[test]
fn zero_size_blocks_may_share_an_address() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    oracle.alloc(0x8, layout(0, 8)).unwrap();
    oracle.alloc(0x8, layout(0, 8)).unwrap();
    oracle.alloc(0x1008, layout(0, 8)).unwrap();
    assert_eq!(oracle.live(), 4);
    oracle.free(0x8).unwrap();
    oracle.free(0x8).unwrap();
    assert!(matches!(
        oracle.free(0x8),
        Err(Violation::InvalidFree { .. })
    ));
}

#[test]
fn retire_since_ends_later_blocks_only() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    let mark = oracle.next_id();
    oracle.alloc(0x1010, layout(16, 8)).unwrap();
    oracle.retire_since(mark);
    assert_eq!(
        oracle.blocks().map(|b| b.address).collect::<Vec<_>>(),
        [0x1000]
    );
    oracle.alloc(0x1010, layout(32, 8)).unwrap();
}

#[test]
fn relocate_swaps_places_without_an_overlap() {
    let mut oracle = ShadowOracle::new();
    oracle.alloc(0x1000, layout(16, 8)).unwrap();
    oracle.alloc(0x1010, layout(16, 8)).unwrap();
    let blocks: Vec<_> = oracle.blocks().copied().collect();
    oracle
        .relocate(&[(blocks[0], 0x1010), (blocks[1], 0x1000)])
        .unwrap();
    let ids: Vec<_> = oracle.blocks().map(|b| b.id.0).collect();
    assert_eq!(ids, [1, 0]);
    let blocks: Vec<_> = oracle.blocks().copied().collect();
    let violation = oracle.relocate(&[(blocks[0], 0x1008)]).unwrap_err();
    assert!(
        matches!(violation, Violation::Overlap { .. }),
        "{violation}"
    );
}

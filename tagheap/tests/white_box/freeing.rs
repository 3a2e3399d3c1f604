use tagheap::{Coalescing, Error, Freed};

use super::checked::{Checked, head, tail};

#[test]
fn freeblock_case_0_isolated_free() {
    let heap = Checked::new();
    let [a, _b, _c] = [1, 2, 3].map(|n| heap.alloc(16, head(n)));
    let freed = heap.free(a);
    assert_eq!(
        freed,
        Freed {
            bytes: 16,
            case: Coalescing::Isolated
        }
    );
    heap.assert_drawing("FIRST [FREE 4dw] [2 4dw] [3 4dw] [FREE 74958dw] LAST");
    assert_eq!(heap.0.live(), 2);
}

#[test]
fn freeblock_case_1_merge_with_next() {
    let heap = Checked::new();
    let [a, b, _c] = [1, 2, 3].map(|n| heap.alloc(16, head(n)));
    heap.free(b);
    heap.assert_drawing("FIRST [1 4dw] [FREE 4dw] [3 4dw] [FREE 74958dw] LAST");
    let freed = heap.free(a);
    assert_eq!(
        freed,
        Freed {
            bytes: 40,
            case: Coalescing::WithNext
        }
    );
    heap.assert_drawing("FIRST [FREE 14dw] [3 4dw] [FREE 74958dw] LAST");
}

#[test]
fn freeblock_case_2_merge_with_prev() {
    let heap = Checked::new();
    let [a, b, _c] = [1, 2, 3].map(|n| heap.alloc(16, head(n)));
    heap.free(a);
    let freed = heap.free(b);
    assert_eq!(
        freed,
        Freed {
            bytes: 40,
            case: Coalescing::WithPrevious
        }
    );
    heap.assert_drawing("FIRST [FREE 14dw] [3 4dw] [FREE 74958dw] LAST");
}

#[test]
fn freeblock_case_3_merge_both() {
    let heap = Checked::new();
    let [a, b, c, _d] = [1, 2, 3, 4].map(|n| heap.alloc(16, head(n)));
    heap.free(a);
    heap.free(c);
    heap.assert_drawing("FIRST [FREE 4dw] [2 4dw] [FREE 4dw] [4 4dw] [FREE 74948dw] LAST");
    let freed = heap.free(b);
    assert_eq!(
        freed,
        Freed {
            bytes: 64,
            case: Coalescing::WithBoth
        }
    );
    assert_eq!(freed.case.headers_gone(), 2);
    heap.assert_drawing("FIRST [FREE 24dw] [4 4dw] [FREE 74948dw] LAST");
}

#[test]
fn cascade_merges() {
    let heap = Checked::new();
    let blocks: Vec<_> = (0..10).map(|n| heap.alloc(16, head(n))).collect();
    for block in blocks.iter().step_by(2) {
        assert_eq!(heap.free(*block).case, Coalescing::Isolated);
    }
    assert_eq!(heap.0.fragmentation().holes, 5);
    let mut cases = Vec::new();
    for block in blocks.iter().skip(1).step_by(2) {
        cases.push(heap.free(*block).case);
    }
    assert_eq!(cases, [Coalescing::WithBoth; 5]);
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
    assert_eq!(heap.0.count_free_head(), 299_952);
}

#[test]
fn freetags_range() {
    let heap = Checked::new();
    let blocks = [1001, 1002, 1003, 1004].map(|n| heap.alloc(64, head(n)));
    for (block, n) in blocks.iter().zip(1..) {
        heap.write(*block, [n * 0x1111_1111; 16]);
    }
    let freed = heap.free_tags(head(1002), head(1003));
    assert_eq!((freed.blocks, freed.bytes), (2, 64 + 64 + 24));
    heap.assert_drawing("FIRST [1001 16dw] [FREE 38dw] [1004 16dw] [FREE 74900dw] LAST");
    assert_eq!(heap.read(blocks[0], 16), [0x1111_1111; 16]);
    assert_eq!(heap.read(blocks[3], 16), [0x4444_4444; 16]);
    assert_eq!(heap.0.fragmentation().holes, 1);
    assert_eq!(heap.free_tags(head(1002), head(1003)).blocks, 0);
}

#[test]
fn a_range_of_tags_stays_on_its_side() {
    let heap = Checked::new();
    heap.alloc(16, head(1));
    heap.alloc(16, tail(0x8001));
    heap.alloc(16, tail(0x8002));
    let crossing = heap.0.free_tags(head(1)..=tail(0x8001));
    let (low, high) = (head(1), tail(0x8001));
    assert_eq!(crossing, Err(Error::BadRange { low, high }));
    let reversed = heap.0.free_tags(head(2)..=head(1));
    let (low, high) = (head(2), head(1));
    assert_eq!(reversed, Err(Error::BadRange { low, high }));
    assert_eq!(heap.0.live(), 3);
    assert_eq!(heap.free_tags(tail(0x8000), tail(0xbffe)).blocks, 2);
    assert_eq!(heap.free_tags(head(0), head(0x3fff)).blocks, 1);
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
}

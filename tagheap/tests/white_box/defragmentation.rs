use tagheap::Verdict;

use super::checked::{Checked, head, tail};

#[test]
fn defragmentation() {
    let heap = Checked::new();
    let blocks = [1, 2, 3].map(|n| heap.alloc(64, head(n)));
    for (block, n) in blocks.iter().zip(1..) {
        heap.write(*block, (0..16).map(|i| n * 0x1111_0000 + i));
    }
    heap.free(blocks[1]);
    let report = heap.defrag(|offer| {
        assert_eq!((offer.tag, offer.requested), (head(3), 64));
        assert_eq!(offer.address, blocks[1]);
        Verdict::Move
    });
    assert_eq!((report.moves, report.vetoes, report.bytes), (1, 0, 64));
    assert!(report.finished);
    heap.assert_drawing("FIRST [1 16dw] [3 16dw] [FREE 74944dw] LAST");
    let pattern = |n: u32| {
        (0..16)
            .map(move |i| n * 0x1111_0000 + i)
            .collect::<Vec<_>>()
    };
    assert_eq!(heap.read(blocks[0], 16), pattern(1));
    assert_eq!(heap.read(blocks[1], 16), pattern(3));
    assert_eq!((report.before.holes, report.after.holes), (1, 0));
}

#[test]
fn complex_fragmentation_and_defrag() {
    let heap = Checked::new();
    let blocks: Vec<_> = (0x1000..=0x1013)
        .map(|n| (n, heap.alloc(128, head(n))))
        .collect();
    for (n, block) in &blocks {
        heap.write(*block, [u32::from(*n); 32]);
    }
    for (_, block) in blocks.iter().step_by(3) {
        heap.free(*block);
    }
    assert_eq!(heap.0.count_free_head(), 297_808);
    let plan = heap.0.defrag_plan(|_| Verdict::Move).unwrap();
    let report = heap.defrag(|_| Verdict::Move);
    assert_eq!((plan.moves, plan.after), (report.moves, report.after));
    assert_eq!(report.moves, 13);
    assert_eq!(heap.0.count_free_head(), 297_976);
    assert_eq!(heap.0.live(), 13);
    let kept = blocks.iter().enumerate().filter(|(i, _)| i % 3 != 0);
    for (slot, (_, (n, _))) in kept.enumerate() {
        let place = slot * (128 + 24) + 24;
        assert_eq!(heap.read(heap.at(place), 32), [u32::from(*n); 32]);
    }
    assert_eq!(report.after.largest_free, 297_976);
    assert_eq!(report.after.largest_share(), 1.0);
    assert_eq!(report.before.bytes_in_holes, 7 * 128);
}

#[test]
fn defrag_with_pinned_blocks() {
    let veto = |number| {
        move |offer: &tagheap::Offer| {
            if offer.tag == head(number) {
                Verdict::Veto
            } else {
                Verdict::Move
            }
        }
    };
    for vetoed in [1001, 9999] {
        let heap = Checked::new();
        let blocks = [1001, 1002, 1003].map(|n| heap.alloc(128, head(n)));
        heap.free(blocks[1]);
        let report = heap.defrag(veto(vetoed));
        assert_eq!((report.moves, report.vetoes), (1, 0));
        heap.assert_drawing("FIRST [1001 32dw] [1003 32dw] [FREE 74912dw] LAST");
    }
    for (vetoed, moves, vetoes, drawing) in [
        (
            9999,
            2,
            0,
            "FIRST [1002 32dw] [1003 32dw] [FREE 74912dw] LAST",
        ),
        (
            1002,
            0,
            1,
            "FIRST [FREE 32dw] [1002 32dw] [1003 32dw] [FREE 74874dw] LAST",
        ),
    ] {
        let heap = Checked::new();
        let blocks = [1001, 1002, 1003].map(|n| heap.alloc(128, head(n)));
        heap.free(blocks[0]);
        let report = heap.defrag(veto(vetoed));
        assert_eq!((report.moves, report.vetoes), (moves, vetoes));
        heap.assert_drawing(drawing);
    }
}

#[test]
fn the_walk_goes_on_above_a_veto() {
    let heap = Checked::new();
    let blocks: Vec<_> = (0..6).map(|n| heap.alloc(40, head(n))).collect();
    for i in [0, 2, 4] {
        heap.free(blocks[i]);
    }
    let report = heap.defrag(|offer| match offer.tag.number() {
        3 => Verdict::Veto,
        _ => Verdict::Move,
    });
    assert_eq!((report.moves, report.vetoes), (2, 1));
    heap.assert_drawing("FIRST [1 10dw] [FREE 26dw] [3 10dw] [5 10dw] [FREE 74908dw] LAST");
}

#[test]
fn tail_never_moves() {
    let heap = Checked::new();
    heap.alloc(40, head(1));
    let tails: Vec<_> = (1..5).map(|n| heap.alloc(40, tail(0x8000 | n))).collect();
    heap.free(tails[1]);
    heap.free(tails[3]);
    let before = heap.0.drawing().to_string();
    let report = heap.defrag(|_| Verdict::Move);
    assert_eq!(report.moves, 0);
    heap.assert_drawing(&before);
}

#[test]
fn a_move_over_less_than_its_own_length_keeps_every_byte() {
    let heap = Checked::new();
    let small = heap.alloc(4, head(1));
    let large = heap.alloc(1000, head(2));
    let bytes = || (0..1000_u32).map(|i| (i * 7 + 3) as u8);
    heap.fill(large, bytes());
    heap.free(small);
    assert_eq!(heap.defrag(|_| Verdict::Move).moves, 1);
    assert_eq!(heap.bytes(small, 1000), bytes().collect::<Vec<_>>());
}

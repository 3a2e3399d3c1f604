use super::*;
use proptest::prelude::*;

#[test]
fn requests_round_up_to_dwords() {
    for (bytes, dwords) in [(0, 1), (1, 1), (4, 1), (5, 2), (7, 2), (8, 2), (1000, 250)] {
        assert_eq!(dwords_for(bytes), Some(dwords), "{bytes} bytes");
    }
    assert_eq!(dwords_for(usize::MAX), None);
    assert_eq!(dwords_for(DWORDS_MAX as usize * 4), Some(DWORDS_MAX));
    assert_eq!(dwords_for(DWORDS_MAX as usize * 4 + 1), None);
}

#[test]
fn a_rest_of_nine_dwords_is_slack_and_of_ten_is_a_block() {
    let hole = Hole { at: 0, size: 20 };
    let slack = hole.lowest(11, 1).unwrap();
    assert_eq!((slack.size, slack.rest), (20, 0));
    let split = hole.lowest(10, 1).unwrap();
    assert_eq!((split.size, split.rest), (10, 10));
    let exact = hole.lowest(20, 1).unwrap();
    assert_eq!((exact.size, exact.rest), (20, 0));
    assert_eq!(hole.lowest(21, 1), None);
}

#[test]
fn tail_takes_the_upper_end_or_everything() {
    let hole = Hole { at: 0, size: 20 };
    let upper = hole.highest(10, 1).unwrap();
    assert_eq!((upper.at, upper.size, upper.front), (10, 10, 10));
    let whole = hole.highest(11, 1).unwrap();
    assert_eq!((whole.at, whole.size, whole.front), (0, 20, 0));
    assert_eq!(hole.highest(21, 1), None);
}

/// All payloads in the hole, tried one by one.
fn candidates(hole: Hole, need: u32, align: u32) -> impl DoubleEndedIterator<Item = u32> {
    (hole.first()..=hole.end()).filter(move |payload| {
        let gap = payload - hole.first();
        payload.is_multiple_of(align) && (gap == 0 || gap >= 10) && payload + need <= hole.end()
    })
}

proptest! {
    #[test]
    fn both_fits_are_the_best_of_all(
        at in 0_u32..300, size in 1_u32..200, need in 1_u32..220, log in 0_u32..6,
    ) {
        let hole = Hole { at, size };
        let align = 1 << log;
        let lowest = hole.lowest(need, align);
        let highest = hole.highest(need, align);
        prop_assert_eq!(lowest.map(|fit| fit.at + HEADER), candidates(hole, need, align).next());
        prop_assert_eq!(highest.map(|fit| fit.at + HEADER), candidates(hole, need, align).next_back());
        for fit in lowest.into_iter().chain(highest) {
            prop_assert_eq!(fit.front + HEADER + fit.size + fit.rest, HEADER + size);
            prop_assert!(fit.rest == 0 || fit.rest >= LEAST_REST);
            prop_assert!(fit.size < need + LEAST_REST);
        }
    }

    #[test]
    fn a_block_slides_to_the_lowest_place_or_stays(
        bottom in 0_u32..200, gap in 7_u32..60, log in 0_u32..6, free: bool,
    ) {
        let align = 1 << log;
        let at = (bottom + gap + HEADER).next_multiple_of(align) - HEADER;
        let found = slide(bottom, at, align, free);
        let expected = (bottom..at).find(|to| {
            let front = to - bottom;
            (to + HEADER).is_multiple_of(align) && (front == 0 || front >= 10 && free)
        });
        prop_assert_eq!(found, expected);
    }
}

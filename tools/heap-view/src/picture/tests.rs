//! What is seen where, at which moment.

use super::*;
use crate::event::{Action, BlockId, Event, Extent, RegionId};
use crate::snapshot::Span;

const REGION: RegionId = RegionId(0);

fn record(actions: &[Action]) -> (Trace, History) {
    let mut trace = Trace::new("picture");
    for &action in actions {
        trace.record(Event::new(action));
    }
    let history = History::of(&trace).expect("it fits");
    (trace, history)
}

fn map(size: u64) -> Action {
    let (region, base) = (REGION, 0x1000);
    Action::Map { region, base, size }
}

fn alloc(block: u64, to: Extent) -> Action {
    Action::Alloc {
        region: REGION,
        block: BlockId(block),
        to,
        align: 8,
        tag: None,
    }
}

fn seen((trace, history): &(Trace, History), moment: usize) -> Vec<(u64, u64, State)> {
    let window = windows(trace, history)[0];
    let spans = spans(trace, history, window, moment);
    let mut at = window.from;
    for span in &spans {
        assert_eq!(span.at, at, "a gap before {span:?}");
        assert!(span.end > span.at);
        at = span.end;
    }
    assert_eq!(at, window.to);
    spans.iter().map(|s| (s.at, s.end, s.state)).collect()
}

#[test]
fn live_freed_and_unused_bytes_are_told_apart() {
    let (region, block) = (REGION, BlockId(1));
    let blocks = [
        map(256),
        alloc(1, Extent::new(0, 64)),
        alloc(2, Extent::new(80, 32).within(16, 8)),
        Action::Free { region, block },
    ];
    let all = record(&blocks);
    assert_eq!(seen(&all, 0), [(0, 192, State::Unused)]);
    let two = [
        (0, 64, State::Live),
        (64, 80, State::Margin),
        (80, 112, State::Live),
        (112, 120, State::Margin),
        (120, 192, State::Unused),
    ];
    assert_eq!(seen(&all, 3), two);
    let freed = [(0, 64, State::Freed), two[1], two[2], two[3], two[4]];
    assert_eq!(seen(&all, 4), freed);
}

#[test]
fn what_is_wrong_is_seen_over_everything_until_a_reset() {
    let region = REGION;
    let fault = Action::Fault {
        violation: Violation::Overflow,
        region,
        at: 64,
        size: 1,
        block: Some(BlockId(1)),
    };
    let reset = Action::Reset { region };
    let all = record(&[map(128), alloc(1, Extent::new(0, 64)), fault, reset]);
    let hit = [
        (0, 64, State::Live),
        (64, 65, State::Corrupted),
        (65, 128, State::Unused),
    ];
    assert_eq!(seen(&all, 3), hit);
    assert_eq!(all.1.marks[0].placement, Some(0));
    assert_eq!(seen(&all, 4)[0], (0, 64, State::Freed));
    assert_eq!(best_moment(&all.1), 3);
}

#[test]
fn of_two_overlapping_blocks_the_younger_is_seen() {
    let blocks = [
        map(128),
        alloc(1, Extent::new(0, 64)),
        alloc(2, Extent::new(32, 64)),
    ];
    let (trace, history) = record(&blocks);
    let window = windows(&trace, &history)[0];
    let spans = spans(&trace, &history, window, 3);
    let rows: Vec<_> = spans.iter().map(|span| (span.at, span.placement)).collect();
    assert_eq!(rows, [(0, Some(0)), (32, Some(1)), (96, None)]);
}

#[test]
fn a_snapshot_holds_until_a_block_changes() {
    let mut trace = Trace::new("snapshot");
    trace.record(Event::new(map(128)));
    trace.snapshot(Snapshot {
        region: REGION,
        label: None,
        spans: vec![Span::new(32, 32, State::Pinned)],
    });
    trace.record(Event::new(Action::Note));
    trace.record(Event::new(alloc(1, Extent::new(0, 64))));
    let history = History::of(&trace).expect("it fits");
    let all = (trace, history);
    assert_eq!(seen(&all, 0)[0].2, State::Unused);
    for moment in [1, 2] {
        let spans = seen(&all, moment);
        assert_eq!(spans[0], (0, 32, State::Unused));
        assert_eq!(spans[1], (32, 64, State::Pinned));
    }
    assert_eq!(seen(&all, 3)[0], (0, 64, State::Live));
}

#[test]
fn a_large_gap_is_not_drawn_and_a_region_is_drawn_from_its_base() {
    let far = 1 << 30;
    let blocks = [
        map(0),
        alloc(1, Extent::new(far, 100)),
        alloc(2, Extent::new(3 * far, 100)),
    ];
    let (trace, history) = record(&blocks);
    let windows_seen = windows(&trace, &history);
    let ends: Vec<_> = windows_seen.iter().map(|w| (w.from, w.to)).collect();
    assert_eq!(ends, [(far, far + 128), (3 * far, 3 * far + 128)]);

    let (trace, history) = record(&[map(4096), alloc(1, Extent::new(64, 128))]);
    let window = windows(&trace, &history)[0];
    assert_eq!((window.from, window.to), (0, 256));

    let many: Vec<_> = (0..100)
        .map(|n| alloc(n, Extent::new(n * far, 8)))
        .collect();
    let (trace, history) = record(&[&[map(0)], &many[..]].concat());
    let count = windows(&trace, &history).len();
    assert!(count <= 12, "{count} windows");
}

#[test]
fn the_best_moment_of_a_quiet_recording_is_its_fullest() {
    let (region, at, size) = (REGION, 0, 8);
    let (trace, history) = record(&[
        map(128),
        alloc(1, Extent::new(0, 64)),
        Action::Read { region, at, size },
        Action::Unmap { region },
    ]);
    assert_eq!(best_moment(&history), 3);
    assert_eq!(trace.events.len(), 4);
    assert_eq!(best_moment(&History::default()), 0);
}

#[test]
fn a_region_is_fullest_until_the_next_change_after_its_most() {
    let (region, block) = (REGION, BlockId(1));
    let (_, history) = record(&[
        map(256),
        alloc(1, Extent::new(0, 64)),
        alloc(2, Extent::new(64, 64)),
        Action::Note,
        Action::Free { region, block },
        alloc(3, Extent::new(128, 32)),
        Action::Unmap { region },
    ]);
    assert_eq!(fullest_moment(&history, 0), 4);
    let (_, history) = record(&[map(256), alloc(1, Extent::new(0, 64)), Action::Note]);
    assert_eq!(fullest_moment(&history, 0), 3);
    let (_, history) = record(&[map(256), Action::Note, Action::Unmap { region }]);
    assert_eq!(fullest_moment(&history, 0), 2);
}

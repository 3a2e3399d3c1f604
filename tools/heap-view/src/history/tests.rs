//! What each event does to the blocks, and what is refused.

use super::*;

const REGION: RegionId = RegionId(7);

fn map() -> Action {
    Action::Map {
        region: REGION,
        base: 0x1000,
        size: 256,
    }
}

fn alloc(block: u64, at: u64, size: u64) -> Action {
    Action::Alloc {
        region: REGION,
        block: BlockId(block),
        to: Extent::new(at, size),
        align: 8,
        tag: None,
    }
}

fn free(block: u64) -> Action {
    Action::Free {
        region: REGION,
        block: BlockId(block),
    }
}

fn after(actions: &[Action]) -> History {
    let mut history = History::default();
    for &action in actions {
        history.apply(&Event::new(action)).expect("it fits");
    }
    history
}

fn misfit(actions: &[Action], last: Action) -> String {
    let mut history = after(actions);
    let before = format!("{history:?}");
    let refused = history.apply(&Event::new(last)).expect_err("a misfit");
    assert_eq!(format!("{history:?}"), before, "{refused}: changed it");
    refused.to_string()
}

fn live(history: &History, moment: usize) -> Vec<(u64, u64)> {
    let live = history.live_at(moment);
    live.map(|placement| (placement.block.0, placement.extent.at))
        .collect()
}

#[test]
fn a_block_lives_from_its_alloc_to_its_free() {
    let history = after(&[map(), alloc(1, 0, 64), alloc(2, 64, 32), free(1)]);
    assert_eq!(live(&history, 1), []);
    assert_eq!(live(&history, 2), [(1, 0)]);
    assert_eq!(live(&history, 3), [(1, 0), (2, 64)]);
    assert_eq!(live(&history, 4), [(2, 64)]);
    assert_eq!(history.live_bytes, [0, 64, 96, 32]);
    assert_eq!(history.live_blocks, [0, 1, 2, 1]);
    assert_eq!(history.peak(), 3);
    assert_eq!(history.placements[0].died, Some((3, Death::Free)));
}

#[test]
fn realloc_and_move_keep_the_block_and_say_where_it_came_from() {
    let to = Extent::new(64, 128);
    let (region, block) = (REGION, BlockId(1));
    let history = after(&[
        map(),
        alloc(1, 0, 64),
        Action::Realloc { region, block, to },
        Action::Move {
            region,
            block,
            to: 0,
        },
    ]);
    assert_eq!(live(&history, 3), [(1, 64)]);
    assert_eq!(live(&history, 4), [(1, 0)]);
    assert_eq!(history.live_bytes, [0, 64, 128, 128]);
    let froms: Vec<_> = history.placements.iter().map(|place| place.from).collect();
    assert_eq!(froms, [None, Some(0), Some(1)]);
    assert_eq!(history.placements[2].align, 8);
}

#[test]
fn a_block_keeps_its_label_until_it_is_given_another() {
    let (region, block, to) = (REGION, BlockId(1), Extent::new(0, 32));
    let label = |index| LabelId::of_index(index).expect("a small index");
    let mut history = after(&[map()]);
    let realloc = Event::new(Action::Realloc { region, block, to });
    for event in [
        Event::new(alloc(1, 0, 64)).labelled(label(0)),
        realloc,
        realloc.labelled(label(1)),
    ] {
        history.apply(&event).expect("it fits");
    }
    let labels: Vec<_> = history.placements.iter().map(|row| row.label).collect();
    assert_eq!(labels, [Some(label(0)), Some(label(0)), Some(label(1))]);
}

#[test]
fn rewind_ends_what_begins_there_or_above() {
    let rewind = Action::Rewind {
        region: REGION,
        to: 64,
    };
    let blocks = [map(), alloc(1, 0, 96), alloc(2, 64, 8), alloc(3, 96, 8)];
    let mut history = after(&blocks);
    history.apply(&Event::new(rewind)).expect("it fits");
    assert_eq!(live(&history, 5), [(1, 0)]);
}

#[test]
fn reset_and_unmap_end_everything_and_a_number_may_come_again() {
    let region = REGION;
    let history = after(&[
        map(),
        alloc(1, 0, 64),
        Action::Reset { region },
        alloc(1, 0, 32),
        Action::Unmap { region },
        map(),
        alloc(1, 8, 8),
    ]);
    assert_eq!(history.live_bytes, [0, 64, 0, 32, 0, 0, 8]);
    assert_eq!(history.regions.len(), 2);
    assert_eq!(history.ground_at(region, 4), Some(0));
    assert_eq!(history.ground_at(region, 7), Some(1));
    assert!(!history.regions[0].is_there_at(5));
    assert!(history.regions[0].is_there_at(4));
}

#[test]
fn a_fork_inherits_the_live_blocks_and_then_goes_its_own_way() {
    let child = RegionId(8);
    let fork = Action::Fork {
        from: REGION,
        to: child,
    };
    let in_child = Action::Free {
        region: child,
        block: BlockId(1),
    };
    let history = after(&[map(), alloc(1, 0, 64), fork, in_child]);
    assert_eq!(history.live_bytes, [0, 64, 128, 64]);
    assert_eq!(history.regions[1].base, 0x1000);
    assert_eq!(live(&history, 4), [(1, 0)]);
}

#[test]
fn what_cannot_have_happened_is_refused_and_changes_nothing() {
    let region = REGION;
    assert_eq!(misfit(&[], free(1)), "region 7 was never mapped");
    assert_eq!(misfit(&[map()], map()), "region 7 is mapped already");
    assert_eq!(
        misfit(&[map()], free(1)),
        "block 1 of region 7 was never handed out"
    );
    assert_eq!(
        misfit(&[map(), alloc(1, 0, 8), free(1)], free(1)),
        "block 1 of region 7 was ended by event 2"
    );
    assert_eq!(
        misfit(&[map(), alloc(1, 0, 8)], alloc(1, 8, 8)),
        "block 1 of region 7 is live already"
    );
    assert_eq!(
        misfit(&[map()], alloc(1, 250, 8)),
        "block 1 (8 bytes at 250, 0 before and 0 after them) is not within region 7 of 256 bytes"
    );
    assert_eq!(
        misfit(&[map(), Action::Unmap { region }], alloc(1, 0, 8)),
        "region 7 was unmapped by event 1"
    );
    let beyond = Action::Map {
        region,
        base: u64::MAX,
        size: 2,
    };
    let said = "region 7: 2 bytes from 0xffffffffffffffff end beyond every address";
    assert_eq!(misfit(&[], beyond), said);
}

#[test]
fn an_extent_that_overflows_is_outside_of_every_region() {
    let unbounded = Action::Map {
        region: REGION,
        base: 0,
        size: 0,
    };
    let before_the_start = Action::Alloc {
        region: REGION,
        block: BlockId(1),
        to: Extent::new(4, 8).within(8, 0),
        align: 0,
        tag: None,
    };
    let beyond_the_end = alloc(1, u64::MAX, 2);
    for action in [before_the_start, beyond_the_end] {
        let said = misfit(&[unbounded], action);
        assert!(said.contains("is not within region 7"), "{said}");
    }
}

#[test]
fn the_bytes_of_a_region_that_is_gone_may_still_be_looked_at() {
    let (region, at, size) = (REGION, 0, 8);
    let read = Action::Read { region, at, size };
    let history = after(&[map(), Action::Unmap { region }, read]);
    assert_eq!(history.len(), 3);
}

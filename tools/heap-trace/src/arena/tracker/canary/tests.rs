//! The hot path: each byte that it compares or fills, and each row that it believes.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::{Arena, Policy};

use crate::arena::tests::{bytes, free, write};
use crate::{Roots, Settings, TracedArena, Violation};

const SIZES: [usize; 12] = [1, 7, 8, 9, 15, 16, 17, 24, 31, 40, 63, 64];

fn with(settings: Settings) -> TracedArena {
    TracedArena::with(Arena::new(), settings.quiet(true))
}

/// The names of the faults, and where the first wrong byte of each is.
fn seen(arena: &TracedArena) -> Vec<(&'static str, isize)> {
    let first = |violation: Violation| match violation {
        Violation::Overflow(wrong)
        | Violation::Underflow(wrong)
        | Violation::UseAfterFree(wrong)
        | Violation::UseAfterReset(wrong) => wrong.first,
        _ => 0,
    };
    let faults = arena.report(&Roots::new()).faults;
    let tell = |fault: &crate::Fault| (fault.violation.name(), first(fault.violation));
    faults.iter().map(tell).collect()
}

#[test]
fn overflow_each_byte_of_the_rear_zone_is_compared_at_free() {
    for size in SIZES {
        let arena = with(Settings::new());
        let rear = 0..16 + (size.next_multiple_of(8) - size) as isize;
        for at in rear.clone() {
            let block = arena.alloc_layout(bytes(size));
            write(block, size as isize + at, 0x41);
            assert_eq!(free(&arena, block, size), None);
        }
        let expected: Vec<_> = rear.map(|at| ("overflow", at)).collect();
        assert_eq!(seen(&arena), expected, "{size}");
    }
}

#[test]
fn underflow_each_byte_of_the_front_zone_is_compared_at_free() {
    for size in SIZES {
        for align in [1, 16, 64] {
            let arena = with(Settings::new());
            let layout = Layout::from_size_align(size, align).unwrap();
            let front = 1..=align.max(16) as isize;
            for at in front.clone() {
                let block = arena.alloc_layout(layout);
                write(block, -at, 0x41);
                // SAFETY: not used any more.
                unsafe { arena.free(block, layout) }.unwrap();
            }
            let expected: Vec<_> = front.map(|at| ("underflow", -at)).collect();
            assert_eq!(seen(&arena), expected, "{size} {align}");
        }
    }
}

#[test]
fn use_after_free_each_byte_is_compared_when_it_is_used_again() {
    for size in SIZES {
        let arena = with(Settings::new().quarantine(0));
        let whole = -16..(size.next_multiple_of(8) + 16) as isize;
        for at in whole.clone() {
            let block = arena.alloc_layout(bytes(size));
            assert_eq!(free(&arena, block, size), None);
            write(block, at, 0x41);
            assert_eq!(arena.alloc_layout(bytes(size)), block, "used again");
            assert_eq!(free(&arena, block, size), None);
        }
        let expected: Vec<_> = whole.map(|at| ("use after free", at)).collect();
        assert_eq!(seen(&arena), expected, "{size}");
    }
}

#[test]
fn use_after_free_where_a_block_takes_part_of_the_poison() {
    let arena = with(Settings::new().quarantine(0));
    let block = arena.alloc_layout(bytes(64));
    assert_eq!(free(&arena, block, 64), None);
    write(block, 63, 0x41);
    arena.alloc_layout(bytes(16));
    assert_eq!(arena.report(&Roots::new()).faults.len(), 1, "still above");
    let arena = with(Settings::new().quarantine(0));
    let block = arena.alloc_layout(bytes(64));
    assert_eq!(free(&arena, block, 64), None);
    write(block, 63, 0x41);
    arena.alloc_layout(bytes(1000));
    assert_eq!(
        seen(&arena),
        [("use after free", 63)],
        "more than the poison"
    );
}

#[test]
fn a_freed_block_is_poison_from_end_to_end() {
    for size in SIZES {
        let arena = with(Settings::new());
        let block = arena.alloc_layout(bytes(size));
        // SAFETY: the block's own bytes.
        unsafe { block.write_bytes(7, size) };
        assert_eq!(free(&arena, block, size), None);
        for at in -16..(size + 16) as isize {
            // SAFETY: within the arena's memory.
            let byte = unsafe { block.offset(at) };
            // SAFETY: as above; written when it was poisoned.
            assert_eq!(unsafe { byte.read() }, 0xdd, "{size} {at}");
        }
    }
}

#[test]
fn a_mark_of_another_block_frees_no_other_block() {
    let arena = with(Settings::new());
    let mine = arena.alloc_layout(bytes(40));
    let other = arena.alloc_layout(bytes(40));
    // SAFETY: the mark, in the front zone.
    let to = unsafe { mine.sub(16) };
    // SAFETY: as above.
    let from = unsafe { other.sub(16) };
    // SAFETY: both have 8 bytes: the fault to be found.
    unsafe { to.copy_from_nonoverlapping(from, 8) };
    assert_eq!(free(&arena, mine, 40), None);
    let report = arena.report(&Roots::new());
    assert_eq!(report.faults[0].block(), Some(0), "{report}");
    assert_eq!(report.faults[0].violation.name(), "underflow");
    assert_eq!(free(&arena, other, 40), None, "it is live");
    assert_eq!(free(&arena, mine, 40), Some(Violation::DoubleFree));
}

#[test]
fn a_mark_that_leads_to_no_row_is_not_followed() {
    for row in [u64::MAX, 1 << 40, 2, 3] {
        let arena = with(Settings::new());
        let block = arena.alloc_layout(bytes(40));
        arena.alloc(1_u8);
        for (at, byte) in (-16..).zip((row ^ 0xa5c3_9d71_e84b_2f06).to_ne_bytes()) {
            write(block, at, byte);
        }
        assert_eq!(free(&arena, block, 40), None);
        assert_eq!(seen(&arena)[0].0, "underflow");
    }
}

#[test]
fn a_row_of_an_earlier_block_frees_nothing() {
    let arena = with(Settings::new().quarantine(0));
    let stale = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, stale, 40), None);
    // The same row now, another place: what was there is inside of it.
    let block = arena.alloc_layout(bytes(400));
    // SAFETY: within the new block, where the old mark might stand.
    let inside = unsafe { block.add(32) };
    // SAFETY: within the new block.
    let mark = unsafe { inside.sub(16) };
    // SAFETY: as above: a mark that says row 0.
    unsafe { mark.cast::<u64>().write(0xa5c3_9d71_e84b_2f06) };
    assert_eq!(
        free(&arena, inside, 400),
        Some(Violation::InteriorFree { offset: 32 })
    );
    assert_eq!(free(&arena, block, 400), None);
}

#[test]
fn layouts_that_have_no_room_in_a_row_are_known_as_all_others() {
    let arena = with(Settings::new().quarantine(0));
    let layouts = [
        (8190, 64),
        (8191, 8),
        (8192, 64),
        (100, 128),
        (1 << 20, 4096),
    ];
    let layouts = layouts.map(|(size, align)| Layout::from_size_align(size, align).unwrap());
    // SAFETY: not used any more, or the fault to be found.
    let free = |block, layout| unsafe { arena.free(block, layout) };
    let small = arena.alloc_layout(bytes(8));
    for layout in layouts {
        let block = arena.alloc_layout(layout);
        write(block, layout.size() as isize, 0x41);
        free(block, layout).unwrap();
        assert_eq!(free(block, layout), Err(Violation::DoubleFree));
        let block = arena.alloc_layout(layout);
        for (size, align) in [(layout.size() - 1, layout.align()), (layout.size(), 1)] {
            let other = Layout::from_size_align(size, align).unwrap();
            let block = arena.alloc_layout(layout);
            let wrong = Err(Violation::MismatchedLayout { size, align });
            assert_eq!(free(block, other), wrong, "{layout:?}");
        }
        free(block, layout).unwrap();
    }
    // The table has to grow over them.
    let kept = arena.alloc_layout(layouts[4]);
    let many: Vec<_> = (0..40_000).map(|_| arena.alloc_layout(bytes(8))).collect();
    free(kept, layouts[4]).unwrap();
    assert_eq!(free(small, bytes(8)), Ok(()));
    assert_eq!(many.len(), 40_000);
    let report = arena.report(&Roots::new());
    let overflows = report
        .faults
        .iter()
        .filter(|it| it.violation.name() == "overflow");
    let sizes: Vec<_> = overflows.map(|fault| fault.size()).collect();
    assert_eq!(sizes, layouts.map(|layout| Some(layout.size())));
    assert_eq!(report.faults.len(), 4 * layouts.len(), "{report}");
}

#[test]
fn a_freed_block_whose_mark_is_written_back_is_not_freed_again() {
    let arena = with(Settings::new());
    let block = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, block, 40), None);
    for (at, byte) in (-16..).zip(0xa5c3_9d71_e84b_2f06_u64.to_ne_bytes()) {
        write(block, at, byte);
    }
    assert_eq!(free(&arena, block, 40), Some(Violation::DoubleFree));
}

#[test]
fn numbers_go_on_when_blocks_are_given_back() {
    let mut arena = with(Settings::new().quarantine(0));
    for number in 0..5 {
        assert_eq!(arena.mark(), number);
        let block = arena.alloc_layout(bytes(40));
        assert_eq!(free(&arena, block, 40), None);
        write(block, 3, 0x41);
    }
    arena.scope(|scope| *scope.alloc(2_u8));
    let _ = arena.arena().alloc(1_u8);
    arena.alloc(3_u8);
    assert_eq!(arena.mark(), 7);
    let report = arena.report(&Roots::new());
    let blocks: Vec<_> = report.faults.iter().map(crate::Fault::block).collect();
    assert_eq!(blocks, [0, 1, 2, 3, 4].map(Some), "{report}");
}

#[test]
fn an_exhausted_arena_takes_its_freed_end_back() {
    let arena = Policy::new().reserve(1 << 16).build().unwrap();
    let arena = TracedArena::with(arena, Settings::new().quiet(true).quarantine(1 << 20));
    let mut blocks = Vec::new();
    while let Ok(block) = arena.try_alloc_layout(bytes(64)) {
        blocks.push(block);
    }
    let kept = blocks.len() / 2;
    for &block in &blocks[kept..] {
        assert_eq!(free(&arena, block, 64), None);
    }
    let more = (0..).take_while(|_| arena.try_alloc_layout(bytes(64)).is_ok());
    assert_eq!(more.count(), blocks.len() - kept);
    assert_eq!(arena.check(), 0);
    let numbers = arena.report(&Roots::new()).numbers;
    assert_eq!(numbers.frees as usize, blocks.len() - kept);
}

#[test]
fn what_was_not_traced_is_left_alone() {
    let arena = with(Settings::new().quarantine(0));
    let before = arena.alloc_layout(bytes(40));
    let own = arena.arena().alloc([7_u8; 100]);
    let after = arena.alloc_layout(bytes(40));
    let last = arena.arena().alloc([8_u8; 20]);
    assert_eq!(free(&arena, after, 40), None);
    assert_eq!(free(&arena, before, 40), None);
    assert_eq!((*own, *last), ([7; 100], [8; 20]));
    assert_eq!(arena.check(), 0);
    let inside = NonNull::from(own).cast();
    assert!(matches!(
        free(&arena, inside, 100),
        Some(Violation::ForeignFree { .. })
    ));
    let report = arena.report(&Roots::new());
    assert_eq!((report.numbers.allocations, report.numbers.frees), (2, 2));
}

#[test]
fn what_was_not_traced_is_not_given_back_with_freed_blocks_around_it() {
    let arena = with(Settings::new().quarantine(0));
    let before = arena.alloc_layout(bytes(40));
    let own = arena.arena().alloc([7_u8; 100]);
    let end_of_own = arena.arena().used();
    let after = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, after, 40), None);
    assert_eq!(free(&arena, before, 40), None);
    // Twice: how far the freed end reaches is only asked when it has grown.
    for _ in 0..2 {
        let more = arena.alloc_layout(bytes(400));
        assert_eq!(free(&arena, more, 400), None);
        assert!(arena.arena().used() >= end_of_own);
    }
    arena.alloc([9_u8; 400]);
    assert_eq!(*own, [7; 100]);
    assert_eq!(arena.check(), 0);
}

#[test]
fn frees_are_counted_beside_what_a_rewind_gives_up() {
    let mut arena = with(Settings::new());
    let block = arena.alloc_layout(bytes(40));
    arena.alloc(1_u8);
    assert_eq!(free(&arena, block, 40), None);
    arena.scope(|scope| *scope.alloc(2_u8));
    arena.reset();
    arena.alloc(3_u8);
    let numbers = arena.report(&Roots::new()).numbers;
    assert_eq!((numbers.allocations, numbers.frees), (4, 1));
}

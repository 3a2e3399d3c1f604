use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::policy::{Commit, Fork, Guard, HugePages, Reset};
use crate::region::page_size;

fn small(bytes: usize) -> Arena {
    Policy::new().reserve(bytes).build().unwrap()
}

fn message(body: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .expect("a formatted panic")
        .clone()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn blocks_follow_each_other_at_the_minimum_alignment() {
    let arena = small(4096);
    let offsets =
        [1, 64, 9, 8].map(|size| arena.offset_of(arena.alloc_layout(layout(size, 1)).as_ptr()));
    assert_eq!(offsets, [0, 8, 72, 88].map(Some));
    let dense = Policy::new()
        .reserve(4096)
        .build_with_min_align::<1>()
        .unwrap();
    let offsets =
        [1, 64, 9, 8].map(|size| dense.offset_of(dense.alloc_layout(layout(size, 1)).as_ptr()));
    assert_eq!(offsets, [0, 1, 65, 74].map(Some));
}

#[test]
fn the_exact_limit_is_hit_at_its_last_byte() {
    let arena = small(4096);
    for limit in [100, 99, 97, 96, 1] {
        let mut arena = small(4096);
        arena.set_limit(limit);
        assert!(
            arena.try_alloc_slice_fill_copy(limit, 1_u8).is_ok(),
            "limit {limit}"
        );
        arena.check();
        assert!(arena.try_alloc(1_u8).is_err());
        arena.reset();
        let error = arena
            .try_alloc_slice_fill_copy(limit + 1, 1_u8)
            .unwrap_err();
        assert_eq!(
            error,
            AllocError::Exhausted {
                size: limit + 1,
                align: 1,
                used: 0,
                limit,
                capacity: 4096
            }
        );
        arena.set_limit(usize::MAX);
        assert!(arena.try_alloc_slice_fill_copy(limit + 1, 1_u8).is_ok());
    }
    assert!(arena.try_alloc_slice_fill_copy(4096, 1_u8).is_ok());
    assert!(arena.try_alloc(1_u8).is_err());
    arena.check();
}

#[test]
fn a_limit_below_what_is_in_use_takes_nothing_away() {
    let arena = small(4096);
    let kept = arena.alloc([7_u8; 64]);
    arena.set_limit(10);
    assert!(arena.try_alloc(1_u8).is_err());
    assert_eq!(*kept, [7; 64]);
    assert_eq!((arena.used(), arena.limit()), (64, 10));
    arena.set_limit(72);
    assert!(arena.try_alloc(1_u64).is_ok());
}

#[test]
fn exhaustion_panics_with_all_the_numbers() {
    let arena = small(4096);
    arena.alloc([0_u8; 64]);
    assert_eq!(
        message(|| {
            arena.alloc([0_u8; 4096]);
        }),
        "arena exhausted: 4096 bytes (align 1) requested, 64 used, limit 4096, capacity 4096: \
         reserve more, or reset"
    );
    arena.set_limit(100);
    assert_eq!(
        message(|| {
            arena.alloc_slice_fill_copy(64, 0_u8);
        }),
        "arena exhausted: 64 bytes (align 1) requested, 64 used, limit 100, capacity 4096: \
         raise the limit, or reset"
    );
    assert!(arena.try_alloc(1_u32).is_ok());
}

#[test]
fn sizes_and_alignments_that_overflow_are_errors() {
    let arena = Arena::new();
    let huge = isize::MAX as usize;
    assert!(matches!(
        arena.try_alloc_layout(layout(huge, 1)),
        Err(AllocError::Exhausted { .. })
    ));
    assert!(arena.try_alloc_layout(layout(huge - 7, 8)).is_err());
    assert!(arena.try_alloc_layout(layout(1, 1 << 62)).is_err());
    let error = arena.try_alloc_slice_uninit::<u64>(usize::MAX).unwrap_err();
    assert_eq!(
        error,
        AllocError::TooLarge {
            count: usize::MAX,
            element_size: 8
        }
    );
    assert_eq!(
        error.to_string(),
        "block too large: 18446744073709551615 elements of 8 bytes exceed 9223372036854775807 bytes"
    );
    assert_eq!(arena.used(), 0);
    assert!(arena.try_alloc(1_u8).is_ok());
}

#[test]
fn an_alignment_of_a_gigabyte_is_kept_or_refused() {
    let arena = Policy::new().reserve(4 << 30).build().unwrap();
    let block = arena.alloc_layout(layout(1, 1 << 30));
    assert!(block.addr().get().is_multiple_of(1 << 30));
    arena.check();
    assert!(small(4096).try_alloc_layout(layout(1, 1 << 30)).is_err());
}

#[test]
fn no_bytes_cost_nothing_and_are_aligned() {
    let arena = small(4096);
    for align in [1, 8, 64, 1 << 30] {
        let block = arena.alloc_layout(layout(0, align));
        assert!(block.addr().get().is_multiple_of(align));
    }
    arena.alloc(());
    arena.alloc([0_u64; 0]);
    assert!(arena.alloc_slice_copy::<u64>(&[]).is_empty());
    assert_eq!(arena.alloc_str(""), "");
    assert_eq!(arena.alloc_slice_fill_with(1000, |_| ()).len(), 1000);
    assert_eq!(
        arena.alloc_slice_from_iter((0..1000).map(|_| ())).len(),
        1000
    );
    assert_eq!(arena.used(), 0);
}

#[test]
fn alloc_with_may_use_the_arena_it_fills() {
    let arena = small(4096);
    let outer = arena.alloc_with(|| {
        let inner: &u64 = arena.alloc(2);
        (1_u64, inner)
    });
    assert_eq!((outer.0, *outer.1), (1, 2));
    assert_eq!(arena.offset_of(outer), Some(0));
    assert_eq!(arena.used(), 24);
}

#[test]
fn a_panic_in_a_closure_leaves_the_arena_usable() {
    let arena = small(4096);
    let before: &mut u64 = arena.alloc(3);
    assert!(catch_unwind(AssertUnwindSafe(|| arena.alloc_with::<u64>(|| panic!("no")))).is_err());
    let values = (0..).map(|n| if n < 10 { n } else { panic!("no") });
    assert!(catch_unwind(AssertUnwindSafe(|| arena.alloc_slice_from_iter(values))).is_err());
    arena.check();
    assert_eq!((*before, arena.used()), (3, 16));
    assert_eq!(*arena.alloc(4_u64), 4);
}

#[test]
fn a_slice_grows_in_place_unless_its_iterator_allocates() {
    let arena = Arena::new();
    let alone = arena.alloc_slice_from_iter((0..1000_u64).filter(|n| n % 2 == 0));
    assert_eq!((alone.len(), arena.used()), (500, 4000));
    let shared =
        arena.alloc_slice_from_iter((0..100_u64).map(|n| &*arena.alloc(n)).filter(|_| true));
    assert!(
        shared
            .iter()
            .enumerate()
            .all(|(index, value)| **value == index as u64)
    );
    arena.check();
}

#[test]
fn slices_of_every_length_are_copied_whole_and_touch_no_neighbour() {
    let arena = Arena::new();
    for len in 0..200_usize {
        let bytes: Vec<u8> = (0..len).map(|n| (n * 7 + len) as u8).collect();
        let threes: Vec<[u8; 3]> = (0..len).map(|n| [n as u8, 1, 2]).collect();
        let references: Vec<&u8> = bytes.iter().collect();
        let before = arena.alloc_slice_fill_copy(16, 0xaa_u8);
        let copies = (
            arena.alloc_slice_copy(&bytes),
            arena.alloc_slice_copy(&threes),
            arena.alloc_slice_copy(&references),
        );
        let after = arena.alloc_slice_fill_copy(16, 0xaa_u8);
        assert_eq!((&*copies.0, &*copies.1), (&bytes[..], &threes[..]), "{len}");
        assert!(
            copies
                .2
                .iter()
                .zip(&bytes)
                .all(|(copy, byte)| std::ptr::eq(*copy, byte))
        );
        assert_eq!(
            (&*before, &*after),
            (&[0xaa; 16][..], &[0xaa; 16][..]),
            "{len}"
        );
    }
}

#[test]
fn an_iterator_that_does_not_fit_gives_its_block_back() {
    let arena = small(4096);
    assert!(arena.try_alloc_slice_from_iter(0..1000_u64).is_err());
    assert!(
        arena
            .try_alloc_slice_from_iter((0..1000_u64).filter(|_| true))
            .is_err()
    );
    assert_eq!(arena.used(), 0);
    assert_eq!(
        arena
            .alloc_slice_from_iter((0..512_u64).filter(|_| true))
            .len(),
        512
    );
}

#[test]
fn formatted_text_says_what_went_wrong() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let arena = small(4096);
    assert_eq!(arena.alloc_fmt(format_args!("{}-{:>5}", "a", 7)), "a-    7");
    assert_eq!(
        arena.try_alloc_fmt(format_args!("{Broken}")),
        Err(AllocError::Format)
    );
    let long = "x".repeat(5000);
    assert!(matches!(
        arena.try_alloc_fmt(format_args!("{long}{}", 1)),
        Err(AllocError::Exhausted { .. })
    ));
    assert_eq!(arena.used(), 8);
}

#[test]
fn stepwise_commits_what_is_needed_and_no_more() {
    let page = page_size();
    let policy = Policy::new()
        .reserve(64 * page)
        .commit(Commit::Stepwise { step: 4 * page });
    let mut arena = policy.reset(Reset::Decommit).build().unwrap();
    assert_eq!(arena.stats().committed, 0);
    arena.alloc(1_u8);
    assert_eq!(arena.stats().committed, 4 * page);
    arena.alloc_slice_fill_copy(10 * page, 1_u8);
    assert_eq!(arena.stats().committed, 12 * page);
    arena.check();
    arena.reset();
    assert_eq!((arena.stats().committed, arena.resident().unwrap()), (0, 0));
    arena.alloc_slice_fill_copy(64 * page, 1_u8);
    assert_eq!(arena.stats().committed, 64 * page);
    assert_eq!(arena.high_water_mark(), 64 * page);
    arena.check();
}

#[test]
fn ahead_populates_before_the_touch() {
    let page = page_size();
    let policy = Policy::new()
        .reserve(64 * page)
        .commit(Commit::Ahead { step: 8 * page });
    let arena = policy.huge_pages(HugePages::Never).build().unwrap();
    arena.alloc_layout(layout(1, 1));
    assert_eq!(arena.resident().unwrap(), 8 * page);
    arena.alloc_layout(layout(8 * page, 1));
    assert_eq!(arena.resident().unwrap(), 16 * page);
}

#[test]
fn reset_keeps_trims_or_decommits() {
    let page = page_size();
    for (reset, resident) in [
        (Reset::Keep, 16),
        (Reset::Trim(3 * page), 3),
        (Reset::Decommit, 0),
    ] {
        let mut arena = Policy::new()
            .reserve(64 * page)
            .reset(reset)
            .build()
            .unwrap();
        arena.alloc_slice_fill_copy(16 * page, 1_u8);
        arena.reset();
        assert_eq!(arena.resident().unwrap(), resident * page, "{reset:?}");
        assert_eq!((arena.used(), arena.high_water_mark()), (0, 16 * page));
        arena.check();
    }
    let mut arena = small(64 * page);
    arena.alloc_slice_fill_copy(16 * page, 1_u8);
    arena.reset_and_decommit(page + 1).unwrap();
    assert_eq!(arena.resident().unwrap(), 2 * page);
}

fn is_zero(block: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the block was handed out with that many bytes, and mapped memory has values.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, len).as_ref() };
    bytes.iter().all(|&byte| byte == 0)
}

fn dirty_then_rewound(zeroing: Zeroing) -> Arena {
    let mut arena = Policy::new()
        .reserve(1 << 16)
        .zeroing(zeroing)
        .build()
        .unwrap();
    arena.scope(|scope| {
        scope.alloc_slice_fill_copy(1000, 0xff_u8);
    });
    arena
}

#[test]
fn zeroing_promises_what_it_says() {
    assert!(is_zero(small(4096).alloc_layout(layout(100, 1)), 100));
    assert!(!is_zero(
        dirty_then_rewound(Zeroing::FreshOnly).alloc_layout(layout(100, 1)),
        100
    ));
    assert!(is_zero(
        dirty_then_rewound(Zeroing::Always).alloc_layout(layout(1000, 1)),
        1000
    ));
    for zeroing in [Zeroing::FreshOnly, Zeroing::Always, Zeroing::NeverPromised] {
        let arena = dirty_then_rewound(zeroing);
        assert!(
            is_zero(arena.alloc_layout_zeroed(layout(2000, 1)), 2000),
            "{zeroing:?}"
        );
    }
}

#[test]
fn zeroed_memory_is_zero_again_after_decommit() {
    let page = page_size();
    let mut arena = small(16 * page);
    arena.alloc_slice_fill_copy(16 * page, 0xff_u8);
    arena.reset_and_decommit(page).unwrap();
    assert!(is_zero(
        arena.alloc_layout_zeroed(layout(16 * page, 1)),
        16 * page
    ));
}

#[test]
fn slack_from_shrinking_is_cleared_where_zeroes_are_promised() {
    for zeroing in [Zeroing::FreshOnly, Zeroing::Always, Zeroing::NeverPromised] {
        let arena = Policy::new()
            .reserve(4096)
            .zeroing(zeroing)
            .build()
            .unwrap();
        let raw = arena.raw();
        let block = NonNull::from(arena.alloc([0xff_u8; 16])).cast::<u8>();
        // SAFETY: the block has these 16 bytes, and is used through what is returned.
        let block = unsafe { raw.shrink(block, layout(16, 1), layout(9, 1)) }.unwrap();
        // SAFETY: as above, 9 bytes.
        let block = unsafe { raw.grow_zeroed(block, layout(9, 1), layout(64, 1)) }.unwrap();
        let tail = block.as_ptr().wrapping_add(9);
        assert!(is_zero(NonNull::new(tail).unwrap(), 55), "{zeroing:?}");
    }
}

#[test]
fn a_buffer_is_used_from_its_first_aligned_byte_to_its_last() {
    let mut buffer = [MaybeUninit::uninit(); 256];
    for skip in 0..16 {
        let arena = Arena::in_buffer(&mut buffer[skip..]);
        assert!(
            (256 - skip - arena.capacity()) < 16,
            "{} of {}",
            arena.capacity(),
            256 - skip
        );
        arena.alloc_slice_fill_copy(arena.capacity(), 1_u8);
        assert!(arena.try_alloc(1_u8).is_err());
        arena.check();
    }
    let dense = Arena::<1, _>::in_buffer_with_min_align(&mut buffer[3..]);
    assert_eq!(dense.capacity(), 253);
    for len in 0..8 {
        let mut tiny = [MaybeUninit::uninit(); 8];
        let arena = Arena::<64, _>::in_buffer_with_min_align(&mut tiny[..len]);
        assert_eq!(arena.capacity(), 0);
        assert!(arena.try_alloc(1_u8).is_err());
    }
}

#[test]
fn a_forgotten_scope_gives_nothing_up_and_breaks_nothing() {
    let mut arena = small(4096);
    let mut guard = arena.scope_guard();
    guard.scope().alloc(1_u64);
    core::mem::forget(guard);
    assert_eq!(arena.used(), 8);
    assert_eq!(*arena.alloc(2_u64), 2);
    arena.check();
    arena.scope(|scope| scope.alloc([0_u8; 100]).len());
    assert_eq!(arena.used(), 16);
}

#[test]
fn a_panic_in_a_scope_rewinds_it() {
    let mut arena = small(4096);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        arena.scope(|scope| {
            scope.alloc([0_u8; 100]);
            scope.scope(|inner| {
                inner.alloc([0_u8; 200]);
                panic!("no");
            })
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((arena.used(), arena.high_water_mark()), (0, 304));
}

#[test]
fn policies_that_contradict_themselves_are_refused() {
    let page = page_size();
    let shared = || Region::anonymous_shared(page).unwrap();
    let private = || Region::anonymous(page).unwrap();
    fn refused<E: std::fmt::Display + std::fmt::Debug>(result: Result<Arena, E>) -> String {
        result.unwrap_err().to_string()
    }
    for (error, why) in [
        (
            refused(Policy::new().build_in(shared())),
            "the region is shared: choose Fork::Share or Fork::Absent",
        ),
        (
            refused(Policy::new().fork(Fork::Wipe).build_in(shared())),
            "only private anonymous memory can be wiped on fork",
        ),
        (
            refused(Policy::new().fork(Fork::Share).build_in(private())),
            "the region is private: it cannot be shared on fork",
        ),
        (
            refused(Policy::new().reserve(page).build_in(private())),
            "the region has its length already: leave reserve out",
        ),
        (
            refused(Policy::new().guard(Guard::Ends).build_in(private())),
            "guard the region with Region::with_guarded_ends instead",
        ),
        (
            refused(
                Policy::new()
                    .fork(Fork::Share)
                    .commit(Commit::Stepwise { step: page })
                    .build(),
            ),
            "shared memory cannot be committed in steps",
        ),
        (
            refused(
                Policy::new()
                    .commit(Commit::OnTouch)
                    .build_in(Region::reserve(page).unwrap()),
            ),
            "the region is only reserved: commit it in steps",
        ),
        (
            refused(Policy::new().commit(Commit::Ahead { step: 0 }).build()),
            "memory cannot be committed in steps of 0 bytes",
        ),
    ] {
        assert_eq!(error, format!("no such policy: {why}"));
    }
}

#[test]
fn every_fork_policy_and_guard_builds_and_works() {
    for fork in [Fork::Copy, Fork::Share, Fork::Wipe, Fork::Absent] {
        for guard in [Guard::None, Guard::Ends] {
            let arena = Policy::new()
                .reserve(1 << 16)
                .fork(fork)
                .guard(guard)
                .build()
                .unwrap();
            assert_eq!(arena.capacity(), 1 << 16);
            arena.alloc_slice_fill_copy(1 << 16, 1_u8);
            arena.check();
        }
    }
}

#[test]
fn an_arena_lives_in_any_region_and_gives_it_back() {
    let regions = [
        (Region::anonymous(1 << 16).unwrap(), Fork::Copy),
        (Region::anonymous_shared(1 << 16).unwrap(), Fork::Share),
        (Region::memfd("arena", 1 << 16).unwrap(), Fork::Share),
        (Region::reserve(1 << 16).unwrap(), Fork::Copy),
    ];
    for (region, fork) in regions {
        let base = region.base();
        let arena: Arena = Policy::new().fork(fork).build_in(region).unwrap();
        arena.alloc_str("Hello arena");
        arena.check();
        let region = arena.into_region();
        assert_eq!(region.base(), base);
        // SAFETY: the first bytes are committed and hold the text.
        assert_eq!(unsafe { base.read() }, b'H');
    }
}

#[test]
fn zeroing_always_clears_a_region_that_comes_with_bytes() {
    let arena = dirty_then_rewound(Zeroing::FreshOnly);
    let again: Arena = Policy::new()
        .zeroing(Zeroing::Always)
        .build_in(arena.into_region())
        .unwrap();
    assert!(is_zero(again.alloc_layout(layout(1000, 1)), 1000));
}

#[test]
fn a_limit_above_the_capacity_is_the_capacity() {
    let arena = small(4096);
    arena.set_limit(usize::MAX);
    assert_eq!(arena.limit(), 4096);
    arena.alloc_slice_fill_copy(4096, 1_u8);
    assert!(arena.try_alloc(1_u8).is_err());
    arena.check();
}

#[test]
fn offsets_are_of_used_bytes_only() {
    let arena = small(4096);
    let block: *const u8 = arena.alloc([0_u8; 16]).as_ptr();
    assert_eq!(arena.offset_of(block.wrapping_add(15)), Some(15));
    assert_eq!(arena.offset_of(block.wrapping_add(16)), None);
    assert_eq!(arena.offset_of(block.wrapping_sub(1)), None);
}

#[test]
fn text_that_does_not_fit_is_an_error_even_if_its_display_does_not_care() {
    struct Careless;
    impl fmt::Display for Careless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _ = f.write_str(&"x".repeat(5000));
            f.write_str("end")
        }
    }
    let arena = small(4096);
    let text = arena.try_alloc_fmt(format_args!("{Careless}"));
    assert!(
        matches!(text, Err(AllocError::Exhausted { .. })),
        "{text:?}"
    );
}

#[test]
fn a_region_that_lost_access_is_committed_again_by_the_next_arena() {
    let page = page_size();
    let region = Region::anonymous(64 * page).unwrap();
    let policy = Policy::new().commit(Commit::Stepwise { step: 4 * page });
    let mut arena: Arena = policy.build_in(region).unwrap();
    arena.alloc_slice_fill_copy(10 * page, 1_u8);
    arena.reset_and_decommit(0).unwrap();
    let region = arena.into_region();
    let refused = Policy::new()
        .commit(Commit::Ahead { step: page })
        .build_in::<8>(region)
        .unwrap_err();
    assert!(refused.to_string().contains("only reserved"), "{refused}");
    let arena: Arena = Policy::new().build_in(refused.region).unwrap();
    assert!(
        arena
            .alloc_slice_fill_copy(64 * page, 2_u8)
            .iter()
            .all(|&byte| byte == 2)
    );
}

#[test]
fn a_policy_that_does_not_fit_gives_the_region_back_as_it_was() {
    let region = Region::anonymous(page_size()).unwrap();
    let arena: Arena = Policy::new().build_in(region).unwrap();
    arena.alloc_str("Hello arena");
    let policy = Policy::new().zeroing(Zeroing::Always).fork(Fork::Share);
    let refused = policy.build_in::<8>(arena.into_region()).unwrap_err();
    let bytes = refused.region.base();
    // SAFETY: the region is mapped, and holds the text.
    assert_eq!(unsafe { bytes.read() }, b'H');
    let file = tempfile::tempfile().unwrap();
    // SAFETY: nobody else has the unlinked temporary file.
    let region = unsafe { Region::file(file, page_size()) }.unwrap();
    let policy = Policy::new().zeroing(Zeroing::Always).fork(Fork::Share);
    let refused = policy.build_in::<8>(region).unwrap_err();
    assert!(
        refused.to_string().ends_with("zeroing cannot be promised"),
        "{refused}"
    );
}

#[test]
fn trimming_counts_what_is_resident_not_only_what_was_used() {
    let mib = 1 << 20;
    let policy = Policy::new().reserve(8 * mib).reset(Reset::Trim(64 << 10));
    let mut arena = policy.commit(Commit::Ahead { step: mib }).build().unwrap();
    arena.alloc(1_u8);
    assert_eq!(arena.resident().unwrap(), mib);
    arena.reset();
    assert_eq!(arena.resident().unwrap(), 64 << 10);
    let mut arena = policy.huge_pages(HugePages::Always).build().unwrap();
    arena.alloc(1_u8);
    arena.reset();
    assert!(
        arena.resident().unwrap() <= 64 << 10,
        "{}",
        arena.resident().unwrap()
    );
}

#[test]
fn statistics_stay_in_order_whatever_is_given_back() {
    let page = page_size();
    for commit in [
        Commit::OnTouch,
        Commit::Stepwise { step: page },
        Commit::Ahead { step: page },
    ] {
        let mut arena = Policy::new()
            .reserve(64 * page)
            .commit(commit)
            .build()
            .unwrap();
        arena.alloc_slice_fill_copy(10 * page, 1_u8);
        arena.reset_and_decommit(page).unwrap();
        arena.check();
        assert_eq!(arena.high_water_mark(), 10 * page);
        arena.alloc_slice_fill_copy(2 * page, 1_u8);
        arena.reset_and_decommit(0).unwrap();
        assert_eq!(arena.high_water_mark(), 10 * page);
        arena.check();
    }
}

mod refused_by_the_os {
    use super::*;
    use crate::region::{Operation, failure};

    #[test]
    fn a_default_arena_falls_to_what_it_can_get() {
        let plan = failure::fail(Operation::Map, 1, libc::ENOMEM);
        assert_eq!(Arena::new().capacity(), 256 << 20);
        assert_eq!(plan.fired(), 1);
    }

    #[test]
    fn an_explicit_size_is_taken_or_refused() {
        let _plan = failure::fail(Operation::Map, 1, libc::ENOMEM);
        let error = Policy::new().reserve(1 << 20).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no memory for the arena: map of 1048576 bytes (anonymous memory) refused: \
             Cannot allocate memory (os error 12)"
        );
    }

    #[test]
    fn a_refused_step_is_an_error_and_the_next_try_may_succeed() {
        for (operation, commit) in [
            (Operation::Commit, Commit::Stepwise { step: 1 << 16 }),
            (Operation::Populate, Commit::Ahead { step: 1 << 16 }),
        ] {
            let arena = Policy::new()
                .reserve(1 << 20)
                .commit(commit)
                .build()
                .unwrap();
            let kept = arena.alloc(7_u64);
            let plan = failure::fail(operation, 1, libc::ENOMEM);
            let error = arena.try_alloc([0_u8; 1 << 17]).unwrap_err();
            assert!(
                matches!(
                    error,
                    AllocError::Commit {
                        size: 131_072,
                        used: 8,
                        ..
                    }
                ),
                "{error:?}"
            );
            assert_eq!((plan.fired(), arena.used(), *kept), (1, 8, 7));
            arena.check();
            assert!(arena.try_alloc([0_u8; 1 << 17]).is_ok());
        }
    }

    #[test]
    fn a_kernel_without_populate_or_huge_pages_serves_on_touch() {
        let arena = Policy::new()
            .reserve(1 << 20)
            .commit(Commit::Ahead { step: 1 << 16 })
            .build()
            .unwrap();
        let plan = failure::fail(Operation::Populate, 1, libc::EINVAL);
        arena.alloc([1_u8; 1 << 17]);
        assert_eq!((plan.fired(), arena.stats().committed), (1, 1 << 20));
        drop(plan);
        let arena = Policy::new()
            .huge_pages(HugePages::From(1 << 16))
            .build()
            .unwrap();
        let plan = failure::fail(Operation::Advise, 1, libc::EINVAL);
        arena.alloc([1_u8; 1 << 16]);
        assert_eq!(
            plan.fired(),
            0,
            "huge pages are not asked for before they are due"
        );
        arena.alloc(1_u8);
        assert_eq!(plan.fired(), 1);
        arena.check();
    }

    #[test]
    fn a_refused_decommit_leaves_the_arena_empty_and_its_memory_kept() {
        let mut arena = Policy::new()
            .reserve(1 << 16)
            .reset(Reset::Decommit)
            .build()
            .unwrap();
        arena.alloc([1_u8; 1 << 14]);
        let plan = failure::fail(Operation::Decommit, 1, libc::EINVAL);
        arena.reset();
        assert_eq!(
            (plan.fired(), arena.used(), arena.resident().unwrap()),
            (1, 0, 1 << 14)
        );
        assert!(is_zero(
            arena.alloc_layout_zeroed(layout(1 << 14, 1)),
            1 << 14
        ));
        drop(plan);
        let _plan = failure::fail(Operation::Decommit, 1, libc::EINVAL);
        assert!(arena.reset_and_decommit(0).is_err());
        assert_eq!(arena.used(), 0);
    }

    #[test]
    fn access_that_cannot_be_taken_away_does_no_harm() {
        let page = page_size();
        let policy = Policy::new()
            .reserve(64 * page)
            .commit(Commit::Stepwise { step: page });
        let mut arena = policy.build().unwrap();
        arena.alloc_slice_fill_copy(10 * page, 1_u8);
        let plan = failure::fail(Operation::Protect, 1, libc::ENOMEM);
        arena.reset_and_decommit(0).unwrap();
        assert_eq!((plan.fired(), arena.stats().committed), (1, 0));
        arena.alloc_slice_fill_copy(10 * page, 1_u8);
        arena.check();
    }

    #[test]
    fn guards_fall_back_to_mprotect_and_say_when_both_fail() {
        let page = page_size();
        let _plan = failure::fail(Operation::Guard, 1, libc::EINVAL);
        let region = Region::anonymous(3 * page)
            .unwrap()
            .with_guarded_ends()
            .unwrap();
        assert_eq!(region.len(), page);
        let _plan = failure::fail(Operation::Guard, 1, libc::ENOMEM);
        assert!(
            Region::anonymous(3 * page)
                .unwrap()
                .with_guarded_ends()
                .is_err()
        );
    }
}

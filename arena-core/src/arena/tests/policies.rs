//! What each choice of a policy does.

use super::*;

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

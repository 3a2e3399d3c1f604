//! Every path behind a call that the OS refuses.

use super::*;
use crate::region::{Operation, failure};

#[test]
fn a_default_arena_falls_to_what_it_can_get() {
    let plan = failure::fail(Operation::Map, 1, libc::ENOMEM);
    if crate::tool::has_little_address_space() {
        let error = Arena::try_new().unwrap_err().to_string();
        assert!(error.contains("map of 67108864 bytes"), "{error}");
    } else {
        assert_eq!(Arena::new().capacity(), 256 << 20);
    }
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

use std::sync::Arc;
use std::thread;

use super::*;
use crate::policy::{Commit, Policy};
use crate::region::failure;
use crate::{Operation, pool};

crate::root!(Text<'a> = &'a str);
crate::root!(Numbers<'a> = [u64; 3]);

fn frozen() -> FrozenArena<Text> {
    Arena::new()
        .freeze(|arena| arena.alloc(&*arena.alloc_str("This is not malloc")))
        .unwrap()
}

#[test]
fn many_threads_read_and_one_that_owns_thaws() {
    let frozen = frozen();
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| assert_eq!(*frozen.get(), "This is not malloc"));
        }
    });
    let used = thread::spawn(move || {
        let arena = frozen.thaw().unwrap();
        arena.alloc(7_u64);
        arena.check();
        arena.used()
    });
    assert_eq!(used.join().unwrap(), 24 + 16 + 8);
}

#[test]
fn what_was_there_before_stays_and_a_root_may_live_elsewhere() {
    let arena = Policy::new()
        .reserve(1 << 20)
        .commit(Commit::Stepwise { step: 1 << 16 })
        .build()
        .unwrap();
    arena.alloc([1_u8; 100]);
    let frozen = arena.freeze::<Numbers>(|_| &[1, 2, 3]).unwrap();
    assert_eq!((*frozen.get(), frozen.used()), ([1, 2, 3], 104));
    let arena = frozen.thaw().unwrap();
    // Uncommitted memory was left alone, and is committed as ever.
    assert!(
        arena
            .alloc_slice_fill_copy(1 << 19, 7_u8)
            .iter()
            .all(|&byte| byte == 7)
    );
    arena.check();
}

#[test]
fn an_empty_arena_can_be_frozen() {
    let frozen = Arena::new().freeze::<Text>(|_| &"static").unwrap();
    assert_eq!(*frozen.get(), "static");
}

#[test]
fn destructors_run_when_a_frozen_arena_is_dropped_also_from_the_pool() {
    for arena in [Arena::new(), Arena::pooled()] {
        let seen = Arc::new(());
        arena.alloc_drop(Arc::clone(&seen));
        let frozen = arena
            .freeze::<Text>(|arena| arena.alloc(&*arena.alloc_str("x")))
            .unwrap();
        assert_eq!(Arc::strong_count(&seen), 2);
        drop(frozen);
        assert_eq!(Arc::strong_count(&seen), 1);
    }
    assert_eq!(*Arena::pooled().alloc(7_u64), 7);
    pool::clear();
}

#[test]
fn a_refusal_gives_the_arena_back() {
    let arena = Arena::new();
    arena.alloc(1_u64);
    let plan = failure::fail(Operation::Protect, 1, libc::ENOMEM);
    let refused = arena.freeze::<Text>(|_| &"static").unwrap_err();
    assert_eq!(plan.fired(), 1);
    assert!(
        refused.to_string().contains("Cannot allocate memory"),
        "{refused}"
    );
    drop(plan);
    assert_eq!((refused.arena.used(), *refused.arena.alloc(2_u64)), (8, 2));
    let frozen = refused.arena.freeze::<Text>(|_| &"static").unwrap();
    let _plan = failure::fail(Operation::Protect, 1, libc::ENOMEM);
    let refused = frozen.thaw().unwrap_err();
    assert_eq!(*refused.arena.get(), "static");
    assert!(refused.arena.thaw().is_ok());
}

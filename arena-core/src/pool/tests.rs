use std::alloc::Layout;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::*;
use crate::Arena;

/// The shared list is the process's: tests that count hold this.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    struct Alone(#[expect(dead_code, reason = "held")] std::sync::MutexGuard<'static, ()>);
    impl Drop for Alone {
        fn drop(&mut self) {
            clear();
        }
    }
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    clear();
    Alone(guard)
}

#[test]
fn the_next_arena_gets_the_region_of_the_last() {
    let _alone = alone();
    let first = Arena::pooled();
    let base = first.base();
    drop(first);
    let again = Arena::pooled();
    assert_eq!(
        (again.base(), again.used(), again.high_water_mark()),
        (base, 0, 0)
    );
    again.check();
    let other = Arena::pooled();
    assert_ne!(other.base(), base);
    drop(again);
    drop(other);
    assert_eq!(clear(), 2);
    assert_eq!(clear(), 0);
}

#[test]
fn a_recycled_region_is_dirty_and_its_zeroed_blocks_are_zero() {
    let _alone = alone();
    let arena = Arena::pooled();
    arena.alloc_slice_fill_copy(1000, 0xff_u8);
    drop(arena);
    let arena = Arena::pooled();
    let layout = Layout::new::<[u8; 2000]>();
    let block = arena.alloc_layout_zeroed(layout).cast::<[u8; 2000]>();
    // SAFETY: the block has this size, is ours, and is zero: a value.
    assert_eq!(unsafe { block.read() }, [0; 2000]);
}

#[test]
fn what_was_used_beyond_the_first_bytes_goes_back_to_the_os() {
    let _alone = alone();
    let arena = Arena::pooled();
    arena.alloc_slice_fill_copy(10 * KEPT, 1_u8);
    drop(arena);
    let arena = Arena::pooled();
    assert_eq!(arena.resident().unwrap(), KEPT);
    let block = arena.alloc_layout_zeroed(Layout::new::<[u8; 20 * KEPT]>());
    // SAFETY: the block has this size and is zero.
    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), 20 * KEPT) };
    assert!(bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn destructors_run_before_a_region_goes_to_the_pool() {
    let _alone = alone();
    let seen = std::sync::Arc::new(());
    let arena = Arena::pooled();
    arena.alloc_drop(std::sync::Arc::clone(&seen));
    drop(arena);
    assert_eq!(std::sync::Arc::strong_count(&seen), 1);
}

#[test]
fn a_thread_that_ends_leaves_its_region_to_the_others() {
    let _alone = alone();
    let base = thread::spawn(|| Arena::pooled().base().addr())
        .join()
        .unwrap();
    assert_eq!(Arena::pooled().base().addr(), base);
}

#[test]
fn no_more_are_kept_than_the_list_holds() {
    let _alone = alone();
    drop((0..30).map(|_| Arena::pooled()).collect::<Vec<_>>());
    assert_eq!(clear(), 1 + SHARED_SPARES_MAX);
}

#[test]
fn threads_take_and_give_at_once() {
    let _alone = alone();
    thread::scope(|scope| {
        for number in 0..4_u64 {
            scope.spawn(move || {
                for round in 0..500 {
                    let (a, b) = (Arena::pooled(), Arena::pooled());
                    let (x, y) = (a.alloc([number; 10]), b.alloc([round; 10]));
                    assert!(x.iter().all(|&n| n == number) && y.iter().all(|&n| n == round));
                }
            });
        }
    });
}

#[test]
fn an_arena_from_the_pool_can_part_with_its_region() {
    let _alone = alone();
    drop(Arena::pooled().into_region());
    assert_eq!(clear(), 0);
}

#[test]
fn a_region_that_cannot_be_trimmed_is_unmapped() {
    let _alone = alone();
    let arena = Arena::pooled();
    arena.alloc_slice_fill_copy(2 * KEPT, 1_u8);
    let plan = crate::region::failure::fail(crate::Operation::Decommit, 1, libc::EINVAL);
    drop(arena);
    assert_eq!((plan.fired(), clear()), (1, 0));
}

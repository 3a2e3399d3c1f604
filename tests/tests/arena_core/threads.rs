//! What may go to another thread, and what may be used from two at once: decided when this is built.

use std::cell::Cell;
use std::rc::Rc;

use arena_core::region::View;
use arena_core::{
    Arena, ArenaBox, ArenaRef, ArenaVec, Buffer, FrozenArena, LocalArena, Region, Scope,
    ScopeGuard, SyncArena,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

assert_impl_all!(Arena: Send);
assert_not_impl_any!(Arena: Sync);
assert_impl_all!(Arena<1, Buffer<'static>>: Send);
assert_not_impl_any!(Arena<1, Buffer<'static>>: Sync);

// A scope and a guard borrow an arena that may not be shared.
assert_not_impl_any!(Scope<'static, 'static>: Send, Sync);
assert_not_impl_any!(ScopeGuard<'static>: Send, Sync);
assert_not_impl_any!(ArenaRef<'static>: Send, Sync);
assert_not_impl_any!(ArenaVec<'static, u8>: Send, Sync);

// A box is as its value is.
assert_impl_all!(ArenaBox<'static, u8>: Send, Sync);
assert_impl_all!(ArenaBox<'static, Cell<u8>>: Send);
assert_not_impl_any!(ArenaBox<'static, Cell<u8>>: Sync);
assert_not_impl_any!(ArenaBox<'static, Rc<u8>>: Send, Sync);

assert_impl_all!(SyncArena: Send, Sync);
// A handle goes to the thread that is to use it, and is used by one at a time.
assert_impl_all!(LocalArena<'static>: Send);
assert_not_impl_any!(LocalArena<'static>: Sync, Clone);

arena_core::root!(Text<'a> = &'a str);
assert_impl_all!(FrozenArena<Text>: Send, Sync);

assert_impl_all!(Region: Send, Sync);
assert_impl_all!(View: Send, Sync);

#[test]
fn an_arena_is_dropped_on_the_thread_it_was_sent_to() {
    let arena = Arena::new();
    let number = *arena.alloc(7);
    let used = std::thread::spawn(move || {
        arena.alloc_drop(String::from("dropped over there"));
        arena.alloc(number);
        arena.used()
    });
    assert!(used.join().unwrap() > 8);
}

#[test]
fn ten_threads_make_and_drop_arenas_of_every_kind() {
    std::thread::scope(|threads| {
        for thread in 0..10_u64 {
            threads.spawn(move || {
                for round in 0..100 {
                    let arenas = [Arena::new(), Arena::pooled(), Arena::pooled()];
                    let values = arenas.each_ref().map(|arena| arena.alloc([thread, round]));
                    assert!(values.iter().all(|value| **value == [thread, round]));
                    let sync = SyncArena::new();
                    assert_eq!(*sync.local().alloc(round) + *sync.alloc(round), 2 * round);
                }
            });
        }
    });
    arena_core::pool::clear();
}

use core::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::{Arena, Scope};

#[test]
fn a_vector_behaves_as_a_vector_and_grows_in_place() {
    let arena = Arena::new();
    let mut vec = ArenaVec::new_in(&arena);
    assert_eq!(arena.used(), 0);
    vec.extend(0..1000);
    vec.retain(|n| n % 2 == 0);
    assert_eq!(arena.offset_of(vec.as_ptr()), Some(0));
    assert_eq!((vec.len(), vec[499], vec.pop()), (500, 998, Some(998)));
    let copy = vec.clone();
    assert_eq!(vec, copy);
    assert_eq!(copy.into_iter().sum::<i32>(), 248_502);
    let slice: &mut [i32] = vec.into_slice();
    assert_eq!(slice[3], 6);
    assert_eq!(ArenaVec::from_iter_in([1, 2], &arena), [1, 2]);
    assert_eq!(
        format!("{:?}", ArenaVec::from_iter_in([1, 2], &arena)),
        "[1, 2]"
    );
}

#[test]
fn nodes_with_vectors_of_children_are_plain_values() {
    struct Node<'a> {
        children: ArenaVec<'a, &'a Node<'a>>,
    }
    fn tree<'s>(scope: &Scope<'s, '_>, depth: u32) -> &'s Node<'s> {
        let node = scope.alloc(Node {
            children: ArenaVec::new_in(scope),
        });
        for depth in 0..depth {
            node.children.push(tree(scope, depth));
        }
        node
    }
    fn count(node: &Node<'_>) -> usize {
        1 + node.children.iter().map(|node| count(node)).sum::<usize>()
    }
    assert!(!core::mem::needs_drop::<Node<'_>>());
    let mut arena = Arena::new();
    assert_eq!(arena.scope(|scope| count(tree(scope, 10))), 1024);
}

#[test]
fn a_collection_of_the_scope_around_does_not_grow_into_the_scope_within() {
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let mut vec = ArenaVec::with_capacity_in(2, &*outer);
        vec.push(1);
        let panic = outer.scope(|inner| {
            vec.push(2);
            inner.alloc(0_u8);
            catch_unwind(AssertUnwindSafe(|| vec.push(3))).unwrap_err()
        });
        let message = panic.downcast_ref::<&str>().unwrap();
        assert!(
            message.starts_with("a scope within is open, and would take the block"),
            "{message}"
        );
        vec.extend([3, 4, 5]);
        assert_eq!(vec, [1, 2, 3, 4, 5]);
        outer.scope(|inner| {
            inner.alloc([9_u8; 1000]);
            drop(vec.into_iter());
        });
    });
    assert_eq!(arena.used(), 0);
    arena.check();
}

#[test]
fn a_collection_freed_in_a_scope_within_leaves_that_scope_where_it_is() {
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let vec = ArenaVec::from_iter_in(0..100_u64, &*outer);
        let used = outer.used();
        outer.scope(|inner| {
            drop(vec.into_iter());
            assert_eq!(inner.used(), used);
            inner.alloc(1_u64);
        });
        assert_eq!(outer.used(), used);
    });
}

#[test]
fn a_forgotten_guard_locks_no_later_scope() {
    let mut arena = Arena::new();
    core::mem::forget(arena.scope_guard());
    arena.scope(|scope| ArenaVec::new_in(&*scope).push(1));
    ArenaVec::new_in(&arena).push(1);
    arena.reset();
    ArenaVec::new_in(&arena).push(1);
}

#[test]
fn text_stays_utf_8_whatever_is_taken_away() {
    let arena = Arena::new();
    let mut text = ArenaString::from_str_in("Oops! 🤡é", &arena);
    assert_eq!(text.pop(), Some('é'));
    assert_eq!(text.pop(), Some('🤡'));
    text.truncate(100);
    assert_eq!(text, "Oops! ");
    text.push('🤡');
    assert!(catch_unwind(AssertUnwindSafe(|| text.truncate(7))).is_err());
    write!(text, "{:>3}", 7).unwrap();
    assert_eq!(text, "Oops! 🤡  7");
    text.make_ascii_uppercase();
    text.extend(["a", "b"]);
    text.extend(['c']);
    assert_eq!(text.clone().into_str(), "OOPS! 🤡  7abc");
    text.clear();
    assert_eq!(
        (text.pop(), text.len(), text.capacity() > 0),
        (None, 0, true)
    );
}

#[test]
fn a_destructor_cannot_allocate_from_the_scope_around_what_its_own_scope_gives_up() {
    /// Says that it can be sent, and checks that nobody does.
    struct Stays<'v, 'a>(&'v mut ArenaVec<'a, u64>, std::thread::ThreadId);
    // SAFETY: used, and dropped, on the thread that made it: checked.
    unsafe impl Send for Stays<'_, '_> {}
    impl Drop for Stays<'_, '_> {
        fn drop(&mut self) {
            assert_eq!(self.1, std::thread::current().id());
            let grown = catch_unwind(AssertUnwindSafe(|| self.0.extend([1, 2, 3, 4])));
            assert!(
                grown.is_err(),
                "it grew into a scope that is being given up"
            );
        }
    }
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let mut vec = ArenaVec::new_in(&*outer);
        outer.scope(|inner| {
            inner.alloc([0_u64; 100]);
            inner.alloc_drop(Stays(&mut vec, std::thread::current().id()));
        });
        assert!(vec.is_empty());
        vec.extend([1, 2, 3, 4]);
        outer.alloc([99_u64; 100]);
        assert_eq!(vec, [1, 2, 3, 4]);
    });
}

#[test]
fn a_forgotten_guard_counts_as_open_until_the_arena_is_reset() {
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let mut vec = ArenaVec::new_in(&*outer);
        core::mem::forget(outer.scope_guard());
        assert!(catch_unwind(AssertUnwindSafe(|| vec.push(1))).is_err());
    });
    core::mem::forget(arena.scope_guard());
    arena.reset();
    assert_eq!(arena.raw().depth(), 0);
}

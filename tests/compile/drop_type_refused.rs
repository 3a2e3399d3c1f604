//! A type that needs drop is refused, by every call that would leak it silently.
//@error-in-other-file: this type needs drop, and an arena runs no destructor
//@error-in-other-file: this type needs drop, and an arena runs no destructor
//@error-in-other-file: this type needs drop, and an arena runs no destructor
//@error-in-other-file: this type needs drop, and an arena runs no destructor
//@error-in-other-file: this type needs drop, and an arena runs no destructor
//@error-in-other-file: this type needs drop, and an arena runs no destructor

fn main() {
    let mut arena = arena_core::Arena::new();
    arena.alloc(String::new());
    arena.alloc_with(|| vec![1]);
    arena.alloc_slice_clone(&[Some(String::new())]);
    arena.alloc_slice_fill_with(3, |n| Box::new(n));
    arena.alloc_slice_from_iter(vec![(1, String::new())]);
    arena.scope(|scope| {
        scope.alloc([String::new()]);
    });
}

//! A type that needs drop is refused, by `alloc` and all that fills slices.
//@error-in-other-file: this type needs drop, and an arena runs no destructor

fn main() {
    let arena = arena_core::Arena::new();
    arena.alloc(String::from("leaked"));
}

//! A vector in an arena runs no destructors: elements that need one are refused.
//@error-in-other-file: this type needs drop, and an arena runs no destructor

fn main() {
    let arena = arena_core::Arena::new();
    arena_core::ArenaVec::new_in(&arena).push(String::new());
}

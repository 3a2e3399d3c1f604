//! A vector of a scope does not outlive it.

fn main() {
    let mut arena = arena_core::Arena::new();
    let numbers = arena.scope(|scope| arena_core::ArenaVec::from_iter_in([1, 2], &*scope)); //~ ERROR: lifetime may not live long enough
    println!("{numbers:?}");
}

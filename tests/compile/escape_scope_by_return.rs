//! What a scope hands out cannot be its result.

fn main() {
    let mut arena = arena_core::Arena::new();
    let escaped = arena.scope(|scope| scope.alloc(1)); //~ ERROR: lifetime may not live long enough
    println!("{escaped}");
}

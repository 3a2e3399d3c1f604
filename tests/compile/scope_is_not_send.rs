//! A scope borrows an arena that cannot be shared, so it stays in its thread.

fn sent<T: Send>(_: T) {}

fn main() {
    let mut arena = arena_core::Arena::new();
    sent(arena.as_scope()); //~ E0277
    //~^ E0277
    //~^^ E0277
}

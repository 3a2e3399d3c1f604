//! While a scope is open, the arena cannot allocate.

fn main() {
    let mut arena = arena_core::Arena::new();
    arena.scope(|_scope| { //~ E0502
        arena.alloc(1);
    });
}

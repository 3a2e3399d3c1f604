//! The scopes of two arenas are not of one type: swapped, each would outlive its memory.

fn main() {
    let mut long = arena_core::Arena::new();
    let mut short = arena_core::Arena::new();
    long.scope(|outer| {
        short.scope(|inner| {
            std::mem::swap(outer, inner); //~ E0521
            //~^ E0521
        });
    });
}

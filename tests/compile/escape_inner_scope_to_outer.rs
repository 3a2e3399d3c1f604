//! What an inner scope hands out cannot live as long as the outer one's.

fn main() {
    let mut arena = arena_core::Arena::new();
    arena.scope(|outer| {
        let mut longest = outer.alloc_str("outer");
        outer.scope(|inner| {
            longest = inner.alloc_str("inner, and longer"); //~ E0521
        });
        println!("{longest}");
    });
}

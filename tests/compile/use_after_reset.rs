//! A block does not outlive a reset.

fn main() {
    let mut arena = arena_core::Arena::new();
    let block = arena.alloc(1);
    arena.reset(); //~ E0502
    println!("{block}");
}

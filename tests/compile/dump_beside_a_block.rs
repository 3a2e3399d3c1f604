//! A dump reads every byte, so no block may be in use.

fn main() {
    let mut arena = arena_core::Arena::new();
    let block = arena.alloc(1);
    let dump = arena.dump(); //~ E0502
    *block = 2;
    println!("{dump}");
}

//! A block does not outlive its arena.

fn main() {
    let block = {
        let arena = arena_core::Arena::new();
        arena.alloc(1) //~ E0597
    };
    println!("{block}");
}

//! What a frozen arena shows does not outlive it.

arena_core::root!(Text<'a> = &'a str);

fn main() {
    let frozen = arena_core::Arena::new().freeze::<Text>(|arena| arena.alloc(&*arena.alloc_str("x"))).unwrap();
    let text: &str = *frozen.get();
    let arena = frozen.thaw(); //~ E0505
    println!("{text}");
    drop(arena);
}

//! What a scope hands out cannot be put into a variable outside.

fn main() {
    let mut arena = arena_core::Arena::new();
    let mut escaped: Option<&mut i32> = None;
    arena.scope(|scope| {
        escaped = Some(scope.alloc(1)); //~ E0521
    });
    println!("{escaped:?}");
}

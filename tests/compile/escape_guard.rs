//! What a guard's scope hands out cannot outlive the guard.

fn main() {
    let mut arena = arena_core::Arena::new();
    let escaped = {
        let mut guard = arena.scope_guard();
        guard.scope().alloc(1) //~ E0597
    };
    println!("{escaped}");
}

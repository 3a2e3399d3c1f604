//! Two threads cannot bump one arena, scoped or not.

fn main() {
    let arena = arena_core::Arena::new();
    std::thread::scope(|threads| {
        threads.spawn(|| arena.alloc(1)); //~ E0277
        //~^ E0277
        //~^^ E0277
        threads.spawn(|| arena.alloc(2));
    });
}

//! A value that a scope is to drop may not borrow from the scope: not what is dropped before it.

use std::sync::OnceLock;

struct Noisy<'a>(OnceLock<&'a String>);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{:?}", self.0.get());
    }
}

fn main() {
    let mut arena = arena_core::Arena::new();
    arena.scope(|scope| {
        let noisy = scope.alloc_drop(Noisy(OnceLock::new())); //~ E0521
        let text = scope.alloc_drop(String::from("dropped first"));
        let _ = noisy.0.set(text);
    });
}

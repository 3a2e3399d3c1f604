//! A guard can be forgotten, so a value in its scope may not borrow.

struct Noisy<'a>(&'a str);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let mut arena = arena_core::Arena::new();
    {
        let text = String::from("gone");
        let mut guard = arena.scope_guard();
        guard.scope().alloc_drop(Noisy(&text)); //~ E0597
        std::mem::forget(guard);
    }
    arena.reset();
}

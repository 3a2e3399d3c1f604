//! The whole arena as a scope outlives the call: a value in it may not borrow.

struct Noisy<'a>(&'a str);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let mut arena = arena_core::Arena::new();
    let text = String::from("gone");
    arena.as_scope().alloc_drop(Noisy(&text)); //~ E0597
}

//! A value that an arena is to drop may not borrow: the arena may outlive what it borrows.

struct Noisy<'a>(&'a str);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let arena = arena_core::Arena::new();
    let text = String::from("gone");
    arena.alloc_drop(Noisy(&text)); //~ E0597
}

//! A collection in an arena does not outlive a reset.

fn main() {
    let mut arena = arena_core::Arena::new();
    let mut numbers = allocator_api2_02::vec::Vec::new_in(&arena);
    arena.reset(); //~ E0502
    numbers.push(1);
}

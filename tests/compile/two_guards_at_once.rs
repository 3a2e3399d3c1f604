//! An arena has one scope at a time.

fn main() {
    let mut arena = arena_core::Arena::new();
    let mut first = arena.scope_guard();
    let mut second = arena.scope_guard(); //~ E0499
    first.scope().alloc(1);
    second.scope().alloc(2);
}

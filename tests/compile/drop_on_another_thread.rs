//! An arena can be dropped on another thread, so a value that cannot be sent is refused.

use std::rc::Rc;

fn main() {
    let arena = arena_core::Arena::new();
    arena.alloc_drop(Rc::new(1)); //~ E0277
}

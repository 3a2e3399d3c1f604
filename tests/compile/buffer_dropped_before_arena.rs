//! An arena does not outlive the buffer it was given.

use std::mem::MaybeUninit;

fn main() {
    let arena = {
        let mut buffer = [MaybeUninit::uninit(); 100];
        arena_core::Arena::in_buffer(&mut buffer) //~ E0597
    };
    arena.alloc(1);
}

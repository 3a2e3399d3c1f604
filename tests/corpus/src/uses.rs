//! Uses of what is gone: freed, moved, reset, rewound, unmapped.

use std::alloc::realloc;
use std::ptr::NonNull;

use crate::world::{arena, bytes, free, free_in, heap, read, write};
use crate::{Program, program};

const LEN: usize = 64;

/// What is done to the byte.
type Touch = fn(NonNull<u8>, isize);

/// Free a block of an arena, then touch it.
fn freed_in_arena(touch: Touch, offset: isize) {
    let arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.alloc_layout(bytes(LEN));
    free_in(&arena, block, bytes(LEN));
    touch(block, offset);
}

/// Free a block of the heap, then touch it.
fn freed_in_heap(touch: Touch, offset: isize) {
    let block = heap(bytes(LEN));
    let next = heap(bytes(LEN));
    free(block, bytes(LEN));
    touch(block, offset);
    free(next, bytes(LEN));
}

/// Let a vector in an arena move, then touch where it was.
fn moved_in_arena(touch: Touch, offset: isize) {
    let arena = arena();
    let mut numbers = allocator_api2::vec::Vec::with_capacity_in(8, &arena);
    numbers.push(0_u64);
    let old = NonNull::from(&mut numbers[0]).cast();
    arena.alloc_layout(bytes(LEN));
    numbers.reserve(1000);
    touch(old, offset);
}

/// Let realloc move a block of the heap, then touch where it was.
fn moved_in_heap(touch: Touch, offset: isize) {
    let old = heap(bytes(LEN));
    let next = heap(bytes(LEN));
    // SAFETY: a block of this layout.
    let new = unsafe { realloc(old.as_ptr(), bytes(LEN), 100_000) };
    let new = NonNull::new(new).expect("a larger block");
    touch(old, offset);
    free(new, bytes(100_000));
    free(next, bytes(LEN));
}

fn reset(touch: Touch, offset: isize) {
    let mut arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.reset();
    touch(block, offset);
}

fn rewound(touch: Touch, offset: isize) {
    let arena = arena();
    arena.alloc_layout(bytes(LEN));
    let checkpoint = arena.checkpoint();
    let block = arena.alloc_layout(bytes(LEN));
    // SAFETY: broken below, on purpose.
    unsafe { arena.rewind(checkpoint) };
    touch(block, offset);
}

fn scoped(touch: Touch, offset: isize) {
    let mut arena = arena();
    let block = arena.scope(|scope| scope.alloc_layout(bytes(LEN)));
    touch(block, offset);
}

/// Reset, fill anew with another block, and use the old pointer behind it.
fn reused(touch: Touch, offset: isize) {
    let mut arena = arena();
    arena.alloc_layout(bytes(LEN));
    let block = arena.alloc_layout(bytes(LEN));
    arena.reset();
    arena.alloc_layout(bytes(8));
    touch(block, offset);
}

fn unmapped(touch: Touch, offset: isize) {
    let arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    drop(arena);
    touch(block, offset);
}

macro_rules! programs {
    ($($name:ident: $act:ident, $fault:literal, $way:ident($touch:ident, $offset:expr);)*) => {
        pub(crate) fn programs() -> Vec<Program> {
            vec![$(program!(self::$name, $act, $fault)),*]
        }
        $(fn $name() {
            $way($touch, $offset);
        })*
    };
}

programs! {
    use_after_free_arena_write_first_byte: Write, "use after free", freed_in_arena(write, 0);
    use_after_free_arena_write_last_byte: Write, "use after free", freed_in_arena(write, 63);
    use_after_realloc_arena_write: Write, "use after free", moved_in_arena(write, 8);
    use_after_free_heap_write_first_byte: Write, "use after free", freed_in_heap(write, 0);
    use_after_free_heap_write_last_byte: Write, "use after free", freed_in_heap(write, 63);
    use_after_realloc_heap_write: Write, "use after free", moved_in_heap(write, 8);
    use_after_reset_write: Write, "use after reset", reset(write, 0);
    use_after_rewind_write: Write, "use after reset", rewound(write, 63);
    use_after_scope_write: Write, "use after reset", scoped(write, 0);
    use_after_reset_beside_a_new_block_write: Write, "use after reset", reused(write, 32);
    use_after_unmap_write: Write, "use after unmap", unmapped(write, 0);
    use_after_free_arena_read_first_byte: Read, "use after free", freed_in_arena(read, 0);
    use_after_free_arena_read_last_byte: Read, "use after free", freed_in_arena(read, 63);
    use_after_realloc_arena_read: Read, "use after free", moved_in_arena(read, 8);
    use_after_free_heap_read_first_byte: Read, "use after free", freed_in_heap(read, 0);
    use_after_free_heap_read_last_byte: Read, "use after free", freed_in_heap(read, 63);
    use_after_realloc_heap_read: Read, "use after free", moved_in_heap(read, 8);
    use_after_reset_read: Read, "use after reset", reset(read, 0);
    use_after_rewind_read: Read, "use after reset", rewound(read, 63);
    use_after_scope_read: Read, "use after reset", scoped(read, 0);
    use_after_reset_beside_a_new_block_read: Read, "use after reset", reused(read, 32);
    use_after_unmap_read: Read, "use after unmap", unmapped(read, 0);
}

//! Overflow and underflow: one byte beside a block, at several distances.
//!
//! Every block has neighbours, as blocks have.

use std::ptr::NonNull;

use crate::world::{arena, bytes, free, heap, read, write};
use crate::{Program, program};

/// What is done to the byte.
type Touch = fn(NonNull<u8>, isize);

/// Sizes of blocks: one that needs no padding, one that leaves three bytes of it.
const EVEN: usize = 64;
const ODD: usize = 61;

/// Touch a byte near an arena's block.
fn in_arena(len: usize, touch: Touch, offsets: impl IntoIterator<Item = isize>) {
    let arena = arena();
    for _ in 0..100 {
        arena.alloc_layout(bytes(EVEN));
    }
    let block = arena.alloc_layout(bytes(len));
    for _ in 0..100 {
        arena.alloc_layout(bytes(EVEN));
    }
    offsets.into_iter().for_each(|offset| touch(block, offset));
}

/// Touch a byte near a block of the heap.
fn in_heap(len: usize, touch: Touch, offsets: impl IntoIterator<Item = isize>) {
    let before: Vec<_> = (0..100).map(|_| heap(bytes(EVEN))).collect();
    let block = heap(bytes(len));
    let behind: Vec<_> = (0..100).map(|_| heap(bytes(EVEN))).collect();
    offsets.into_iter().for_each(|offset| touch(block, offset));
    free(block, bytes(len));
    before
        .into_iter()
        .chain(behind)
        .for_each(|block| free(block, bytes(EVEN)));
}

/// So many bytes past the end of a block: 1 is the first.
const fn past(len: usize, bytes: isize) -> [isize; 1] {
    [len as isize - 1 + bytes]
}

macro_rules! programs {
    ($($name:ident: $act:ident, $fault:literal, $home:ident($len:expr, $touch:ident, $offsets:expr);)*) => {
        pub(crate) fn programs() -> Vec<Program> {
            vec![$(program!(self::$name, $act, $fault)),*]
        }
        $(fn $name() {
            $home($len, $touch, $offsets);
        })*
    };
}

programs! {
    overflow_arena_write_1_byte: Write, "overflow", in_arena(EVEN, write, past(EVEN, 1));
    underflow_arena_write_1_byte: Write, "underflow", in_arena(EVEN, write, [-1]);
    overflow_arena_write_8_bytes: Write, "overflow", in_arena(EVEN, write, past(EVEN, 8));
    underflow_arena_write_8_bytes: Write, "underflow", in_arena(EVEN, write, [-8]);
    overflow_arena_write_4096_bytes: Write, "overflow", in_arena(EVEN, write, past(EVEN, 4096));
    underflow_arena_write_4096_bytes: Write, "underflow", in_arena(EVEN, write, [-4096]);
    overflow_arena_write_in_padding: Write, "overflow", in_arena(ODD, write, past(ODD, 1));
    overflow_arena_read_1_byte: Read, "overflow", in_arena(EVEN, read, past(EVEN, 1));
    underflow_arena_read_1_byte: Read, "underflow", in_arena(EVEN, read, [-1]);
    overflow_arena_read_8_bytes: Read, "overflow", in_arena(EVEN, read, past(EVEN, 8));
    underflow_arena_read_8_bytes: Read, "underflow", in_arena(EVEN, read, [-8]);
    overflow_arena_read_4096_bytes: Read, "overflow", in_arena(EVEN, read, past(EVEN, 4096));
    underflow_arena_read_4096_bytes: Read, "underflow", in_arena(EVEN, read, [-4096]);
    overflow_arena_read_in_padding: ReadPadding, "overflow", in_arena(ODD, read, past(ODD, 1));
    overflow_arena_write_run_of_64: Write, "overflow", in_arena(EVEN, write, 64..128);
    underflow_arena_write_run_of_64: Write, "underflow", in_arena(EVEN, write, (-64..0).rev());
    overflow_heap_write_1_byte: Write, "overflow", in_heap(EVEN, write, past(EVEN, 1));
    underflow_heap_write_1_byte: Write, "underflow", in_heap(EVEN, write, [-1]);
    overflow_heap_write_8_bytes: Write, "overflow", in_heap(EVEN, write, past(EVEN, 8));
    underflow_heap_write_8_bytes: Write, "underflow", in_heap(EVEN, write, [-8]);
    overflow_heap_write_4096_bytes: Write, "overflow", in_heap(EVEN, write, past(EVEN, 4096));
    underflow_heap_write_4096_bytes: Write, "underflow", in_heap(EVEN, write, [-4096]);
    overflow_heap_write_in_padding: Write, "overflow", in_heap(ODD, write, past(ODD, 1));
    overflow_heap_read_1_byte: Read, "overflow", in_heap(EVEN, read, past(EVEN, 1));
    underflow_heap_read_1_byte: Read, "underflow", in_heap(EVEN, read, [-1]);
    overflow_heap_read_8_bytes: Read, "overflow", in_heap(EVEN, read, past(EVEN, 8));
    underflow_heap_read_8_bytes: Read, "underflow", in_heap(EVEN, read, [-8]);
    overflow_heap_read_4096_bytes: Read, "overflow", in_heap(EVEN, read, past(EVEN, 4096));
    underflow_heap_read_4096_bytes: Read, "underflow", in_heap(EVEN, read, [-4096]);
    overflow_heap_read_in_padding: ReadPadding, "overflow", in_heap(ODD, read, past(ODD, 1));
    overflow_heap_write_run_of_64: Write, "overflow", in_heap(EVEN, write, 64..128);
    underflow_heap_write_run_of_64: Write, "underflow", in_heap(EVEN, write, (-64..0).rev());
}

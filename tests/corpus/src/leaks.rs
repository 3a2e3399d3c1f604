//! Blocks that are lost, in the ways in which blocks get lost.

use std::alloc::realloc;
use std::cell::RefCell;
use std::mem::forget;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::world::{arena, bytes, heap, keep, write};
use crate::{Program, program};

const LEN: usize = 64;

pub(crate) fn programs() -> Vec<Program> {
    vec![
        program!(self::leak_forgotten_box, Leak, "definitely lost"),
        program!(self::leak_overwritten_pointer, Leak, "definitely lost"),
        program!(self::leak_chain, Leak, "indirectly lost"),
        program!(self::leak_ring_of_rc, Leak, "definitely lost"),
        program!(self::leak_after_realloc, Leak, "definitely lost"),
        program!(self::leak_of_many_small_blocks, Leak, "definitely lost"),
        program!(self::leak_early_return, Leak, "definitely lost"),
        program!(self::leak_arena_block, Leak, "definitely lost"),
        program!(self::leak_arena_chain, Leak, "indirectly lost"),
        program!(self::leak_owned_by_arena, Leak, "definitely lost"),
    ]
}

fn leak_forgotten_box() {
    forget(Box::new([0_u64; 8]));
}

fn leak_overwritten_pointer() {
    let mut block = heap(bytes(LEN));
    write(block, 0);
    block = heap(bytes(LEN));
    crate::world::free(block, bytes(LEN));
}

/// Three blocks, each of which leads to the next.
fn leak_chain() {
    let mut next: Option<NonNull<u8>> = None;
    for _ in 0..3 {
        let block = heap(bytes(LEN));
        // SAFETY: a block of eight words.
        unsafe { block.cast::<Option<NonNull<u8>>>().write(next) };
        next = Some(block);
    }
}

fn leak_ring_of_rc() {
    struct Node {
        _next: RefCell<Option<Rc<Self>>>,
        _text: [u64; 4],
    }
    let node = Rc::new(Node {
        _next: RefCell::new(None),
        _text: [7; 4],
    });
    *node._next.borrow_mut() = Some(Rc::clone(&node));
}

fn leak_after_realloc() {
    let block = heap(bytes(LEN));
    // SAFETY: a block of this layout.
    let _ = unsafe { realloc(block.as_ptr(), bytes(LEN), 10 * LEN) };
}

fn leak_of_many_small_blocks() {
    for _ in 0..100 {
        write(heap(bytes(8)), 0);
    }
}

fn leak_early_return() {
    fn parse(text: &str) -> Result<(), std::num::ParseIntError> {
        let block = heap(bytes(LEN));
        text.parse::<u32>()?;
        crate::world::free(block, bytes(LEN));
        Ok(())
    }
    assert!(parse("no number").is_err());
}

fn leak_arena_block() {
    let arena = arena();
    write(arena.alloc_layout(bytes(LEN)), 0);
    keep(arena);
}

fn leak_arena_chain() {
    let arena = arena();
    let mut next: Option<NonNull<u8>> = None;
    for _ in 0..3 {
        let block = arena.alloc_layout(bytes(LEN));
        // SAFETY: a block of eight words.
        unsafe { block.cast::<Option<NonNull<u8>>>().write(next) };
        next = Some(block);
    }
    keep(arena);
}

/// A string whose destructor does not run, as its arena runs none.
fn leak_owned_by_arena() {
    let arena = arena();
    arena.alloc_leaky(String::from("The arena is gone, the String is not"));
}

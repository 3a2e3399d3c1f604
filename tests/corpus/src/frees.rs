//! Frees that are none: twice, of nothing, of the middle, of something else.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::world::{arena, bytes, free, free_in, heap};
use crate::{Program, program};

const LEN: usize = 64;

pub(crate) fn programs() -> Vec<Program> {
    vec![
        program!(self::double_free_arena, Free, "double free"),
        program!(self::double_free_arena_newest, Free, "double free"),
        program!(self::double_free_heap, Free, "double free"),
        program!(self::double_free_heap_after_another, Free, "double free"),
        program!(self::free_after_reset, Free, "double free"),
        program!(self::foreign_free_arena_of_heap, Free, "invalid free"),
        program!(self::foreign_free_heap_of_stack, Free, "invalid free"),
        program!(self::foreign_free_heap_of_arena, Free, "invalid free"),
        program!(self::interior_free_arena, Free, "invalid free"),
        program!(self::interior_free_heap, Free, "invalid free"),
        program!(self::mismatched_size_arena, Free, "mismatched layout"),
        program!(self::mismatched_size_heap, Free, "mismatched layout"),
        program!(self::mismatched_align_heap, Free, "mismatched layout"),
    ]
}

fn double_free_arena() {
    let arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.alloc_layout(bytes(LEN));
    free_in(&arena, block, bytes(LEN));
    free_in(&arena, block, bytes(LEN));
}

fn double_free_arena_newest() {
    let arena = arena();
    arena.alloc_layout(bytes(LEN));
    let block = arena.alloc_layout(bytes(LEN));
    free_in(&arena, block, bytes(LEN));
    free_in(&arena, block, bytes(LEN));
}

fn double_free_heap() {
    let block = heap(bytes(LEN));
    free(block, bytes(LEN));
    free(block, bytes(LEN));
}

fn double_free_heap_after_another() {
    let block = heap(bytes(LEN));
    let other = heap(bytes(LEN));
    free(block, bytes(LEN));
    free(other, bytes(LEN));
    free(block, bytes(LEN));
}

fn free_after_reset() {
    let mut arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.reset();
    free_in(&arena, block, bytes(LEN));
}

fn foreign_free_arena_of_heap() {
    let arena = arena();
    arena.alloc_layout(bytes(LEN));
    let block = heap(bytes(LEN));
    free_in(&arena, block, bytes(LEN));
    free(block, bytes(LEN));
}

fn foreign_free_heap_of_stack() {
    let mut mine = [0_u64; 8];
    free(NonNull::from(&mut mine).cast(), bytes(LEN));
}

fn foreign_free_heap_of_arena() {
    let arena = arena();
    free(arena.alloc_layout(bytes(LEN)), bytes(LEN));
}

fn interior_free_arena() {
    let arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.alloc_layout(bytes(LEN));
    // SAFETY: within the block.
    free_in(&arena, unsafe { block.add(16) }, bytes(LEN - 16));
}

fn interior_free_heap() {
    let block = heap(bytes(LEN));
    // SAFETY: within the block.
    free(unsafe { block.add(16) }, bytes(LEN));
    free(block, bytes(LEN));
}

fn mismatched_size_arena() {
    let arena = arena();
    let block = arena.alloc_layout(bytes(LEN));
    arena.alloc_layout(bytes(LEN));
    free_in(&arena, block, bytes(LEN / 2));
}

fn mismatched_size_heap() {
    free(heap(bytes(LEN)), bytes(LEN / 2));
}

fn mismatched_align_heap() {
    free(heap(bytes(LEN)), Layout::new::<[u8; LEN]>());
}

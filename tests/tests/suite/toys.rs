//! Toy allocators: sound ones, and the same with one fault each.

mod arena;
mod buffer;
mod heap;

pub(crate) use arena::{ArenaFault, ToyArena};
pub(crate) use heap::{HeapFault, ToyHeap};

//! What can be written through a shared reference is not frozen.

use std::sync::atomic::AtomicU64;

arena_core::root!(Counter<'a> = AtomicU64); //~ E0277

fn main() {}

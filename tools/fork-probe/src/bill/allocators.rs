//! Allocators that a bill can be drawn up for.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::Policy;
use arena_core::policy::HugePages;

use super::Workload;
use crate::error::ProbeError;

/// An allocator that gives blocks aligned to 8 bytes.
///
/// # Safety
///
/// A block is `size` bytes that nobody else uses until it is freed. In a forked child of a process with
/// one thread, `free` works as in the parent, and touches no memory that the parent shares for writing.
pub unsafe trait Allocator {
    /// Say which it is.
    fn name(&self) -> String;

    /// Give a block, or none if there is no room.
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>>;

    /// Take a block back, if it can.
    ///
    /// # Safety
    ///
    /// The block was given by this allocator, with this size, and is not used again.
    unsafe fn free(&mut self, block: NonNull<u8>, size: usize);
}

/// The C library's malloc.
#[derive(Debug, Default)]
pub struct Malloc;

// SAFETY: malloc's blocks are aligned to 16 bytes and the caller's until freed. A child of a process with
// one thread may free.
unsafe impl Allocator for Malloc {
    fn name(&self) -> String {
        "malloc".to_owned()
    }

    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: malloc takes any size.
        NonNull::new(unsafe { libc::malloc(size) }.cast())
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _: usize) {
        // SAFETY: the caller's block was malloc's.
        unsafe { libc::free(block.as_ptr().cast()) };
    }
}

/// An arena of `arena-core`, which frees all of its blocks at once, and none alone.
#[derive(Debug)]
pub struct Arena(arena_core::Arena);

impl Arena {
    /// Make an arena that has room for the tree.
    ///
    /// # Errors
    ///
    /// The kernel refuses the memory.
    pub fn with_room_for(work: &Workload) -> Result<Self, ProbeError> {
        Policy::new()
            .reserve(work.most_bytes())
            .huge_pages(HugePages::Never)
            .build()
            .map(Self)
            .map_err(ProbeError::Arena)
    }
}

// SAFETY: the arena hands out memory of its own, aligned to 8, and never twice.
unsafe impl Allocator for Arena {
    fn name(&self) -> String {
        "arena-core".to_owned()
    }

    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(size, 8).ok()?;
        self.0.try_alloc_layout(layout).ok()
    }

    unsafe fn free(&mut self, _: NonNull<u8>, _: usize) {}
}

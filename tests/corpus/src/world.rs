//! Arenas and a heap, traced or bare, behind the same few calls.

use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Mutex;

#[cfg(feature = "traced")]
#[global_allocator]
static HEAP: heap_trace::TracedGlobal = heap_trace::TracedGlobal::new();

#[cfg(not(feature = "traced"))]
pub(crate) type Inner = arena_core::Arena;
#[cfg(feature = "traced")]
pub(crate) type Inner = heap_trace::TracedArena;

/// Arenas that live to the end of the program.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

struct Kept(
    #[cfg_attr(
        not(feature = "traced"),
        expect(dead_code, reason = "kept for the tool to look at")
    )]
    Inner,
);

// SAFETY: the arena is sent once, and used by the thread that finishes.
unsafe impl Send for Kept {}

/// Make an arena.
pub(crate) fn arena() -> Inner {
    let arena = arena_core::Policy::new()
        .reserve(4 << 20)
        .build()
        .expect("4 MiB of address space");
    #[cfg(not(feature = "traced"))]
    {
        arena
    }
    #[cfg(feature = "traced")]
    {
        use heap_trace::{Method, Settings};
        let words = std::env::var("HEAP_TRACE").unwrap_or_default();
        let method = match words.split(',').next() {
            Some("guard-after") => Method::GuardAfter,
            Some("guard-before") => Method::GuardBefore,
            _ => Method::Canary,
        };
        heap_trace::TracedArena::with(arena, Settings::new().method(method))
    }
}

/// Keep an arena to the end of the program.
pub(crate) fn keep(arena: Inner) {
    KEPT.lock()
        .expect("no program panics with it")
        .push(Kept(arena));
}

/// Look at what is left, as a program that has come to its end.
pub(crate) fn finish() {
    #[cfg(feature = "traced")]
    for Kept(arena) in KEPT.lock().expect("no program panics with it").iter() {
        let report = arena.report(&heap_trace::Roots::new().of_process());
        if !report.is_clean() {
            eprintln!("{report}");
        }
    }
}

/// Overwrite what frames that have returned have left on the stack.
#[inline(never)]
pub(crate) fn scrub() {
    black_box(&mut [0_u8; 64 << 10]);
}

/// The layout of so many bytes, aligned to 8.
pub(crate) fn bytes(len: usize) -> Layout {
    Layout::from_size_align(len, 8).expect("a small layout")
}

/// A block of the heap.
#[inline(never)]
#[track_caller]
pub(crate) fn heap(layout: Layout) -> NonNull<u8> {
    // SAFETY: no program asks for no bytes.
    NonNull::new(unsafe { alloc(layout) }).expect("a block")
}

/// Give a block back to the heap, whatever it is.
pub(crate) fn free(block: NonNull<u8>, layout: Layout) {
    // SAFETY: broken by some programs, on purpose.
    unsafe { dealloc(block.as_ptr(), layout) };
}

/// Give a block back to an arena, whatever it is.
pub(crate) fn free_in(arena: &Inner, block: NonNull<u8>, layout: Layout) {
    use allocator_api2::alloc::Allocator;
    // SAFETY: broken by some programs, on purpose.
    unsafe { Allocator::deallocate(&arena, block, layout) };
}

/// Write one byte, whoever it belongs to.
#[inline(never)]
pub(crate) fn write(block: NonNull<u8>, offset: isize) {
    // SAFETY: broken on purpose: the byte may be nobody's.
    unsafe { block.as_ptr().wrapping_offset(offset).write_volatile(0x41) };
}

/// Read one byte, whoever it belongs to.
#[inline(never)]
pub(crate) fn read(block: NonNull<u8>, offset: isize) {
    // SAFETY: broken on purpose: the byte may be nobody's.
    black_box(unsafe { block.as_ptr().wrapping_offset(offset).read_volatile() });
}

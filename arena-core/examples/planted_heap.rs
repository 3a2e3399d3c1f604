//! Faults on malloc's heap and between threads, in Rust, on purpose: `planted_heap FAULT`.
//!
//! `cargo xtask leaks` insists that each tool that judges Rust reports those of its class, at their
//! lines here, and nothing of `clean`.

use std::hint::black_box;
use std::process::ExitCode;
use std::ptr::with_exposed_provenance_mut;
use std::sync::Barrier;
use std::thread;

use arena_core::Arena;

/// Every fault, by name.
const FAULTS: [(&str, fn()); 5] = [
    ("clean", clean),
    ("lost_box", lost_box),
    ("use_after_free_box", use_after_free_box),
    ("race_on_arena_bytes", race_on_arena_bytes),
    ("branch_on_fresh_byte", branch_on_fresh_byte),
];

fn main() -> ExitCode {
    let asked = std::env::args().nth(1).unwrap_or_default();
    let found = FAULTS.iter().find(|(name, _)| *name == asked);
    match found {
        Some((_, fault)) => {
            fault();
            ExitCode::SUCCESS
        }
        None => {
            let names = FAULTS.map(|(name, _)| name);
            eprintln!("planted_heap: one of {}, not {asked:?}", names.join(", "));
            ExitCode::from(2)
        }
    }
}

/// The same calls as the others, done right.
fn clean() {
    drop(black_box(Box::new([1_u8; 64])));
    let arena = Arena::new();
    let bytes = arena.alloc_slice_fill_copy(2, 0_u8);
    let (mine, other) = bytes.split_at_mut(1);
    together([mine.as_mut_ptr(), other.as_mut_ptr()]);
}

/// A box is forgotten.
fn lost_box() {
    #[inline(never)]
    fn lose() {
        std::mem::forget(black_box(Box::new([7_u8; 64])));
    }
    lose();
    wipe();
}

/// A box is read after it was freed.
fn use_after_free_box() {
    let block = Box::into_raw(Box::new(7_u8));
    // SAFETY: from a box, just now.
    drop(unsafe { Box::from_raw(block) });
    // SAFETY: broken, on purpose.
    black_box(unsafe { block.read_volatile() });
}

/// Two threads write one byte of a block.
fn race_on_arena_bytes() {
    let arena = Arena::new();
    let byte: *mut u8 = arena.alloc(0_u8);
    together([byte; 2]);
}

/// A branch depends on a byte that nobody wrote.
fn branch_on_fresh_byte() {
    // SAFETY: any size will do.
    let block = unsafe { libc::malloc(16) }.cast::<u8>();
    assert!(!block.is_null(), "no 16 bytes");
    // SAFETY: there, but not written: broken, on purpose.
    let byte = unsafe { block.read_volatile() };
    if byte == b'x' {
        println!("x");
    }
    // SAFETY: from malloc.
    unsafe { libc::free(block.cast()) };
}

/// Scribble on two bytes from two threads, both of which are there: ThreadSanitizer may take a thread that
/// begins when another has ended for the same one.
fn together(bytes: [*mut u8; 2]) {
    let both = Barrier::new(2);
    thread::scope(|threads| {
        for address in bytes.map(<*mut u8>::expose_provenance) {
            let both = &both;
            threads.spawn(move || {
                both.wait();
                scribble(with_exposed_provenance_mut(address));
            });
        }
    });
}

fn scribble(byte: *mut u8) {
    for _ in 0..1000 {
        // SAFETY: it lives until the threads have ended; who else writes it is what this is about.
        let value = unsafe { byte.read_volatile() };
        // SAFETY: as above.
        unsafe { byte.write_volatile(value.wrapping_add(1)) };
    }
}

/// Overwrite what calls have left on the stack, where a leak checker would take a stale copy for a
/// reference.
#[inline(never)]
fn wipe() {
    black_box([0_u8; 8192]);
}

//! Copying bytes that may be uninitialised, so that the copy is not.
//!
//! To read an uninitialised byte is undefined in Rust, also as a `u8`, also volatile. The processor
//! knows no such bytes: a copy made by its own instructions has whatever values the memory has, and
//! the compiler, which cannot look into the instructions, must take them as given.

use core::mem::MaybeUninit;

/// Copy `into.len()` bytes, and return the copy.
///
/// # Safety
///
/// The bytes from `from` on are mapped and readable, nobody writes them meanwhile, and they do not
/// overlap `into`.
pub(super) unsafe fn defined(from: *const u8, into: &mut [MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: passed on.
    unsafe { by_the_processor(from, into.as_mut_ptr().cast(), into.len()) };
    // SAFETY: all of it was written just now, by instructions that the compiler cannot see into.
    unsafe { into.assume_init_ref() }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn by_the_processor(from: *const u8, into: *mut u8, len: usize) {
    // SAFETY: the instruction reads `len` bytes at `from` and writes them at `into`; the direction
    // flag is clear at the start of an `asm!` block.
    unsafe {
        core::arch::asm!(
            "rep movsb",
            inout("rsi") from => _,
            inout("rdi") into => _,
            inout("rcx") len => _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
unsafe fn by_the_processor(from: *const u8, into: *mut u8, len: usize) {
    // SAFETY: the loop reads `len` bytes at `from` and writes them at `into`.
    unsafe {
        core::arch::asm!(
            "cbz {n}, 3f",
            "2:",
            "ldrb {b:w}, [{s}], #1",
            "strb {b:w}, [{d}], #1",
            "subs {n}, {n}, #1",
            "b.ne 2b",
            "3:",
            s = inout(reg) from => _,
            d = inout(reg) into => _,
            n = inout(reg) len => _,
            b = out(reg) _,
            options(nostack),
        );
    }
}

// An interpreter runs no `asm!`, and knows which bytes have no value: it refuses to read those.
#[cfg(miri)]
unsafe fn by_the_processor(from: *const u8, into: *mut u8, len: usize) {
    // SAFETY: the caller's bytes, which do not overlap.
    unsafe { into.copy_from_nonoverlapping(from, len) }
}

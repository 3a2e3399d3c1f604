//! The functions that the program calls in place of libc's.
//!
//! Each looks at one byte. If nothing is asked of this library it jumps to the real function and is gone; otherwise it keeps
//! the registers that the caller's frame is found by, and goes the long way.

use crate::calls::{self, Saved};
use crate::channel::Kind;
use crate::real::{self, Block};
use core::arch::naked_asm;
use core::ffi::{c_char, c_int};
use core::ptr::null_mut;
use core::sync::atomic::AtomicU8;

/// 1 once there is a plan or a channel, or a real function is not yet known.
pub static ACTIVE: AtomicU8 = AtomicU8::new(1);

macro_rules! export {
    ($($name:ident => $slot:path, $long:path;)*) => { $(
        #[doc = concat!("`", stringify!($name), "` of C.")]
        ///
        /// # Safety
        ///
        /// As in C.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name() {
            naked_asm!(
                ".cfi_startproc",
                "cmp byte ptr [rip + {active}], 0",
                "jne 2f",
                "jmp qword ptr [rip + {slot}]",
                "2:",
                // An array of these six, and the return address behind it: `Saved`.
                "push r15", "push r14", "push r13", "push r12", "push rbp", "push rbx",
                "mov rcx, rsp",
                "sub rsp, 8",
                ".cfi_adjust_cfa_offset 56",
                "call {long}",
                // The six are the callee's to keep, so they still hold what was pushed.
                "add rsp, 56",
                ".cfi_adjust_cfa_offset -56",
                "ret",
                ".cfi_endproc",
                active = sym ACTIVE,
                slot = sym $slot,
                long = sym $long,
            )
        }
    )* };
}

export! {
    malloc => real::MALLOC, long_malloc;
    calloc => real::CALLOC, long_calloc;
    realloc => real::REALLOC, long_realloc;
    reallocarray => real::REALLOCARRAY, long_reallocarray;
    strdup => real::STRDUP, long_strdup;
    strndup => real::STRNDUP, long_strndup;
    posix_memalign => real::POSIX_MEMALIGN, long_posix_memalign;
    aligned_alloc => real::ALIGNED_ALLOC, long_aligned_alloc;
    memalign => real::MEMALIGN, long_memalign;
    valloc => real::VALLOC, long_valloc;
    pvalloc => real::PVALLOC, long_pvalloc;
    free => real::FREE, long_free;
}

unsafe extern "C" fn long_malloc(size: usize, _: usize, _: usize, saved: &Saved) -> Block {
    if real::is_resolving() {
        return real::early(size);
    }
    // SAFETY: any size may be asked for.
    let real = || unsafe { real::malloc(size) };
    calls::serve(Kind::Malloc, size, null_mut(), saved, real)
}

unsafe extern "C" fn long_calloc(count: usize, size: usize, _: usize, saved: &Saved) -> Block {
    let total = count.saturating_mul(size);
    if real::is_resolving() {
        return real::early(total);
    }
    // SAFETY: any size may be asked for; the real function refuses a product that overflows.
    let real = || unsafe { real::calloc(count, size) };
    calls::serve(Kind::Calloc, total, null_mut(), saved, real)
}

unsafe extern "C" fn long_realloc(block: Block, size: usize, _: usize, saved: &Saved) -> Block {
    calls::serve(Kind::Realloc, size, block, saved, || resize(block, size))
}

/// glibc's calls the realloc of this library and would count twice.
unsafe extern "C" fn long_reallocarray(
    block: Block,
    count: usize,
    size: usize,
    saved: &Saved,
) -> Block {
    let total = count.checked_mul(size);
    let real = || match total {
        Some(total) => resize(block, total),
        None => {
            // SAFETY: this thread's errno.
            unsafe { real::errno().write(calls::ENOMEM) };
            null_mut()
        }
    };
    calls::serve(
        Kind::Reallocarray,
        total.unwrap_or(usize::MAX),
        block,
        saved,
        real,
    )
}

/// The real realloc, for blocks of the early room too.
fn resize(block: Block, size: usize) -> Block {
    let Some(len) = real::early_len(block) else {
        // SAFETY: the program's own block.
        return unsafe { real::realloc(block, size) };
    };
    // SAFETY: any size may be asked for.
    let new = unsafe { real::malloc(size) };
    if !new.is_null() {
        // SAFETY: both have that many bytes; the room's later bytes may be read as well as the block's own.
        unsafe {
            new.cast::<u8>()
                .copy_from_nonoverlapping(block.cast(), len.min(size))
        };
    }
    new
}

/// glibc's calls malloc and would count as that.
unsafe extern "C" fn long_strdup(text: *const c_char, _: usize, _: usize, saved: &Saved) -> Block {
    duplicate(Kind::Strdup, text, usize::MAX, saved)
}

unsafe extern "C" fn long_strndup(
    text: *const c_char,
    limit: usize,
    _: usize,
    saved: &Saved,
) -> Block {
    duplicate(Kind::Strndup, text, limit, saved)
}

fn duplicate(kind: Kind, text: *const c_char, limit: usize, saved: &Saved) -> Block {
    let mut len = 0;
    // SAFETY: the text goes to its NUL or to the limit, and neither is passed.
    while len < limit && unsafe { text.wrapping_add(len).read() } != 0 {
        len += 1;
    }
    calls::serve(kind, len + 1, null_mut(), saved, || {
        // SAFETY: any size may be asked for.
        let new = unsafe { real::malloc(len + 1) }.cast::<c_char>();
        if !new.is_null() {
            // SAFETY: `len` bytes were read above, and the new block has one more.
            unsafe { new.copy_from_nonoverlapping(text, len) };
            // SAFETY: the byte behind them.
            unsafe { new.wrapping_add(len).write(0) };
        }
        new.cast()
    })
}

unsafe extern "C" fn long_posix_memalign(
    to: *mut Block,
    align: usize,
    size: usize,
    saved: &Saved,
) -> c_int {
    let mut code = calls::ENOMEM;
    let block = calls::serve(Kind::PosixMemalign, size, null_mut(), saved, || {
        let mut block = null_mut();
        // SAFETY: the place is this function's own.
        code = unsafe { real::posix_memalign(&raw mut block, align, size) };
        block
    });
    if !block.is_null() {
        // SAFETY: the caller's place for the result.
        unsafe { to.write(block) };
    }
    code
}

unsafe extern "C" fn long_aligned_alloc(
    align: usize,
    size: usize,
    _: usize,
    saved: &Saved,
) -> Block {
    // SAFETY: as asked by the caller.
    let real = || unsafe { real::aligned_alloc(align, size) };
    calls::serve(Kind::AlignedAlloc, size, null_mut(), saved, real)
}

unsafe extern "C" fn long_memalign(align: usize, size: usize, _: usize, saved: &Saved) -> Block {
    // SAFETY: as asked by the caller.
    let real = || unsafe { real::memalign(align, size) };
    calls::serve(Kind::Memalign, size, null_mut(), saved, real)
}

unsafe extern "C" fn long_valloc(size: usize, _: usize, _: usize, saved: &Saved) -> Block {
    // SAFETY: any size may be asked for.
    let real = || unsafe { real::valloc(size) };
    calls::serve(Kind::Valloc, size, null_mut(), saved, real)
}

unsafe extern "C" fn long_pvalloc(size: usize, _: usize, _: usize, saved: &Saved) -> Block {
    // SAFETY: any size may be asked for.
    let real = || unsafe { real::pvalloc(size) };
    calls::serve(Kind::Pvalloc, size, null_mut(), saved, real)
}

unsafe extern "C" fn long_free(block: Block) {
    if real::early_len(block).is_some() {
        return;
    }
    calls::forget(block);
    // SAFETY: the program's own block.
    unsafe { real::free(block) };
}

/// Tells the interposer that what follows is what counts: zeroes the counters, and lifts `after=marker`.
///
/// A program that was not started under malloc-fault does not have this function: declare it weak, and call it if it is there.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_fault_marker() {
    calls::mark();
}

/// Is called just before a call fails on purpose: a place for a debugger's breakpoint.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn malloc_fault_failing(number: u64) {
    core::hint::black_box(number);
}

//! AddressSanitizer and LeakSanitizer, if the program is linked with them.
//!
//! Their functions are reached by weak symbols in data slots: 0 in a plain build. A dynamic look-up
//! would not find them, and a build script would have to guess at flags.

use core::arch::global_asm;
use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::NonNull;

// The names carry crate and version: two versions of this crate may be linked together.
global_asm!(
    ".weak __asan_poison_memory_region",
    ".weak __asan_unpoison_memory_region",
    ".weak __lsan_register_root_region",
    ".weak __lsan_unregister_root_region",
    ".pushsection .data.rel.local.arena_core_0_1_asan, \"aw\", @progbits",
    ".balign 8",
    ".globl arena_core_0_1_poison",
    ".hidden arena_core_0_1_poison",
    "arena_core_0_1_poison: .quad __asan_poison_memory_region",
    ".globl arena_core_0_1_unpoison",
    ".hidden arena_core_0_1_unpoison",
    "arena_core_0_1_unpoison: .quad __asan_unpoison_memory_region",
    ".globl arena_core_0_1_register",
    ".hidden arena_core_0_1_register",
    "arena_core_0_1_register: .quad __lsan_register_root_region",
    ".globl arena_core_0_1_unregister",
    ".hidden arena_core_0_1_unregister",
    "arena_core_0_1_unregister: .quad __lsan_unregister_root_region",
    ".popsection",
);

type OnRange = unsafe extern "C" fn(*const c_void, usize);

unsafe extern "C" {
    static arena_core_0_1_poison: Option<OnRange>;
    static arena_core_0_1_unpoison: Option<OnRange>;
    static arena_core_0_1_register: Option<OnRange>;
    static arena_core_0_1_unregister: Option<OnRange>;
}

/// Call one of the functions, if it is there.
fn call(slot: *const Option<OnRange>, at: NonNull<u8>, len: usize) {
    // SAFETY: the linker has filled the slot with 0 or an address, unseen by the compiler: hence
    // volatile.
    let function = unsafe { slot.cast::<usize>().read_volatile() };
    if function != 0 && len != 0 {
        // SAFETY: not 0, so it is the address of a function of this type.
        let function = unsafe { transmute::<usize, OnRange>(function) };
        // SAFETY: the functions mark a range of addresses, and touch none of its bytes.
        unsafe { function(at.as_ptr().cast(), len) };
    }
}

fn poison(at: NonNull<u8>, len: usize) {
    call(&raw const arena_core_0_1_poison, at, len);
}

fn unpoison(at: NonNull<u8>, len: usize) {
    call(&raw const arena_core_0_1_unpoison, at, len);
}

fn behind(block: NonNull<u8>, len: usize) -> NonNull<u8> {
    // SAFETY: within the block, or one past it.
    unsafe { block.add(len) }
}

/// Poison what lies between a block's `size` bytes and the end of its red zone.
fn poison_red_zone(block: NonNull<u8>, size: usize) {
    poison(behind(block, size), super::padded_size(size) - size);
}

pub(super) fn opened(home: NonNull<u8>, len: usize) {
    // What is reachable from a block is not leaked.
    call(&raw const arena_core_0_1_register, home, len);
}

pub(super) fn closed(home: NonNull<u8>, used: usize, len: usize) {
    // The next mapping at this address would inherit the poison.
    unpoison(home, used);
    call(&raw const arena_core_0_1_unregister, home, len);
}

pub(super) fn placed(_: NonNull<u8>, block: NonNull<u8>, size: usize) {
    unpoison(block, size);
    poison_red_zone(block, size);
}

pub(super) fn freed(_: NonNull<u8>, block: NonNull<u8>, size: usize) {
    poison(block, size);
}

pub(super) fn grown(_: NonNull<u8>, block: NonNull<u8>, _: usize, new: usize) {
    unpoison(block, new);
    poison_red_zone(block, new);
}

pub(super) fn shrunk(_: NonNull<u8>, block: NonNull<u8>, old: usize, new: usize) {
    poison(behind(block, new), old - new);
}

pub(super) fn valued(_: NonNull<u8>, _: usize) {}

pub(super) fn touched(at: NonNull<u8>, len: usize) {
    unpoison(at, len);
}

pub(super) fn rewound(_: NonNull<u8>, to: NonNull<u8>, len: usize) {
    poison(to, len);
}

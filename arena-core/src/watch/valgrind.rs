//! Valgrind's memcheck, if the program runs under it: an arena is a memory pool.
//!
//! A client request is a sequence of instructions that does nothing on a processor and that valgrind
//! knows. The numbers are those of valgrind.h and memcheck.h.

use core::ptr::NonNull;

const CHANGE_ERR_DISABLEMENT: usize = 0x1801;
const CREATE_MEMPOOL: usize = 0x1303;
const DESTROY_MEMPOOL: usize = 0x1304;
const MEMPOOL_ALLOC: usize = 0x1305;
const MEMPOOL_FREE: usize = 0x1306;
const MEMPOOL_TRIM: usize = 0x1307;
const MEMPOOL_CHANGE: usize = 0x1309;
const MEMPOOL_EXISTS: usize = 0x130a;
const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
const MAKE_MEM_NOACCESS: usize = MEMCHECK;
const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;

/// Ask, or tell, valgrind; 0 if it is not there.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn request(number: usize, arguments: [usize; 4]) -> usize {
    let [a, b, c, d] = arguments;
    let request = [number, a, b, c, d, 0];
    let answer: usize;
    // SAFETY: the rotations add up to 128 bits and the exchange is of a register with itself, so a
    // processor changes nothing but flags; valgrind reads the array and sets rdx.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            inout("rdx") 0_usize => answer,
            in("rax") request.as_ptr(),
            options(nostack),
        );
    }
    answer
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn request(_: usize, _: [usize; 4]) -> usize {
    0
}

fn at(pointer: NonNull<u8>) -> usize {
    pointer.addr().get()
}

pub(super) fn opened(home: NonNull<u8>, len: usize) {
    request(CREATE_MEMPOOL, [at(home), super::RED_ZONE_LEN, 0, 0]);
    request(MAKE_MEM_NOACCESS, [at(home), len, 0, 0]);
}

pub(super) fn closed(home: NonNull<u8>, _: usize, len: usize) {
    if request(MEMPOOL_EXISTS, [at(home), 0, 0, 0]) != 0 {
        request(DESTROY_MEMPOOL, [at(home), 0, 0, 0]);
    }
    // Whoever has the memory next may touch it, and finds whatever is there.
    request(MAKE_MEM_UNDEFINED, [at(home), len, 0, 0]);
}

pub(super) fn placed(home: NonNull<u8>, block: NonNull<u8>, size: usize) {
    request(MEMPOOL_ALLOC, [at(home), at(block), size, 0]);
}

pub(super) fn freed(home: NonNull<u8>, block: NonNull<u8>, _: usize) {
    request(MEMPOOL_FREE, [at(home), at(block), 0, 0]);
}

pub(super) fn grown(home: NonNull<u8>, block: NonNull<u8>, old: usize, new: usize) {
    request(MEMPOOL_CHANGE, [at(home), at(block), at(block), new]);
    request(MAKE_MEM_UNDEFINED, [at(block) + old, new - old, 0, 0]);
    request(
        MAKE_MEM_NOACCESS,
        [at(block) + new, super::padded_size(new) - new, 0, 0],
    );
}

pub(super) fn shrunk(home: NonNull<u8>, block: NonNull<u8>, old: usize, new: usize) {
    request(MEMPOOL_CHANGE, [at(home), at(block), at(block), new]);
    request(MAKE_MEM_NOACCESS, [at(block) + new, old - new, 0, 0]);
}

pub(super) fn valued(block: NonNull<u8>, len: usize) {
    request(MAKE_MEM_DEFINED, [at(block), len, 0, 0]);
}

pub(super) fn touched(from: NonNull<u8>, len: usize) {
    request(MAKE_MEM_UNDEFINED, [at(from), len, 0, 0]);
}

pub(super) fn rewound(home: NonNull<u8>, to: NonNull<u8>, len: usize) {
    request(MEMPOOL_TRIM, [at(home), at(home), at(to) - at(home), 0]);
    request(MAKE_MEM_NOACCESS, [at(to), len, 0, 0]);
}

/// No reports from this thread until this is dropped.
pub(super) struct Quiet(());

pub(super) fn quiet() -> Quiet {
    request(CHANGE_ERR_DISABLEMENT, [1, 0, 0, 0]);
    Quiet(())
}

impl Drop for Quiet {
    fn drop(&mut self) {
        request(CHANGE_ERR_DISABLEMENT, [usize::MAX, 0, 0, 0]);
    }
}

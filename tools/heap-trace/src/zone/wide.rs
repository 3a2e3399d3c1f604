//! Bytes compared with one value, 16 at a time, without a branch in between.
//!
//! Written out, because a chain of such comparisons is most of what the reuse of freed bytes costs,
//! and what the compiler makes of pairs of words varies. Every x86-64 has the instructions.

use std::ptr::NonNull;

/// Tell whether bytes, a multiple of 16 of them, all have one value.
///
/// # Safety
///
/// The bytes can be read and are initialised.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn are_all(from: NonNull<u8>, len: usize, expected: u8) -> bool {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8,
    };
    // SAFETY: every x86-64 has SSE2; so below.
    let expected = unsafe { _mm_set1_epi8(expected.cast_signed()) };
    // SAFETY: as above.
    let mut right = unsafe { _mm_cmpeq_epi8(expected, expected) };
    for at in (0..len).step_by(16) {
        // SAFETY: within the bytes.
        let at = unsafe { from.add(at) };
        // SAFETY: the caller's promise.
        let bytes = unsafe { at.cast::<__m128i>().read_unaligned() };
        // SAFETY: as above.
        let same = unsafe { _mm_cmpeq_epi8(bytes, expected) };
        // SAFETY: as above.
        right = unsafe { _mm_and_si128(right, same) };
    }
    // SAFETY: as above.
    let mask = unsafe { _mm_movemask_epi8(right) };
    mask == 0xffff
}

/// Tell whether bytes, a multiple of 16 of them, all have one value.
///
/// # Safety
///
/// The bytes can be read and are initialised.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) unsafe fn are_all(from: NonNull<u8>, len: usize, expected: u8) -> bool {
    let mut wrong = 0;
    for at in (0..len).step_by(16) {
        // SAFETY: within the bytes.
        let at = unsafe { from.add(at) };
        // SAFETY: the caller's promise.
        let bytes = unsafe { at.cast::<u128>().read_unaligned() };
        wrong |= bytes ^ u128::from_ne_bytes([expected; 16]);
    }
    wrong == 0
}

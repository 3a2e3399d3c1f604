//! Sixteen numbers at once, all of them below 2^31.

/// One bit for each of the sixteen numbers that is at least `need`, all below 2^31.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(super) fn at_least(numbers: &[u32; 16], need: u32) -> u32 {
    // SAFETY: the target has these instructions.
    unsafe { with_sse2(numbers, need) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[target_feature(enable = "sse2")]
fn with_sse2(numbers: &[u32; 16], need: u32) -> u32 {
    use core::arch::x86_64::{
        _mm_cmpgt_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set_epi32,
        _mm_set1_epi32,
    };

    let below = _mm_set1_epi32(need.cast_signed() - 1);
    let (fours, _) = numbers.as_chunks::<4>();
    let compare = |four: [u32; 4]| {
        let [a, b, c, d] = four.map(u32::cast_signed);
        _mm_cmpgt_epi32(_mm_set_epi32(d, c, b, a), below)
    };
    let low = _mm_packs_epi32(compare(fours[0]), compare(fours[1]));
    let high = _mm_packs_epi32(compare(fours[2]), compare(fours[3]));
    _mm_movemask_epi8(_mm_packs_epi16(low, high)).cast_unsigned()
}

/// The same where no vector instructions are known here.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(super) fn at_least(numbers: &[u32; 16], need: u32) -> u32 {
    one_by_one(numbers, need)
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn one_by_one(numbers: &[u32; 16], need: u32) -> u32 {
    numbers
        .iter()
        .rev()
        .fold(0, |bits, &number| bits << 1 | u32::from(number >= need))
}

/// The largest of sixteen numbers, all below 2^31, one of them left out.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn largest_but(numbers: &[u32; 16], lane: u32) -> u32 {
    // SAFETY: the target has these instructions.
    unsafe { largest_with_sse2(numbers, lane) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[target_feature(enable = "sse2")]
fn largest_with_sse2(numbers: &[u32; 16], lane: u32) -> u32 {
    use core::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_andnot_si128, _mm_cmpgt_epi32, _mm_cvtsi128_si32, _mm_or_si128,
        _mm_set_epi32, _mm_shuffle_epi32,
    };

    /// From the one that begins `lane` before the middle on, all but that lane are whole.
    const WHOLE: [u32; 31] = {
        let mut lanes = [u32::MAX; 31];
        lanes[15] = 0;
        lanes
    };
    let four = |[a, b, c, d]: [u32; 4]| {
        let [a, b, c, d] = [a, b, c, d].map(u32::cast_signed);
        _mm_set_epi32(d, c, b, a)
    };
    let larger = |a: __m128i, b: __m128i| {
        let a_is = _mm_cmpgt_epi32(a, b);
        _mm_or_si128(_mm_and_si128(a_is, a), _mm_andnot_si128(a_is, b))
    };
    let start = 15 - (lane % 16) as usize;
    let (whole, _) = WHOLE[start..start + 16].as_chunks::<4>();
    let (fours, _) = numbers.as_chunks::<4>();
    let kept = |index: usize| _mm_and_si128(four(fours[index]), four(whole[index]));
    let max = larger(larger(kept(0), kept(1)), larger(kept(2), kept(3)));
    let max = larger(max, _mm_shuffle_epi32::<0b01_00_11_10>(max));
    let max = larger(max, _mm_shuffle_epi32::<0b10_11_00_01>(max));
    _mm_cvtsi128_si32(max).cast_unsigned()
}

/// The same where no vector instructions are known here.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(super) fn largest_but(numbers: &[u32; 16], lane: u32) -> u32 {
    largest_one_by_one(numbers, lane)
}

/// The largest of up to sixteen numbers, one of them left out.
pub(super) fn largest_one_by_one(numbers: &[u32], lane: u32) -> u32 {
    let others = numbers.iter().zip(0..).filter(|&(_, here)| here != lane);
    others.map(|(&number, _)| number).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_at_once_is_one_by_one(
            numbers in prop::array::uniform16(0_u32..1 << 31), need in 1_u32..1 << 31, pick in 0..16_usize,
        ) {
            for need in [need, numbers[pick].max(1), 1, i32::MAX as u32] {
                prop_assert_eq!(at_least(&numbers, need), one_by_one(&numbers, need));
            }
            for lane in 0..16 {
                prop_assert_eq!(largest_but(&numbers, lane), largest_one_by_one(&numbers, lane));
            }
        }
    }
}

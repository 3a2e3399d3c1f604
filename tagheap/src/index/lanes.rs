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

/// The largest of sixteen numbers.
#[inline]
pub(super) fn maximum(numbers: &[u32; 16]) -> u32 {
    let (eights, _) = numbers.as_chunks::<8>();
    let larger = |a: u32, b: u32| {
        // They fit signed numbers, which every processor compares several at a time.
        if a.cast_signed() > b.cast_signed() {
            a
        } else {
            b
        }
    };
    let mut max = eights[0];
    for (lane, &other) in max.iter_mut().zip(&eights[1]) {
        *lane = larger(*lane, other);
    }
    let [a, b, c, d, e, f, g, h] = max;
    let fours = [larger(a, e), larger(b, f), larger(c, g), larger(d, h)];
    let [a, b, c, d] = fours;
    larger(larger(a, c), larger(b, d))
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
            prop_assert_eq!(Some(maximum(&numbers)), numbers.iter().copied().max());
        }
    }
}

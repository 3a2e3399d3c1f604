//! Arithmetic and order of numbers alone: no machine, no memory.

use super::{Result, refused};
use crate::ir::{Binary, Compare, Flags, Instruction};
use crate::value::{Gap, Origin, Value, mask, signed};
use std::cmp::Ordering;

/// Where a result came from, by where its operands did.
pub(super) fn derived(one: Origin, other: Origin) -> Origin {
    if one == Origin::Given && other == Origin::Given {
        Origin::Given
    } else {
        Origin::Derived
    }
}

/// The result of arithmetic on numbers; nothing if a promise is broken, for that is poison.
pub(super) fn number(how: Binary, width: u32, a: u64, b: u64, flags: Flags) -> Option<u64> {
    let (signed_a, signed_b) = (i128::from(signed(width, a)), i128::from(signed(width, b)));
    let (wide_a, wide_b) = (u128::from(a), u128::from(b));
    let (unsigned, with_sign) = match how {
        Binary::Add => (Some(wide_a + wide_b), Some(signed_a + signed_b)),
        Binary::Sub => (wide_a.checked_sub(wide_b), Some(signed_a - signed_b)),
        Binary::Mul => (Some(wide_a * wide_b), Some(signed_a * signed_b)),
        Binary::Shl if b < u64::from(width) => (Some(wide_a << b), Some(signed_a << b)),
        Binary::Lshr if b < u64::from(width) => {
            let lost = flags.exact && (a >> b) << b != a;
            return (!lost).then_some(a >> b);
        }
        Binary::Shl | Binary::Lshr => return None,
        Binary::And => return Some(a & b),
        Binary::Or => return (!flags.disjoint || a & b == 0).then_some(a | b),
        Binary::Xor => return Some(a ^ b),
    };
    let bits = with_sign.map(|exact| exact as u64 & mask(width))?;
    let wraps = unsigned != Some(u128::from(bits));
    let overflows = with_sign != Some(i128::from(signed(width, bits)));
    (!(flags.nuw && wraps || flags.nsw && overflows)).then_some(bits)
}

/// A number that lies where the value does, as far as any constant can tell.
fn representative(value: &Value, width: u32) -> Option<i128> {
    match value {
        Value::Int { bits, .. } => Some(i128::from(signed(width, *bits))),
        Value::Atom { gap, .. } if *gap != Gap::ALL => Some(gap.above + 1),
        _ => None,
    }
}

pub(super) fn ordered(
    at: &Instruction,
    how: Compare,
    width: u32,
    left: &Value,
    right: &Value,
) -> Result<bool> {
    let both = (representative(left, width), representative(right, width));
    let (Some(a), Some(b)) = both else {
        return refused(
            at,
            "orders undef, or arithmetic of a value that is chosen freely",
        );
    };
    let same_gap = matches!((left, right), (Value::Atom { gap, .. }, Value::Atom { gap: other, .. }) if gap == other);
    if same_gap && left != right {
        return refused(at, "orders two values that are chosen freely");
    }
    let unsigned = |n: i128| n & i128::from(mask(width));
    let order = match how {
        Compare::Ult | Compare::Ule | Compare::Ugt | Compare::Uge => unsigned(a).cmp(&unsigned(b)),
        _ => a.cmp(&b),
    };
    Ok(match how {
        Compare::Eq => order == Ordering::Equal,
        Compare::Ne => order != Ordering::Equal,
        Compare::Ult | Compare::Slt => order == Ordering::Less,
        Compare::Ule | Compare::Sle => order != Ordering::Greater,
        Compare::Ugt | Compare::Sgt => order == Ordering::Greater,
        Compare::Uge | Compare::Sge => order != Ordering::Less,
    })
}

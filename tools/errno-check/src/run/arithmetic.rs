//! Instructions that touch no memory.

use super::numbers::{derived, number, ordered};
use super::{Machine, Result, refused};
use crate::ir::{Binary, Compare, Flags, Instruction, Kind, Type};
use crate::memory::Size;
use crate::value::{Formula, ObjectId, Origin, Pointer, Value, mask, signed};
use std::rc::Rc;

impl Machine<'_> {
    pub(super) fn calculate(&mut self, at: &Instruction, kind: &Kind) -> Result<Value> {
        match kind {
            Kind::Offset { from, by, flags } => {
                let from = self.read(from)?;
                self.offset(at, &from, *by, *flags)
            }
            Kind::Compare {
                how,
                of,
                left,
                right,
                flags,
            } => {
                let (left, right) = (self.read(left)?, self.read(right)?);
                self.compare(at, *how, of, &left, &right, *flags)
            }
            Kind::Select { condition, yes, no } => match self.read(condition)? {
                Value::Int { bits: 0, .. } => self.read(no),
                Value::Int { .. } => self.read(yes),
                Value::Poison => Ok(Value::Poison),
                _ => refused(
                    at,
                    "selects by undef, or by arithmetic of a value that is chosen freely",
                ),
            },
            Kind::Freeze { of, value } => {
                let value = self.read(value)?;
                self.freeze(at, of, value)
            }
            Kind::Binary {
                how,
                width,
                left,
                right,
                flags,
            } => {
                let (left, right) = (self.read(left)?, self.read(right)?);
                self.binary(at, *how, *width, &left, &right, *flags)
            }
            Kind::Zext {
                from,
                to,
                value,
                flags,
            } => {
                let value = self.read(value)?;
                let broken = |bits| flags.nneg && signed(*from, bits) < 0;
                self.cast(at, ("zext", *to), &value, *flags, |bits| {
                    (!broken(bits)).then_some(bits)
                })
            }
            Kind::Trunc {
                from,
                to,
                value,
                flags,
            } => {
                let value = self.read(value)?;
                let fits = |bits: u64| {
                    let small = bits & mask(*to);
                    let unsigned = !flags.nuw || small == bits;
                    let with_sign = !flags.nsw || signed(*to, small) == signed(*from, bits);
                    (unsigned && with_sign).then_some(small)
                };
                self.cast(at, ("trunc", *to), &value, *flags, fits)
            }
            Kind::PtrToInt { to, value } => match self.read(value)? {
                Value::Pointer(pointer) if *to == 64 => Ok(address(pointer)),
                Value::Poison => Ok(Value::Poison),
                _ => refused(at, "an address is an i64, of a pointer that is not undef"),
            },
            Kind::Insert { into, value, field } => {
                let (into, value) = (self.read(into)?, self.read(value)?);
                let mut fields = match into {
                    Value::Pair(fields) => *fields,
                    both => [both.clone(), both],
                };
                fields[*field] = value;
                Ok(Value::Pair(Box::new(fields)))
            }
            Kind::Extract { from, field } => Ok(match self.read(from)? {
                Value::Pair(fields) => fields[*field].clone(),
                both => both,
            }),
            Kind::MulOverflow { width, left, right } => {
                let (left, right) = (self.read(left)?, self.read(right)?);
                self.mul_overflow(at, *width, &left, &right)
            }
            _ => refused(at, "not understood here"),
        }
    }

    fn offset(&mut self, at: &Instruction, from: &Value, by: i64, flags: Flags) -> Result<Value> {
        let Value::Pointer(from) = from else {
            return match from {
                Value::Poison => Ok(Value::Poison),
                _ => refused(at, "an offset from a pointer that was never written"),
            };
        };
        let to = Pointer {
            offset: from.offset.saturating_add(by),
            ..*from
        };
        if from.object.is_none() && by < 0 && flags.nuw {
            return refused(
                at,
                "a wrap that depends on how null and the offset are added",
            );
        }
        // The address goes below zero: from null by any step down, from a block by none that is so short.
        let below_zero = from.object.is_none() && from.offset >= 0 && to.offset < 0;
        if flags.nuw && by < 0 || flags.nusw && below_zero {
            return Ok(Value::Poison);
        }
        if flags.inbounds && by != 0 {
            let (low, high) = (from.offset.min(to.offset), from.offset.max(to.offset));
            let inside = match from.object {
                None => false,
                Some(object) => self.lies_in(object, low, high)?,
            };
            if !inside {
                return Ok(Value::Poison);
            }
        }
        Ok(Value::Pointer(to))
    }

    fn compare(
        &mut self,
        at: &Instruction,
        how: Compare,
        of: &Type,
        left: &Value,
        right: &Value,
        flags: Flags,
    ) -> Result<Value> {
        if matches!(left, Value::Poison) || matches!(right, Value::Poison) {
            return Ok(Value::Poison);
        }
        let truth = match (how, of) {
            (Compare::Eq, _) => self.equal(at, left, right)?,
            (Compare::Ne, _) => !self.equal(at, left, right)?,
            (_, Type::Int(width)) => ordered(at, how, *width, left, right)?,
            _ => return refused(at, "pointers are compared by eq and ne only"),
        };
        if let (true, Type::Int(width)) = (flags.samesign, of) {
            let zero = Value::int(*width, 0);
            let negative = |value| ordered(at, Compare::Slt, *width, value, &zero);
            if negative(left)? != negative(right)? {
                return Ok(Value::Poison);
            }
        }
        Ok(Value::bool(truth))
    }

    fn equal(&mut self, at: &Instruction, left: &Value, right: &Value) -> Result<bool> {
        match (left, right) {
            (Value::Int { bits, .. }, Value::Int { bits: other, .. }) => Ok(bits == other),
            (Value::Atom { .. }, Value::Atom { .. }) => Ok(left == right),
            (Value::Int { .. }, Value::Atom { .. }) | (Value::Atom { .. }, Value::Int { .. }) => {
                Ok(false)
            }
            (Value::Formula(one), Value::Formula(other)) if one == other => Ok(true),
            (Value::Pointer(one), Value::Pointer(other)) => self.same_place(at, one, other),
            (Value::Address(one), Value::Address(other)) => self.same_place(at, one, other),
            (Value::Address(one), Value::Int { bits: 0, .. })
            | (Value::Int { bits: 0, .. }, Value::Address(one)) => {
                self.same_place(at, one, &Pointer::NULL)
            }
            (Value::Undef, _) | (_, Value::Undef) => {
                refused(at, "compares memory that was never written")
            }
            _ => refused(
                at,
                "compares arithmetic of a value that is chosen freely, or an address",
            ),
        }
    }

    fn same_place(&mut self, at: &Instruction, one: &Pointer, other: &Pointer) -> Result<bool> {
        let (first, second) = match (one.object, other.object) {
            (same, again) if same == again => return Ok(one.offset == other.offset),
            (Some(object), None) if other.offset == 0 => {
                return self.not_null(at, object, one.offset);
            }
            (None, Some(object)) if one.offset == 0 => {
                return self.not_null(at, object, other.offset);
            }
            (Some(first), Some(second)) => ((first, one.offset), (second, other.offset)),
            _ => return refused(at, "compares an offset from null with a place in a block"),
        };
        for (object, offset) in [first, second] {
            let inside = offset == 0 || self.lies_in(object, offset, offset.saturating_add(1))?;
            if !self.object(object).live || !inside {
                return refused(
                    at,
                    "compares a place in a freed block, or outside of its block, with another block's",
                );
            }
        }
        Ok(false)
    }

    fn not_null(&mut self, at: &Instruction, object: ObjectId, offset: i64) -> Result<bool> {
        let low = offset.min(0);
        if offset == 0 || self.lies_in(object, low, offset.max(0))? {
            return Ok(false);
        }
        refused(at, "compares a place outside of its block with null")
    }

    fn freeze(&mut self, at: &Instruction, of: &Type, value: Value) -> Result<Value> {
        if !matches!(value, Value::Poison | Value::Undef) {
            return Ok(value);
        }
        match of {
            // All numbers of these widths can be tried, so that one of them is as good as a constant.
            Type::Int(width @ (1 | 8)) => {
                Ok(Value::int(*width, self.choices.choose(1 << width) as u64))
            }
            Type::Int(width) => Ok(self.any_number(*width, false, 0).unwrap_or(Value::Poison)),
            _ => refused(at, "freezes a pointer that is poison or undef"),
        }
    }

    fn cast(
        &mut self,
        at: &Instruction,
        (name, to): (&str, u32),
        value: &Value,
        flags: Flags,
        result: impl Fn(u64) -> Option<u64>,
    ) -> Result<Value> {
        match value {
            Value::Poison => Ok(Value::Poison),
            Value::Int { bits, origin, .. } => Ok(match result(*bits) {
                Some(bits) => Value::Int {
                    width: to,
                    bits,
                    origin: derived(*origin, *origin),
                },
                None => Value::Poison,
            }),
            Value::Atom { .. } | Value::Formula(_) if flags == Flags::default() => {
                Ok(self.formula(format!("{name} i{to}"), to, std::slice::from_ref(value)))
            }
            _ => refused(
                at,
                "casts an address, undef, or under promises a value that is chosen freely",
            ),
        }
    }

    fn binary(
        &mut self,
        at: &Instruction,
        how: Binary,
        width: u32,
        left: &Value,
        right: &Value,
        flags: Flags,
    ) -> Result<Value> {
        match (left, right) {
            (Value::Poison, _) | (_, Value::Poison) => Ok(Value::Poison),
            (
                Value::Int {
                    bits: a,
                    origin: from,
                    ..
                },
                Value::Int {
                    bits: b,
                    origin: and,
                    ..
                },
            ) => Ok(match number(how, width, *a, *b, flags) {
                Some(bits) => Value::Int {
                    width,
                    bits,
                    origin: derived(*from, *and),
                },
                None => Value::Poison,
            }),
            (Value::Address(_), _) | (_, Value::Address(_)) => {
                self.with_address(at, how, left, right, flags)
            }
            _ if left.is_free() || right.is_free() => {
                let undefined = *left == Value::Undef || *right == Value::Undef;
                if flags != Flags::default()
                    || matches!(how, Binary::Shl | Binary::Lshr)
                    || undefined
                {
                    return refused(at, "promises or shifts of a value that is chosen freely");
                }
                let operation = format!("{how:?} i{width}").to_lowercase();
                Ok(self.formula(operation, width, &[left.clone(), right.clone()]))
            }
            _ => refused(at, "calculates with memory that was never written"),
        }
    }

    /// What is known of addresses: differences within an object, and the low bits that alignment leaves zero.
    fn with_address(
        &mut self,
        at: &Instruction,
        how: Binary,
        left: &Value,
        right: &Value,
        flags: Flags,
    ) -> Result<Value> {
        let moved = |pointer: &Pointer, by: i64| {
            Value::Address(Pointer {
                offset: pointer.offset.wrapping_add(by),
                ..*pointer
            })
        };
        match (how, left, right) {
            _ if flags != Flags::default() => refused(at, "promises on arithmetic with an address"),
            (
                Binary::Add,
                Value::Address(pointer),
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                },
            )
            | (
                Binary::Add,
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                },
                Value::Address(pointer),
            ) => Ok(moved(pointer, *bits as i64)),
            (
                Binary::Sub,
                Value::Address(pointer),
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                },
            ) => Ok(moved(pointer, (*bits as i64).wrapping_neg())),
            (Binary::Sub, Value::Address(one), Value::Address(other))
                if one.object == other.object =>
            {
                Ok(Value::int(64, one.offset.wrapping_sub(other.offset) as u64))
            }
            (
                Binary::And,
                Value::Address(pointer),
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                },
            )
            | (
                Binary::And,
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                },
                Value::Address(pointer),
            ) => self.low_bits(at, pointer, *bits),
            _ => refused(
                at,
                "arithmetic with an address that depends on where the block lies",
            ),
        }
    }

    fn low_bits(&mut self, at: &Instruction, pointer: &Pointer, mask: u64) -> Result<Value> {
        let known = match pointer.object {
            Some(object) => match self.object(object).size {
                Size::Known(_) => self.object(object).align.unwrap_or(1),
                Size::Asked => 1,
            },
            None => 1,
        };
        if mask < known {
            return Ok(Value::int(64, pointer.offset as u64 & mask));
        }
        refused(at, "bits of an address that depend on where the block lies")
    }

    pub(super) fn formula(&mut self, operation: String, width: u32, operands: &[Value]) -> Value {
        Value::Formula(Rc::new(Formula {
            operation,
            width,
            operands: operands.to_vec(),
        }))
    }

    fn mul_overflow(
        &mut self,
        at: &Instruction,
        width: u32,
        left: &Value,
        right: &Value,
    ) -> Result<Value> {
        let (
            Value::Int {
                bits: a,
                origin: from,
                ..
            },
            Value::Int {
                bits: b,
                origin: and,
                ..
            },
        ) = (left, right)
        else {
            return match (left, right) {
                (Value::Poison, _) | (_, Value::Poison) => {
                    Ok(Value::Pair(Box::new([Value::Poison, Value::Poison])))
                }
                _ => refused(
                    at,
                    "multiplies undef, an address, or a value that is chosen freely",
                ),
            };
        };
        let product = u128::from(*a) * u128::from(*b);
        let bits = product as u64 & mask(width);
        let origin = derived(*from, *and);
        let overflow = u64::from(u128::from(bits) != product);
        Ok(Value::Pair(Box::new([
            Value::Int {
                width,
                bits,
                origin,
            },
            Value::Int {
                width: 1,
                bits: overflow,
                origin,
            },
        ])))
    }
}

fn address(pointer: Pointer) -> Value {
    match pointer.object {
        None => Value::int(64, pointer.offset as u64),
        Some(_) => Value::Address(pointer),
    }
}

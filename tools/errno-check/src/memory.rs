//! Memory as objects, each byte of which knows what it is a part of.

use crate::value::{ObjectId, Origin, Value};
use std::collections::BTreeMap;

/// One byte that was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Byte {
    Poison,
    Undef,
    Number(u8),
    /// The n-th byte of a value that is no plain number.
    Part(Value, usize),
}

/// What the bytes hold that were never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unwritten {
    Undef,
    /// Zero up to this offset, as calloc leaves it, and undef behind it.
    Zero(u128),
    /// What this block of the caller's held, up to an offset, and undef behind it.
    Caller(usize, u128),
}

/// How large an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Size {
    Known(u128),
    /// The caller's: asked for as far as it matters.
    Asked,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) size: Size,
    /// What its address is a multiple of; nothing if that is asked for.
    pub(crate) align: Option<u64>,
    pub(crate) live: bool,
    pub(crate) unwritten: Unwritten,
    pub(crate) bytes: BTreeMap<i64, Byte>,
}

impl Object {
    /// A new object whose bytes were never written.
    pub(crate) fn new(size: u128, align: u64) -> Self {
        Self {
            size: Size::Known(size),
            align: Some(align),
            live: true,
            unwritten: Unwritten::Undef,
            bytes: BTreeMap::new(),
        }
    }

    /// errno, or a block of the caller's: what it is and holds is asked for.
    pub(crate) fn given(object: ObjectId) -> Self {
        let (size, unwritten) = match object {
            ObjectId::Caller(block) => (Size::Asked, Unwritten::Caller(block, u128::MAX)),
            _ => (Size::Known(4), Unwritten::Undef),
        };
        Self {
            size,
            align: None,
            live: true,
            unwritten,
            bytes: BTreeMap::new(),
        }
    }

    /// Writes a value of so many bytes.
    pub(crate) fn write(&mut self, at: i64, size: u64, value: &Value) {
        for index in 0..size as usize {
            let byte = match value {
                Value::Poison => Byte::Poison,
                Value::Undef => Byte::Undef,
                Value::Int {
                    bits,
                    origin: Origin::Given,
                    ..
                } => Byte::Number(bits.to_le_bytes()[index]),
                _ => Byte::Part(value.clone(), index),
            };
            self.bytes.insert(at + index as i64, byte);
        }
    }
}

/// Puts bytes together to a value; nothing if they are not one that the model knows.
///
/// `width` is that of an integer; a pointer has none.
pub(crate) fn assemble(bytes: &[Byte], width: Option<u32>) -> Option<Value> {
    if bytes.contains(&Byte::Poison) {
        return Some(Value::Poison);
    }
    if bytes.iter().all(|byte| *byte == Byte::Undef) {
        return Some(Value::Undef);
    }
    if let Some(whole) = whole(bytes) {
        let pointer = matches!(whole, Value::Pointer(_));
        return (pointer == width.is_none()).then_some(whole);
    }
    let mut number = [0; 8];
    let mut origin = Origin::Given;
    for (place, byte) in number.iter_mut().zip(bytes) {
        *place = match byte {
            Byte::Number(byte) => *byte,
            Byte::Part(Value::Int { bits, .. }, index) => {
                origin = Origin::Derived;
                bits.to_le_bytes()[*index]
            }
            _ => return None,
        };
    }
    let bits = u64::from_le_bytes(number);
    match width {
        Some(1) if bits > 1 => None,
        Some(width) => Some(Value::Int {
            width,
            bits,
            origin,
        }),
        None if bits == 0 && origin == Origin::Given => {
            Some(Value::Pointer(crate::value::Pointer::NULL))
        }
        None => None,
    }
}

/// The value that all of these bytes, and only they, are the parts of.
fn whole(bytes: &[Byte]) -> Option<Value> {
    let Some(Byte::Part(value, 0)) = bytes.first() else {
        return None;
    };
    let fits = value.size() == bytes.len() as u64;
    let all = bytes
        .iter()
        .enumerate()
        .all(|(index, byte)| matches!(byte, Byte::Part(of, part) if of == value && *part == index));
    (fits && all).then(|| value.clone())
}

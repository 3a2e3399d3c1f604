//! Types and constants.

use super::cursor::Cursor;
use crate::ir::{Operand, Type};
use crate::lex::Token;
use crate::refusal::Refusal;

const INTEGERS: [u32; 4] = [1, 8, 32, 64];

/// Reads a type of a value.
pub(super) fn value_type(cursor: &mut Cursor) -> Result<Type, Refusal> {
    if *cursor.peek() == Token::Mark("[") {
        return Err(cursor.refuse("arrays are understood in alloca and getelementptr only"));
    }
    any_type(cursor)
}

/// Reads a type of a scalar value.
pub(super) fn scalar_type(cursor: &mut Cursor) -> Result<Type, Refusal> {
    match cursor.peek() {
        Token::Mark(_) => Err(cursor.refuse("expected one of i1, i8, i32, i64, ptr")),
        _ => value_type(cursor),
    }
}

/// Reads an integer type and returns its width.
pub(super) fn integer(cursor: &mut Cursor) -> Result<u32, Refusal> {
    let wrong = cursor.refuse("expected one of i1, i8, i32, i64");
    match value_type(cursor)? {
        Type::Int(width) => Ok(width),
        _ => Err(wrong),
    }
}

/// Reads `ptr`.
pub(super) fn pointer(cursor: &mut Cursor) -> Result<(), Refusal> {
    cursor.expect_word("ptr")
}

/// Reads a type that says a size.
pub(super) fn any_type(cursor: &mut Cursor) -> Result<Type, Refusal> {
    let of = match cursor.peek().clone() {
        Token::Word(word) => simple(&word).ok_or_else(|| {
            cursor.refuse("expected one of i1, i8, i32, i64, ptr or a structure of two of them")
        })?,
        Token::Mark("{") => return pair(cursor),
        Token::Mark("[") => return array(cursor),
        _ => return Err(cursor.refuse("expected a type")),
    };
    cursor.next();
    if *cursor.peek() == Token::Mark("*") {
        return Err(cursor.refuse("pointers are written `ptr`"));
    }
    if matches!(cursor.peek(), Token::Word(word) if word == "addrspace") {
        return Err(cursor.refuse("there is one address space in the subset"));
    }
    Ok(of)
}

fn simple(word: &str) -> Option<Type> {
    if word == "ptr" {
        return Some(Type::Ptr);
    }
    let width = word.strip_prefix('i')?;
    let known = INTEGERS.into_iter().find(|bits| width == bits.to_string());
    known.map(Type::Int)
}

fn pair(cursor: &mut Cursor) -> Result<Type, Refusal> {
    cursor.expect("{")?;
    let first = scalar_type(cursor)?;
    cursor.expect(",")?;
    let second = scalar_type(cursor)?;
    if *cursor.peek() != Token::Mark("}") {
        return Err(cursor.refuse("structures have two fields in the subset"));
    }
    cursor.next();
    Ok(Type::Pair(Box::new([first, second])))
}

fn array(cursor: &mut Cursor) -> Result<Type, Refusal> {
    cursor.expect("[")?;
    let len = cursor.number()?;
    cursor.expect_word("x")?;
    let of = scalar_type(cursor)?;
    cursor.expect("]")?;
    Ok(Type::Array(len, Box::new(of)))
}

/// Reads a constant of this type; nothing if a register stands here.
pub(super) fn constant(cursor: &mut Cursor, of: &Type) -> Result<Option<Operand>, Refusal> {
    let operand = match (cursor.peek().clone(), of) {
        (Token::Local(_), _) => return Ok(None),
        (Token::Number(text), Type::Int(width)) => Operand::Int {
            width: *width,
            bits: fit(&text, *width).map_err(|why| cursor.refuse(why))?,
        },
        (Token::Word(word), _) => named(&word, of).ok_or_else(|| wrong_constant(cursor, of))?,
        (Token::Mark("{"), Type::Pair(fields)) => return pair_constant(cursor, fields).map(Some),
        _ => return Err(wrong_constant(cursor, of)),
    };
    cursor.next();
    Ok(Some(operand))
}

fn wrong_constant(cursor: &Cursor, of: &Type) -> Refusal {
    cursor.refuse(format!("expected a register or a constant of type {of}"))
}

fn named(word: &str, of: &Type) -> Option<Operand> {
    Some(match (word, of) {
        ("poison", _) => Operand::Poison,
        ("undef", _) => Operand::Undef,
        ("null", Type::Ptr) => Operand::Null,
        ("true", Type::Int(1)) => Operand::Int { width: 1, bits: 1 },
        ("false", Type::Int(1)) => Operand::Int { width: 1, bits: 0 },
        ("zeroinitializer", Type::Int(width)) => Operand::Int {
            width: *width,
            bits: 0,
        },
        ("zeroinitializer", Type::Ptr) => Operand::Null,
        ("zeroinitializer", Type::Pair(fields)) => {
            let [first, second] = &**fields;
            Operand::Pair(Box::new([named(word, first)?, named(word, second)?]))
        }
        _ => return None,
    })
}

fn pair_constant(cursor: &mut Cursor, fields: &[Type; 2]) -> Result<Operand, Refusal> {
    cursor.expect("{")?;
    let mut parts = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            cursor.expect(",")?;
        }
        let wrong = cursor.refuse(format!("expected a constant of type {field}"));
        if value_type(cursor)? != *field {
            return Err(wrong);
        }
        parts.extend(constant(cursor, field)?);
    }
    let wrong = cursor.refuse("a structure is put together of constants here, or by insertvalue");
    cursor.expect("}")?;
    let parts: [Operand; 2] = parts.try_into().map_err(|_| wrong)?;
    Ok(Operand::Pair(Box::new(parts)))
}

/// The bits of a constant, which may be written signed or unsigned.
fn fit(text: &str, width: u32) -> Result<u64, String> {
    let (low, high) = (-(1_i128 << (width - 1)), (1_i128 << width) - 1);
    match text.parse::<i128>() {
        Ok(value) if (low..=high).contains(&value) => {
            let modulus = 1_i128 << width;
            Ok(value.rem_euclid(modulus) as u64)
        }
        _ => Err(format!("too large for i{width}: from {low} to {high} are")),
    }
}

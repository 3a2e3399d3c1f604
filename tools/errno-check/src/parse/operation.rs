//! Arithmetic, comparisons and what takes values apart: instructions that touch no memory.

use super::cursor::Cursor;
use super::function::Frame;
use super::instruction::Read;
use super::types;
use crate::ir::{Binary, Compare, Flags, Kind, Type};
use crate::refusal::Refusal;

/// Reads what follows the name of an instruction; `here` refuses the name itself.
pub(super) fn kind(cursor: &mut Cursor, frame: &mut Frame<'_>, word: &str, here: Refusal) -> Read {
    match word {
        "icmp" => compare(cursor, frame),
        "select" => select(cursor, frame),
        "freeze" => freeze(cursor, frame),
        "add" => binary(cursor, frame, Binary::Add, &["nuw", "nsw"]),
        "sub" => binary(cursor, frame, Binary::Sub, &["nuw", "nsw"]),
        "mul" => binary(cursor, frame, Binary::Mul, &["nuw", "nsw"]),
        "shl" => binary(cursor, frame, Binary::Shl, &["nuw", "nsw"]),
        "lshr" => binary(cursor, frame, Binary::Lshr, &["exact"]),
        "and" => binary(cursor, frame, Binary::And, &[]),
        "or" => binary(cursor, frame, Binary::Or, &["disjoint"]),
        "xor" => binary(cursor, frame, Binary::Xor, &[]),
        "zext" => {
            let flags = flags(cursor, &["nneg"]);
            let (from, value, to) = cast(cursor, frame, |from, to| from < to)?;
            Ok((
                Kind::Zext {
                    from,
                    to,
                    value,
                    flags,
                },
                Type::Int(to),
            ))
        }
        "trunc" => {
            let flags = flags(cursor, &["nuw", "nsw"]);
            let (from, value, to) = cast(cursor, frame, |from, to| from > to)?;
            Ok((
                Kind::Trunc {
                    from,
                    to,
                    value,
                    flags,
                },
                Type::Int(to),
            ))
        }
        "ptrtoint" => {
            let value = frame.pointer(cursor)?;
            cursor.expect_word("to")?;
            let to = types::integer(cursor)?;
            Ok((Kind::PtrToInt { to, value }, Type::Int(to)))
        }
        "insertvalue" => insert(cursor, frame),
        "extractvalue" => extract(cursor, frame),
        _ => Err(here),
    }
}

/// Takes those of these words that stand here.
pub(super) fn flags(cursor: &mut Cursor, words: &[&str]) -> Flags {
    let mut flags = Flags::default();
    while let Some(word) = words.iter().find(|word| cursor.take_word(word)) {
        match *word {
            "nuw" => flags.nuw = true,
            "nsw" => flags.nsw = true,
            "nusw" => flags.nusw = true,
            "exact" => flags.exact = true,
            "disjoint" => flags.disjoint = true,
            "nneg" => flags.nneg = true,
            "samesign" => flags.samesign = true,
            _ => flags.inbounds = true,
        }
    }
    flags
}

fn binary(cursor: &mut Cursor, frame: &mut Frame<'_>, how: Binary, words: &[&str]) -> Read {
    let flags = flags(cursor, words);
    let width = types::integer(cursor)?;
    let of = Type::Int(width);
    let left = frame.operand(cursor, &of)?;
    cursor.expect(",")?;
    let right = frame.operand(cursor, &of)?;
    let kind = Kind::Binary {
        how,
        width,
        left,
        right,
        flags,
    };
    Ok((kind, of))
}

fn compare(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let flags = flags(cursor, &["samesign"]);
    let wrong = cursor.refuse("no such comparison");
    let how = match cursor.word("a comparison")?.as_str() {
        "eq" => Compare::Eq,
        "ne" => Compare::Ne,
        "ult" => Compare::Ult,
        "ule" => Compare::Ule,
        "ugt" => Compare::Ugt,
        "uge" => Compare::Uge,
        "slt" => Compare::Slt,
        "sle" => Compare::Sle,
        "sgt" => Compare::Sgt,
        "sge" => Compare::Sge,
        _ => return Err(wrong),
    };
    let of = types::scalar_type(cursor)?;
    let left = frame.operand(cursor, &of)?;
    cursor.expect(",")?;
    let right = frame.operand(cursor, &of)?;
    let kind = Kind::Compare {
        how,
        of,
        left,
        right,
        flags,
    };
    Ok((kind, Type::Int(1)))
}

fn select(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    cursor.expect_word("i1")?;
    let condition = frame.operand(cursor, &Type::Int(1))?;
    cursor.expect(",")?;
    let (of, yes) = frame.typed(cursor)?;
    cursor.expect(",")?;
    let wrong = cursor.refuse(format!(
        "both choices of a select are of one type, here {of}"
    ));
    let (other, no) = frame.typed(cursor)?;
    if other != of {
        return Err(wrong);
    }
    Ok((Kind::Select { condition, yes, no }, of))
}

fn freeze(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let of = types::scalar_type(cursor)?;
    let value = frame.operand(cursor, &of)?;
    let result = of.clone();
    Ok((Kind::Freeze { of, value }, result))
}

fn cast(
    cursor: &mut Cursor,
    frame: &mut Frame<'_>,
    fits: fn(u32, u32) -> bool,
) -> Result<(u32, crate::ir::Operand, u32), Refusal> {
    let from = types::integer(cursor)?;
    let value = frame.operand(cursor, &Type::Int(from))?;
    cursor.expect_word("to")?;
    let wrong = cursor.refuse(format!("not a type that i{from} can become here"));
    let to = types::integer(cursor)?;
    if fits(from, to) {
        Ok((from, value, to))
    } else {
        Err(wrong)
    }
}

/// The field that `, 0` or `, 1` names.
fn field(cursor: &mut Cursor) -> Result<usize, Refusal> {
    cursor.expect(",")?;
    let wrong = cursor.refuse("a pair has the fields 0 and 1");
    match cursor.number()? {
        0 => Ok(0),
        1 => Ok(1),
        _ => Err(wrong),
    }
}

fn insert(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let wrong = cursor.refuse("expected a structure");
    let (pair, into) = frame.typed(cursor)?;
    let Type::Pair(fields) = pair.clone() else {
        return Err(wrong);
    };
    cursor.expect(",")?;
    let mut wrong = cursor.refuse("");
    let (of, value) = frame.typed(cursor)?;
    let field = field(cursor)?;
    if fields[field] != of {
        wrong.message = format!("field {field} is {}", fields[field]);
        return Err(wrong);
    }
    Ok((Kind::Insert { into, value, field }, pair))
}

fn extract(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let wrong = cursor.refuse("expected a structure");
    let (pair, from) = frame.typed(cursor)?;
    let Type::Pair(fields) = pair else {
        return Err(wrong);
    };
    let field = field(cursor)?;
    Ok((Kind::Extract { from, field }, fields[field].clone()))
}

/// `call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %a, i64 %b)`, from its parenthesis.
pub(super) fn mul_overflow(
    cursor: &mut Cursor,
    frame: &mut Frame<'_>,
    mut here: Refusal,
    returns: &Type,
) -> Read {
    let width = match returns {
        Type::Pair(fields) => match **fields {
            [Type::Int(width), Type::Int(1)] if here.token.ends_with(&format!(".i{width}")) => {
                width
            }
            _ => 0,
        },
        _ => 0,
    };
    if width == 0 || !frame.declared.contains_key(&here.token[1..]) {
        here.message = "declared and called as { iN, i1 } of two iN".to_owned();
        return Err(here);
    }
    cursor.expect("(")?;
    types::integer(cursor)?;
    let left = frame.operand(cursor, &Type::Int(width))?;
    cursor.expect(",")?;
    types::integer(cursor)?;
    let right = frame.operand(cursor, &Type::Int(width))?;
    cursor.expect(")")?;
    let kind = Kind::MulOverflow { width, left, right };
    Ok((kind, returns.clone()))
}

//! Instructions: memory, control and calls; arithmetic is in `operation`.

use super::attributes::{self, OfFunction, Where};
use super::cursor::Cursor;
use super::declare;
use super::function::Frame;
use super::{operation, types};
use crate::ir::{Call, Instruction, Kind, Operand, Promises, Type};
use crate::lex::Token;
use crate::refusal::Refusal;

/// What an instruction does, and the type of its result.
pub(super) type Read = Result<(Kind, Type), Refusal>;

/// Reads one instruction with its result and its trailing metadata.
pub(super) fn instruction(
    cursor: &mut Cursor,
    frame: &mut Frame<'_>,
) -> Result<Instruction, Refusal> {
    let line = cursor.line();
    let result = match cursor.peek().clone() {
        Token::Local(name) => {
            cursor.next();
            cursor.expect("=")?;
            Some(name)
        }
        _ => None,
    };
    let here = cursor.refuse("an instruction that is not in the subset");
    let token = here.token.clone();
    let word = cursor.word("an instruction")?;
    let (kind, of) = kind(cursor, frame, &word, here)?;
    skip_debug(cursor)?;
    let token = match &kind {
        Kind::Call(call) => format!("@{}", call.name),
        _ => token,
    };
    let result = match (result, of) {
        (None, Type::Void) => None,
        (Some(name), Type::Void) => {
            return Err(Refusal::new(
                line,
                format!("%{name}"),
                format!("{token} has no result"),
            ));
        }
        (Some(name), of) => Some(frame.define(&name, of, line)?),
        (None, _) if matches!(kind, Kind::Call(_)) => None,
        (None, _) => return Err(Refusal::new(line, token, "its result needs a name")),
    };
    Ok(Instruction {
        line,
        token,
        result,
        kind,
    })
}

fn kind(cursor: &mut Cursor, frame: &mut Frame<'_>, word: &str, here: Refusal) -> Read {
    match word {
        "alloca" => alloca(cursor),
        "store" => store(cursor, frame),
        "load" => load(cursor, frame),
        "getelementptr" => offset(cursor, frame),
        "br" => branch(cursor, frame),
        "switch" => switch(cursor, frame),
        "phi" => phi(cursor, frame),
        "ret" => ret(cursor, frame),
        "unreachable" => Ok((Kind::Unreachable, Type::Void)),
        "tail" | "notail" => {
            cursor.expect_word("call")?;
            call(cursor, frame, word == "tail")
        }
        "call" => call(cursor, frame, false),
        _ => operation::kind(cursor, frame, word, here),
    }
}

/// `, !dbg !5` says where the instruction came from; other metadata says what may be assumed.
fn skip_debug(cursor: &mut Cursor) -> Result<(), Refusal> {
    while *cursor.peek() == Token::Mark(",") {
        cursor.next();
        if *cursor.peek() != Token::Metadata("dbg".to_owned()) {
            return Err(cursor.refuse("not understood behind an instruction"));
        }
        cursor.next();
        if !matches!(cursor.peek(), Token::Metadata(_)) {
            return Err(cursor.refuse("expected metadata"));
        }
        cursor.next();
    }
    Ok(())
}

/// `, align 4` if it stands here; another comma is left for the metadata.
fn align(cursor: &mut Cursor, usual: u64) -> Result<u64, Refusal> {
    let there = *cursor.peek() == Token::Mark(",")
        && *cursor.peek_second() == Token::Word("align".to_owned());
    if !there {
        return Ok(usual);
    }
    cursor.next();
    cursor.next();
    attributes::alignment(cursor)
}

fn alloca(cursor: &mut Cursor) -> Read {
    let of = types::any_type(cursor)?;
    let mut count = 1;
    let counted = *cursor.peek() == Token::Mark(",")
        && matches!(cursor.peek_second(), Token::Word(word) if word.starts_with('i'));
    if counted {
        cursor.next();
        types::integer(cursor)?;
        count = cursor.number()?;
    }
    let too_large = cursor.refuse("an alloca of more than 2^20 bytes before this");
    let size = of.size().saturating_mul(count);
    if size > 1 << 20 {
        return Err(too_large);
    }
    let align = align(cursor, of.align())?;
    Ok((Kind::Alloca { size, align }, Type::Ptr))
}

fn store(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let of = types::scalar_type(cursor)?;
    let value = frame.operand(cursor, &of)?;
    cursor.expect(",")?;
    let to = frame.pointer(cursor)?;
    let align = align(cursor, of.align())?;
    let kind = Kind::Store {
        of,
        value,
        to,
        align,
    };
    Ok((kind, Type::Void))
}

fn load(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let of = types::scalar_type(cursor)?;
    cursor.expect(",")?;
    let from = frame.pointer(cursor)?;
    let align = align(cursor, of.align())?;
    let result = of.clone();
    Ok((Kind::Load { of, from, align }, result))
}

fn offset(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let flags = operation::flags(cursor, &["inbounds", "nuw", "nusw"]);
    let of = types::any_type(cursor)?;
    cursor.expect(",")?;
    let from = frame.pointer(cursor)?;
    let mut within = None;
    let mut by: i128 = 0;
    let begin = cursor.refuse("an offset beyond 2^31 before this");
    while *cursor.peek() == Token::Mark(",") && !matches!(cursor.peek_second(), Token::Metadata(_))
    {
        cursor.next();
        let index = index(cursor)?;
        by += match &within {
            None => {
                within = Some(of.clone());
                i128::from(index) * i128::from(of.size().next_multiple_of(of.align()))
            }
            Some(Type::Pair(fields)) => {
                let field = usize::from(index == 1);
                let step = within.as_ref().map_or(0, |pair| pair.offset_of(field));
                let inner = fields[field].clone();
                if !(0..=1).contains(&index) {
                    return Err(cursor.refuse("no such field before this"));
                }
                within = Some(inner);
                i128::from(step)
            }
            Some(Type::Array(_, of)) => {
                let step = of.size();
                within = Some((**of).clone());
                i128::from(index) * i128::from(step)
            }
            Some(_) => return Err(cursor.refuse("too many indices before this")),
        };
    }
    if within.is_none() {
        return Err(cursor.refuse("expected an index"));
    }
    let by = i64::try_from(by)
        .ok()
        .filter(|by| by.unsigned_abs() < 1 << 31);
    let by = by.ok_or(begin)?;
    Ok((Kind::Offset { from, by, flags }, Type::Ptr))
}

/// A constant index, with its sign.
fn index(cursor: &mut Cursor) -> Result<i64, Refusal> {
    let width = types::integer(cursor)?;
    let refused = cursor.refuse("only constant indices are in the subset");
    match types::constant(cursor, &Type::Int(width))? {
        Some(Operand::Int { bits, .. }) => Ok(((bits << (64 - width)) as i64) >> (64 - width)),
        _ => Err(refused),
    }
}

fn branch(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    if cursor.take_word("label") {
        let to = frame.label(cursor)?;
        return Ok((Kind::Branch { to }, Type::Void));
    }
    cursor.expect_word("i1")?;
    let condition = frame.operand(cursor, &Type::Int(1))?;
    cursor.expect(",")?;
    cursor.expect_word("label")?;
    let yes = frame.label(cursor)?;
    cursor.expect(",")?;
    cursor.expect_word("label")?;
    let no = frame.label(cursor)?;
    Ok((Kind::If { condition, yes, no }, Type::Void))
}

fn switch(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let width = types::integer(cursor)?;
    let on = frame.operand(cursor, &Type::Int(width))?;
    cursor.expect(",")?;
    cursor.expect_word("label")?;
    let otherwise = frame.label(cursor)?;
    cursor.expect("[")?;
    let mut cases: Vec<(u64, usize)> = Vec::new();
    while !cursor.take("]") {
        let wrong = cursor.refuse(format!("expected a case of type i{width}"));
        if types::integer(cursor)? != width {
            return Err(wrong);
        }
        let here = cursor.refuse("a case is a constant, and there once");
        let Some(Operand::Int { bits, .. }) = types::constant(cursor, &Type::Int(width))? else {
            return Err(here);
        };
        if cases.iter().any(|case| case.0 == bits) {
            return Err(here);
        }
        cursor.expect(",")?;
        cursor.expect_word("label")?;
        cases.push((bits, frame.label(cursor)?));
    }
    let kind = Kind::Switch {
        width,
        on,
        cases,
        otherwise,
    };
    Ok((kind, Type::Void))
}

fn phi(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let of = types::value_type(cursor)?;
    let mut arms = Vec::new();
    loop {
        cursor.expect("[")?;
        let value = frame.operand(cursor, &of)?;
        cursor.expect(",")?;
        let from = frame.label(cursor)?;
        cursor.expect("]")?;
        arms.push((value, from));
        let more = *cursor.peek() == Token::Mark(",") && *cursor.peek_second() == Token::Mark("[");
        if !more {
            return Ok((Kind::Phi { arms }, of));
        }
        cursor.next();
    }
}

fn ret(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Read {
    let here = cursor.refuse(format!("the function returns {}", frame.returns));
    if cursor.take_word("void") {
        if frame.returns != Type::Void {
            return Err(here);
        }
        return Ok((Kind::Return { value: None }, Type::Void));
    }
    let (of, value) = frame.typed(cursor)?;
    if of != frame.returns {
        return Err(here);
    }
    Ok((Kind::Return { value: Some(value) }, Type::Void))
}

fn call(cursor: &mut Cursor, frame: &mut Frame<'_>, tail: bool) -> Read {
    declare::skip_linkage(cursor);
    let result = attributes::promises(cursor, None, false)?;
    let returns = declare::return_type(cursor)?;
    let Token::Global(name) = cursor.peek().clone() else {
        return Err(cursor.refuse("only functions that are named are called in the subset"));
    };
    let mut here = cursor.refuse("not declared");
    if frame.defined.contains(&name) {
        here.message =
            "a call of a function that is defined here: the pair may not call itself or another"
                .to_owned();
        return Err(here);
    }
    cursor.next();
    if name.starts_with("llvm.umul.with.overflow.") {
        return operation::mul_overflow(cursor, frame, here, &returns);
    }
    let declared = frame.declared.get(&name).ok_or_else(|| here.clone())?;
    if declared.returns != returns {
        here.message = format!("returns {}", declared.returns);
        return Err(here);
    }
    let arguments = arguments(cursor, frame, &name)?;
    let at_call: OfFunction = attributes::of_function(cursor, Where::Called)?;
    let (callee, may_write_errno) =
        declare::callee(declared, &at_call).map_err(|message| Refusal {
            message,
            ..here.clone()
        })?;
    let result = declared.result.and(&result);
    let allocates = returns == Type::Ptr && callee != crate::ir::Callee::ErrnoLocation;
    if (result.noalias && !allocates) || (returns != Type::Ptr && result.says_of_pointers()) {
        here.message = "the result is promised what is not true of it".to_owned();
        return Err(here);
    }
    let kind = Kind::Call(Call {
        callee,
        name,
        returns: returns.clone(),
        arguments,
        result,
        may_write_errno,
        tail,
    });
    Ok((kind, returns))
}

fn arguments(
    cursor: &mut Cursor,
    frame: &mut Frame<'_>,
    name: &str,
) -> Result<Vec<(Operand, Promises)>, Refusal> {
    let declared = &frame.declared[name];
    let library = declared.kind.is_some();
    cursor.expect("(")?;
    let mut found = Vec::new();
    for (index, (of, promised)) in declared.parameters.iter().enumerate() {
        if index > 0 {
            cursor.expect(",")?;
        }
        let wrong = cursor.refuse(format!("@{name} takes {of} here"));
        if types::scalar_type(cursor)? != *of {
            return Err(wrong);
        }
        let promises = attributes::promises(cursor, Some(of), library)?;
        if promises.noalias {
            return Err(cursor.refuse("noalias before this: on parameters of the pair only"));
        }
        let operand = frame.operand(cursor, of)?;
        found.push((operand, promised.and(&promises)));
    }
    cursor.expect(")")?;
    Ok(found)
}

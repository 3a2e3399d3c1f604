//! From text to functions, with every token accounted for: what has no meaning here is refused where it stands.
//!
//! Bottom up: [`cursor`] walks the tokens, [`types`] reads types and constants, [`attributes`] reads promises,
//! [`declare`] reads what is called, [`function`] the frame of a function and [`instruction`] what stands in it.

mod attributes;
mod cursor;
mod declare;
mod function;
mod instruction;
mod operation;
mod types;

use crate::ir::Function;
use crate::lex::Token;
use crate::refusal::Refusal;
use cursor::Cursor;
use declare::Declared;
use std::collections::HashMap;

/// A text: the functions that it defines, by name, in its order.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) functions: Vec<(String, Function)>,
}

/// Reads a text.
pub(crate) fn module(text: &str) -> Result<Module, Refusal> {
    let mut cursor = Cursor::new(text)?;
    let mut declared = HashMap::new();
    let mut bodies = Vec::new();
    loop {
        let (token, line) = (cursor.peek().clone(), cursor.line());
        match &token {
            Token::End => break,
            Token::Word(word) => match word.as_str() {
                "source_filename" => {
                    cursor.next();
                    cursor.expect("=")?;
                    cursor.next();
                }
                "target" => target(&mut cursor)?,
                "attributes" => cursor.skip_group()?,
                "declare" => declare::declaration(&mut cursor, &mut declared)?,
                "define" => bodies.push((cursor.place(), skip_function(&mut cursor, line)?)),
                _ => return Err(cursor.refuse("not understood at the top of a text")),
            },
            Token::Metadata(_) => skip_metadata(&mut cursor)?,
            _ => return Err(cursor.refuse("not understood at the top of a text")),
        }
    }
    functions(&mut cursor, &declared, bodies)
}

fn functions(
    cursor: &mut Cursor,
    declared: &HashMap<String, Declared>,
    bodies: Vec<(usize, String)>,
) -> Result<Module, Refusal> {
    let defined: Vec<String> = bodies.iter().map(|body| body.1.clone()).collect();
    let mut module = Module {
        functions: Vec::new(),
    };
    for (place, name) in bodies {
        cursor.go_to(place);
        if declared.contains_key(&name) || module.functions.iter().any(|(known, _)| *known == name)
        {
            return Err(cursor.refuse(format!("@{name} is defined or declared twice")));
        }
        let function = function::function(cursor, declared, &defined)?;
        module.functions.push((name, function));
    }
    Ok(module)
}

/// `target triple = "…"` and `target datalayout = "…"`: sizes and alignments are those of 64-bit Linux.
fn target(cursor: &mut Cursor) -> Result<(), Refusal> {
    cursor.next();
    let what = cursor.word("triple or datalayout")?;
    cursor.expect("=")?;
    let value = cursor.peek().clone();
    let fine = match &value {
        Token::Text(text) if what == "triple" => !text.contains("32"),
        Token::Text(text) => {
            what == "datalayout" && text.starts_with('e') && !text.contains("p:32")
        }
        _ => false,
    };
    if !fine {
        return Err(cursor.refuse("only little-endian targets with 64-bit pointers are modelled"));
    }
    cursor.next();
    Ok(())
}

/// A definition of metadata says nothing by itself; what would use it is refused there.
fn skip_metadata(cursor: &mut Cursor) -> Result<(), Refusal> {
    cursor.next();
    cursor.expect("=")?;
    if *cursor.peek() == Token::Word("distinct".to_owned()) {
        cursor.next();
    }
    if !matches!(cursor.peek(), Token::Metadata(_)) {
        return Err(cursor.refuse("expected metadata"));
    }
    cursor.next();
    match cursor.peek() {
        Token::Mark("{") => cursor.skip_balanced("{", "}"),
        Token::Mark("(") => cursor.skip_balanced("(", ")"),
        _ => Err(cursor.refuse("expected metadata")),
    }
}

/// Steps over a function, to come back when everything that it may call is known; returns its name.
fn skip_function(cursor: &mut Cursor, line: usize) -> Result<String, Refusal> {
    let name = loop {
        match cursor.next() {
            Token::Global(name) => break name,
            Token::End => return Err(Refusal::new(line, "define", "a function has a name")),
            _ => {}
        }
    };
    cursor.skip_balanced("(", ")")?;
    while *cursor.peek() != Token::Mark("{") {
        if cursor.next() == Token::End {
            return Err(Refusal::new(
                line,
                format!("@{name}"),
                "the function has no body",
            ));
        }
    }
    cursor.skip_balanced("{", "}")?;
    Ok(name)
}

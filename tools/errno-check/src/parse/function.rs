//! The frame of a function: its parameters, its blocks, and the names in it.

use super::attributes::{self, Where};
use super::cursor::Cursor;
use super::declare::{self, Declared};
use super::{instruction, types};
use crate::ir::{Block, Function, Instruction, Kind, Label, Operand, Parameter, Register, Type};
use crate::lex::Token;
use crate::refusal::Refusal;
use crate::verify;
use std::collections::HashMap;

/// What is known while a function is read.
pub(super) struct Frame<'a> {
    pub(super) declared: &'a HashMap<String, Declared>,
    /// All functions that the text defines: none of them may be called.
    pub(super) defined: &'a [String],
    pub(super) returns: Type,
    registers: Names,
    types: Vec<Option<Type>>,
    uses: Vec<(Register, Type, usize)>,
    labels: Names,
    label_uses: Vec<(Label, usize)>,
}

/// Names in the order in which they were first met.
#[derive(Default)]
struct Names {
    index: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn intern(&mut self, name: &str) -> usize {
        if let Some(&known) = self.index.get(name) {
            return known;
        }
        let index = self.names.len();
        self.index.insert(name.to_owned(), index);
        self.names.push(name.to_owned());
        index
    }
}

impl Frame<'_> {
    /// Defines a register.
    pub(super) fn define(
        &mut self,
        name: &str,
        of: Type,
        line: usize,
    ) -> Result<Register, Refusal> {
        let register = self.registers.intern(name);
        self.types.resize(self.registers.names.len(), None);
        if self.types[register].is_some() {
            return Err(Refusal::new(line, format!("%{name}"), "defined twice"));
        }
        self.types[register] = Some(of);
        Ok(register)
    }

    /// Reads a register or a constant of this type.
    pub(super) fn operand(&mut self, cursor: &mut Cursor, of: &Type) -> Result<Operand, Refusal> {
        if let Some(constant) = types::constant(cursor, of)? {
            return Ok(constant);
        }
        let line = cursor.line();
        let Token::Local(name) = cursor.next() else {
            return Err(cursor.refuse("expected a value before this"));
        };
        let register = self.registers.intern(&name);
        self.uses.push((register, of.clone(), line));
        Ok(Operand::Register(register))
    }

    /// Reads a type and an operand of it.
    pub(super) fn typed(&mut self, cursor: &mut Cursor) -> Result<(Type, Operand), Refusal> {
        let of = types::value_type(cursor)?;
        let operand = self.operand(cursor, &of)?;
        Ok((of, operand))
    }

    /// Reads `ptr` and an operand.
    pub(super) fn pointer(&mut self, cursor: &mut Cursor) -> Result<Operand, Refusal> {
        types::pointer(cursor)?;
        self.operand(cursor, &Type::Ptr)
    }

    /// Reads `%name` as the name of a block.
    pub(super) fn label(&mut self, cursor: &mut Cursor) -> Result<Label, Refusal> {
        let line = cursor.line();
        let Token::Local(name) = cursor.peek().clone() else {
            return Err(cursor.refuse("expected the name of a block"));
        };
        cursor.next();
        let label = self.labels.intern(&name);
        self.label_uses.push((label, line));
        Ok(label)
    }

    /// Every name that is used is defined, with the type that it is used with.
    fn check_uses(&self) -> Result<(), Refusal> {
        for (register, of, line) in &self.uses {
            let token = format!("%{}", self.registers.names[*register]);
            match self.types.get(*register).and_then(Option::as_ref) {
                None => return Err(Refusal::new(*line, token, "not defined")),
                Some(known) if known != of => {
                    let said = format!("used as {of}, defined as {known}");
                    return Err(Refusal::new(*line, token, said));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Puts the blocks in the order of their labels' indices.
    fn arrange(&self, blocks: Vec<(Label, Block)>) -> Result<Vec<Block>, Refusal> {
        let mut order = vec![usize::MAX; self.labels.names.len()];
        for (place, (label, block)) in blocks.iter().enumerate() {
            if order[*label] != usize::MAX {
                return Err(Refusal::new(
                    block.line,
                    &*block.name,
                    "a block with this name is there already",
                ));
            }
            order[*label] = place;
        }
        for (label, line) in &self.label_uses {
            if order[*label] == usize::MAX {
                let token = format!("%{}", self.labels.names[*label]);
                return Err(Refusal::new(*line, token, "no such block"));
            }
        }
        let mut blocks: Vec<_> = blocks.into_iter().map(|(_, block)| block).collect();
        for instruction in blocks.iter_mut().flat_map(|block| &mut block.code) {
            rename(&mut instruction.kind, &order);
        }
        Ok(blocks)
    }
}

/// Labels were numbered as they were met; afterwards they are the places of the blocks.
fn rename(kind: &mut Kind, order: &[usize]) {
    match kind {
        Kind::Branch { to } => *to = order[*to],
        Kind::If { yes, no, .. } => {
            *yes = order[*yes];
            *no = order[*no];
        }
        Kind::Switch {
            cases, otherwise, ..
        } => {
            *otherwise = order[*otherwise];
            for (_, to) in cases {
                *to = order[*to];
            }
        }
        Kind::Phi { arms } => {
            for (_, from) in arms {
                *from = order[*from];
            }
        }
        _ => {}
    }
}

/// Reads a function from its `define`.
pub(super) fn function(
    cursor: &mut Cursor,
    declared: &HashMap<String, Declared>,
    defined: &[String],
) -> Result<Function, Refusal> {
    let line = cursor.line();
    cursor.expect_word("define")?;
    declare::skip_linkage(cursor);
    let before = cursor.refuse("noalias on what the pair returns is not modelled");
    let result = attributes::promises(cursor, None, false)?;
    if result.noalias {
        return Err(before);
    }
    let returns = declare::return_type(cursor)?;
    if returns != Type::Ptr && result.says_of_pointers() {
        return Err(cursor.refuse("what is returned is promised what only pointers are"));
    }
    cursor.next(); // the name, which was read when the function was stepped over
    let mut frame = Frame {
        declared,
        defined,
        returns: returns.clone(),
        registers: Names::default(),
        types: Vec::new(),
        uses: Vec::new(),
        labels: Names::default(),
        label_uses: Vec::new(),
    };
    let parameters = parameters(cursor, &mut frame)?;
    attributes::of_function(cursor, Where::Defined)?;
    cursor.expect("{")?;
    let blocks = body(cursor, &mut frame, &parameters)?;
    frame.check_uses()?;
    let blocks = frame.arrange(blocks)?;
    let function = Function {
        line,
        returns,
        result,
        parameters,
        blocks,
        registers: frame.registers.names,
    };
    verify::function(&function)?;
    Ok(function)
}

fn parameters(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Result<Vec<Parameter>, Refusal> {
    cursor.expect("(")?;
    let mut found: Vec<Parameter> = Vec::new();
    while !cursor.take(")") {
        if !found.is_empty() {
            cursor.expect(",")?;
        }
        let line = cursor.line();
        let of = types::scalar_type(cursor)?;
        let promises = attributes::promises(cursor, Some(&of), false)?;
        let name = match cursor.peek().clone() {
            Token::Local(name) => {
                cursor.next();
                name
            }
            Token::Mark("," | ")") => unnamed(&found).to_string(),
            _ => return Err(cursor.refuse("an attribute that is not modelled here")),
        };
        frame.define(&name, of.clone(), line)?;
        found.push(Parameter { name, of, promises });
    }
    Ok(found)
}

/// How many parameters have numbers for names: the next number is the next unnamed value's.
fn unnamed(parameters: &[Parameter]) -> usize {
    let numbered = |p: &&Parameter| p.name.bytes().all(|b| b.is_ascii_digit());
    parameters.iter().filter(numbered).count()
}

fn body(
    cursor: &mut Cursor,
    frame: &mut Frame<'_>,
    parameters: &[Parameter],
) -> Result<Vec<(Label, Block)>, Refusal> {
    let mut blocks = Vec::new();
    while !cursor.take("}") {
        let line = cursor.line();
        let name = match (cursor.peek().clone(), cursor.peek_second()) {
            (Token::Word(name) | Token::Number(name), Token::Mark(":")) => {
                cursor.next();
                cursor.next();
                name
            }
            _ if blocks.is_empty() => unnamed(parameters).to_string(),
            _ => return Err(cursor.refuse("expected the label of a block")),
        };
        let label = frame.labels.intern(&name);
        let code = code(cursor, frame)?;
        blocks.push((label, Block { name, line, code }));
    }
    if blocks.is_empty() {
        return Err(cursor.refuse("the function before this has no block"));
    }
    Ok(blocks)
}

/// Reads instructions up to the one that ends the block.
fn code(cursor: &mut Cursor, frame: &mut Frame<'_>) -> Result<Vec<Instruction>, Refusal> {
    let mut code: Vec<Instruction> = Vec::new();
    loop {
        if let Token::Record(name) = cursor.peek().clone() {
            if !name.starts_with("dbg_") {
                return Err(cursor.refuse("no such record"));
            }
            cursor.next();
            cursor.skip_balanced("(", ")")?;
            continue;
        }
        let instruction = instruction::instruction(cursor, frame)?;
        let phi = matches!(instruction.kind, Kind::Phi { .. });
        if phi
            && code
                .iter()
                .any(|before| !matches!(before.kind, Kind::Phi { .. }))
        {
            return Err(Refusal::new(
                instruction.line,
                "phi",
                "stands behind what is no phi",
            ));
        }
        let last = instruction.kind.ends_block();
        code.push(instruction);
        if last {
            return Ok(code);
        }
    }
}

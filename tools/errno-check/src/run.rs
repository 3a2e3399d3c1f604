//! One run of one side: the inputs are given, the choices are scripted, the instructions are taken one by one.

mod allocate;
mod arithmetic;
mod numbers;
mod objects;
mod promise;

use crate::choice::{Choices, Numbers};
use crate::facts::Facts;
use crate::input::{Inputs, Key, Question};
use crate::ir::{Function, Instruction, Kind, Label, Operand, Type};
use crate::memory::Object;
use crate::outcome::{Done, Outcome};
use crate::refusal::Refusal;
use crate::semantics::{Effect, Semantics};
use crate::value::{ObjectId, Pointer, Value};
use std::collections::BTreeMap;

/// Why a run does not end with a result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An input must be decided first.
    Ask(Box<Question>),
    /// Undefined behaviour.
    Undefined(String),
    /// Something that the model does not know.
    Refused(Box<Refusal>),
}

impl From<Question> for Stop {
    fn from(question: Question) -> Self {
        Self::Ask(Box::new(question))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

pub(crate) type Result<T> = std::result::Result<T, Stop>;

/// Which function of the pair runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
}

/// What a run is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) semantics: Semantics,
    pub(crate) inputs: &'a Inputs,
    /// The numbers that a free choice is made among.
    pub(crate) numbers: &'a Numbers,
}

/// A function while it runs.
pub(crate) struct Machine<'a> {
    case: Case<'a>,
    function: &'a Function,
    side: Side,
    choices: &'a mut Choices,
    /// Numbers that the run came to; those that a choice could have been are chosen in a later round.
    met: &'a mut Numbers,
    registers: Vec<Option<Value>>,
    objects: BTreeMap<ObjectId, Object>,
    touches: Vec<objects::Touch>,
    /// What was written to the caller's blocks: block, offset, bytes.
    written: Vec<(usize, i64, u64)>,
    /// What was chosen freely and is no number that is told apart.
    atoms: Vec<Value>,
    calls: usize,
    failures: usize,
    events: Vec<Event>,
    /// A free choice of errno that nobody has looked at yet, and the event that made it.
    open: Option<(Effect, usize)>,
}

/// What a call did, for the story that a witness tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) arguments: Vec<Value>,
    pub(crate) did: &'static str,
    pub(crate) errno: Option<Value>,
}

/// Runs one side once.
///
/// # Errors
///
/// A question, or a refusal; undefined behaviour is an outcome.
pub(crate) fn run(
    case: Case<'_>,
    function: &Function,
    side: Side,
    choices: &mut Choices,
    met: &mut Numbers,
) -> Result<(Outcome, Vec<Event>)> {
    let mut machine = Machine {
        case,
        function,
        side,
        choices,
        met,
        registers: vec![None; function.registers.len()],
        objects: BTreeMap::new(),
        touches: Vec::new(),
        written: Vec::new(),
        atoms: Vec::new(),
        calls: 0,
        failures: 0,
        events: Vec::new(),
        open: None,
    };
    let outcome = match machine.whole() {
        Ok(done) => Outcome::Done(Box::new(done)),
        Err(Stop::Undefined(why)) => Outcome::Undefined(why),
        Err(stop) => return Err(stop),
    };
    Ok((outcome, machine.events))
}

/// Where control goes after an instruction.
enum Next {
    Instruction,
    Block(Label),
    Caller(Option<Value>),
}

impl Machine<'_> {
    fn whole(&mut self) -> Result<Done> {
        let errno = self.case.inputs.number(self.case.facts, Key::Errno, 32)?;
        self.met.meet(&errno);
        let mut place = Object::given(ObjectId::Errno);
        place.write(0, 4, &errno);
        self.objects.insert(ObjectId::Errno, place);
        self.enter()?;
        let returned = self.blocks()?;
        self.done(returned)
    }

    fn blocks(&mut self) -> Result<Option<Value>> {
        let mut label = 0;
        let mut from = None;
        loop {
            let block = &self.function.blocks[label];
            self.phis(label, from)?;
            let mut next = Next::Instruction;
            for instruction in &block.code {
                next = self.step(instruction)?;
            }
            match next {
                Next::Block(to) => {
                    from = Some(label);
                    label = to;
                }
                Next::Caller(value) => return Ok(value),
                Next::Instruction => {
                    return Err(
                        Refusal::new(block.line, &*block.name, "the block has no end").into(),
                    );
                }
            }
        }
    }

    /// All phis of a block read before any of them is written.
    fn phis(&mut self, label: Label, from: Option<Label>) -> Result<()> {
        let mut found = Vec::new();
        for instruction in &self.function.blocks[label].code {
            let Kind::Phi { arms } = &instruction.kind else {
                break;
            };
            let arm = arms.iter().find(|arm| Some(arm.1) == from);
            if let Some((operand, _)) = arm {
                found.push((instruction, self.read(operand)?));
            }
        }
        for (instruction, value) in found {
            self.define(instruction, value);
        }
        Ok(())
    }

    fn define(&mut self, instruction: &Instruction, value: Value) {
        self.met.meet(&value);
        if let Some(register) = instruction.result {
            self.registers[register] = Some(value);
        }
    }

    /// The value of an operand; an argument is asked for when it is first read.
    fn read(&mut self, operand: &Operand) -> Result<Value> {
        Ok(match operand {
            Operand::Register(register) => match &self.registers[*register] {
                Some(value) => value.clone(),
                None => {
                    let value = self.case.inputs.argument(self.case.facts, *register)?;
                    self.met.meet(&value);
                    self.registers[*register] = Some(value.clone());
                    value
                }
            },
            Operand::Int { width, bits } => Value::int(*width, *bits),
            Operand::Null => Value::Pointer(Pointer::NULL),
            Operand::Poison => Value::Poison,
            Operand::Undef => Value::Undef,
            Operand::Pair(fields) => {
                Value::Pair(Box::new([self.read(&fields[0])?, self.read(&fields[1])?]))
            }
        })
    }

    fn step(&mut self, at: &Instruction) -> Result<Next> {
        let value = match &at.kind {
            Kind::Phi { .. } => return Ok(Next::Instruction),
            Kind::Branch { .. } | Kind::If { .. } | Kind::Switch { .. } => return self.jump(at),
            Kind::Return { value } => {
                let value = value.as_ref().map(|value| self.read(value)).transpose()?;
                let promises = &self.function.result;
                let value = value
                    .map(|value| self.promised(at, value, promises))
                    .transpose()?;
                return Ok(Next::Caller(value));
            }
            Kind::Unreachable => return undefined(at, "unreachable is reached"),
            Kind::Store {
                of,
                value,
                to,
                align,
            } => {
                let value = self.read(value)?;
                let to = self.read(to)?;
                self.store(at, of, &value, &to, *align)?;
                return Ok(Next::Instruction);
            }
            Kind::Load { of, from, align } => {
                let from = self.read(from)?;
                self.load(at, of, &from, *align)?
            }
            Kind::Alloca { size, align } => self.alloca(at, *size, *align),
            Kind::Call(call) => match self.call(at, call)? {
                Some(value) => value,
                None => return Ok(Next::Instruction),
            },
            kind => self.calculate(at, kind)?,
        };
        self.define(at, value);
        Ok(Next::Instruction)
    }

    fn jump(&mut self, at: &Instruction) -> Result<Next> {
        Ok(Next::Block(match &at.kind {
            Kind::Branch { to } => *to,
            Kind::If { condition, yes, no } => match self.read(condition)? {
                Value::Int { bits: 0, .. } => *no,
                Value::Int { .. } => *yes,
                Value::Poison | Value::Undef => {
                    return undefined(at, "a branch on poison or undef");
                }
                _ => {
                    return refused(
                        at,
                        "a branch on arithmetic of a value that is chosen freely",
                    );
                }
            },
            Kind::Switch {
                on,
                cases,
                otherwise,
                ..
            } => match self.read(on)? {
                Value::Int { bits, .. } => {
                    let case = cases.iter().find(|case| case.0 == bits);
                    case.map_or(*otherwise, |case| case.1)
                }
                Value::Atom { .. } => *otherwise,
                Value::Poison | Value::Undef => {
                    return undefined(at, "a switch on poison or undef");
                }
                _ => {
                    return refused(
                        at,
                        "a switch on arithmetic of a value that is chosen freely",
                    );
                }
            },
            _ => return refused(at, "no jump"),
        }))
    }

    fn alloca(&mut self, at: &Instruction, size: u64, align: u64) -> Value {
        let object = ObjectId::Stack(at.result.unwrap_or_default());
        self.objects
            .insert(object, Object::new(u128::from(size), align));
        Value::Pointer(Pointer::to(object))
    }

    /// What the caller sees of this run.
    fn done(&mut self, returned: Option<Value>) -> Result<Done> {
        let line = self.function.line;
        let errno = self.value_at(ObjectId::Errno, 0, &Type::Int(32))?;
        let Some(errno) = errno else {
            return Err(Refusal::new(line, "errno", "left as a mixture of parts of values").into());
        };
        let done = Done {
            returned,
            errno,
            objects: std::mem::take(&mut self.objects),
            written: std::mem::take(&mut self.written),
        };
        match done.visible() {
            Some(done) => Ok(done),
            None => {
                let said = "a pointer to a stack slot outlives the function";
                Err(Refusal::new(line, "alloca", said).into())
            }
        }
    }
}

/// Ends a run with undefined behaviour.
fn undefined<T>(at: &Instruction, why: &str) -> Result<T> {
    Err(Stop::Undefined(format!("line {}: {why}", at.line)))
}

/// Ends a run with something that the model does not know.
fn refused<T>(at: &Instruction, why: &str) -> Result<T> {
    Err(Refusal::new(at.line, at.token.clone(), why).into())
}

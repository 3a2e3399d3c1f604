//! Plain enumeration: every input, every choice, numbers for everything.

use crate::inputs::{Inputs, NUMBERS, Place, Value, all_inputs};
use crate::program::{Allocator, Number, Op, Program, Size};
use errno_check::Semantics;

const ENOMEM: u64 = 12;

/// Pairs that take more runs are left out, for time.
const MOST_RUNS: usize = 1500;

#[derive(Debug, Clone, PartialEq)]
struct Block {
    size: u64,
    live: bool,
    /// The first four bytes.
    word: Value,
    zeroed: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum End {
    Undefined,
    Done {
        number: Value,
        block: Option<Block>,
        errno: Value,
        contents: [Value; 2],
    },
}

/// Whether every end of the target is one of the source; nothing if a run does what the model does not know.
pub(crate) fn allows(source: &Program, target: &Program, semantics: Semantics) -> Option<bool> {
    let mut allowed = true;
    let all = all_inputs([source, target], semantics);
    if all.len() > MOST_RUNS {
        return None;
    }
    let mut budget = MOST_RUNS;
    for inputs in all {
        let from = ends(source, &inputs, semantics, 0, &mut budget)?;
        let to = ends(target, &inputs, semantics, 1, &mut budget)?;
        let fine = from.contains(&End::Undefined)
            || to.iter().all(|to| from.iter().any(|from| covers(from, to)));
        allowed &= fine;
    }
    Some(allowed)
}

fn covers(from: &End, to: &End) -> bool {
    let value = |from: &Value, to: &Value| match (from, to) {
        (Value::Poison, _) => true,
        (Value::Undef, to) => *to != Value::Poison,
        (from, to) => from == to,
    };
    match (from, to) {
        (End::Undefined, _) => true,
        (_, End::Undefined) => false,
        (
            End::Done {
                number,
                block,
                errno,
                contents,
            },
            End::Done {
                number: to_number,
                block: to_block,
                errno: to_errno,
                contents: to_contents,
            },
        ) => {
            let block = match (block, to_block) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    let same = one.size == other.size && one.live == other.live;
                    let word = one.size < 4 || value(&one.word, &other.word);
                    same && (!one.live || word && one.zeroed <= other.zeroed)
                }
                _ => false,
            };
            let contents = contents
                .iter()
                .zip(to_contents)
                .all(|(from, to)| value(from, to));
            block && contents && value(number, to_number) && value(errno, to_errno)
        }
    }
}

/// All ends of a program for these inputs.
fn ends(
    program: &Program,
    inputs: &Inputs,
    semantics: Semantics,
    side: usize,
    budget: &mut usize,
) -> Option<Vec<End>> {
    let mut script: Vec<(usize, usize)> = Vec::new();
    let mut found = Vec::new();
    loop {
        *budget = budget.checked_sub(1)?;
        let mut machine = Machine {
            inputs,
            semantics,
            side,
            script: &mut script,
            at: 0,
            registers: [Cell::Empty; 24],
            errno: Value::Number(inputs.errno),
            contents: inputs.contents,
            blocks: Vec::new(),
            touched: Vec::new(),
            noalias: program.noalias && program.pointers > 0,
            calls: 0,
            failures: 0,
        };
        let end = match machine.all(&program.ops) {
            Ok(()) => machine.end(program)?,
            Err(Stop::Undefined) => End::Undefined,
            Err(Stop::Unknown) => return None,
        };
        if !found.contains(&end) {
            found.push(end);
        }
        loop {
            match script.pop() {
                None => return Some(found),
                Some((taken, of)) if taken + 1 < of => {
                    script.push((taken + 1, of));
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Cell {
    Empty,
    Number(Value),
    /// Nothing is poison.
    Flag(Option<bool>),
    /// Null, or a block.
    Pointer(Option<usize>),
}

enum Stop {
    Undefined,
    Unknown,
}

struct Machine<'a> {
    inputs: &'a Inputs,
    semantics: Semantics,
    side: usize,
    script: &'a mut Vec<(usize, usize)>,
    at: usize,
    registers: [Cell; 24],
    errno: Value,
    contents: [Value; 2],
    blocks: Vec<Block>,
    /// Accesses: the place, whether by the first argument, whether it writes.
    touched: Vec<(Place, bool, bool)>,
    noalias: bool,
    calls: usize,
    failures: usize,
}

impl Machine<'_> {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.script.len() {
            self.script.push((0, of));
        }
        self.at += 1;
        self.script[self.at - 1].0
    }

    fn number(&self, number: Number) -> Value {
        match number {
            Number::Constant(value) => Value::Number(value),
            Number::Argument => Value::Number(self.inputs.x),
            Number::Register(register) => match self.registers[register] {
                Cell::Number(value) => value,
                _ => unreachable!("a number"),
            },
        }
    }

    fn flag(&self, register: usize) -> Option<bool> {
        match self.registers[register] {
            Cell::Flag(flag) => flag,
            _ => unreachable!("a flag"),
        }
    }

    fn pointer(&self, register: usize) -> Option<usize> {
        match self.registers[register] {
            Cell::Pointer(block) => block,
            _ => unreachable!("a pointer"),
        }
    }

    fn touch(&mut self, place: Place, first: bool, writes: bool) -> Result<(), Stop> {
        if !self.noalias {
            return Ok(());
        }
        self.touched.push((place, first, writes));
        let here: Vec<_> = self
            .touched
            .iter()
            .filter(|touch| touch.0 == place)
            .collect();
        let both = here.iter().any(|touch| touch.1) && here.iter().any(|touch| !touch.1);
        if both && here.iter().any(|touch| touch.2) {
            Err(Stop::Undefined)
        } else {
            Ok(())
        }
    }

    fn all(&mut self, ops: &[Op]) -> Result<(), Stop> {
        ops.iter().try_for_each(|op| self.one(op))
    }

    fn one(&mut self, op: &Op) -> Result<(), Stop> {
        match op {
            Op::LoadErrno(to) => {
                self.touch(Place::Errno, false, false)?;
                self.registers[*to] = Cell::Number(self.errno);
            }
            Op::StoreErrno(value) => {
                self.touch(Place::Errno, false, true)?;
                self.errno = self.number(*value);
            }
            Op::Load(pointer, to) => {
                let place = self.inputs.places[*pointer];
                self.touch(place, *pointer == 0, false)?;
                self.registers[*to] = Cell::Number(match place {
                    Place::Null => return Err(Stop::Undefined),
                    Place::Errno => self.errno,
                    Place::Block(index) => self.contents[index],
                });
            }
            Op::Store(pointer, value) => {
                let place = self.inputs.places[*pointer];
                self.touch(place, *pointer == 0, true)?;
                let value = self.number(*value);
                match place {
                    Place::Null => return Err(Stop::Undefined),
                    Place::Errno => self.errno = value,
                    Place::Block(index) => self.contents[index] = value,
                }
            }
            Op::Allocate(how, size, to) => self.allocate(*how, *size, *to)?,
            Op::Realloc(old, to) => self.realloc(*old, *to)?,
            Op::Free(block) => {
                if let Some(index) = self.pointer(*block) {
                    if !self.blocks[index].live {
                        return Err(Stop::Undefined);
                    }
                    self.blocks[index].live = false;
                }
                if self.semantics == Semantics::IsoC {
                    self.scribble()?;
                }
            }
            Op::IsNull(block, to) => {
                self.registers[*to] = Cell::Flag(Some(self.pointer(*block).is_none()))
            }
            Op::Equal(a, b, to) => match (self.number(*a), self.number(*b)) {
                (Value::Poison, _) | (_, Value::Poison) => self.registers[*to] = Cell::Flag(None),
                (Value::Number(a), Value::Number(b)) => {
                    self.registers[*to] = Cell::Flag(Some(a == b))
                }
                _ => return Err(Stop::Unknown),
            },
            Op::Pick(flag, a, b, to) => {
                let value = match self.flag(*flag) {
                    Some(true) => self.number(*a),
                    Some(false) => self.number(*b),
                    None => Value::Poison,
                };
                self.registers[*to] = Cell::Number(value);
            }
            Op::Poke(block, value) => {
                let value = self.number(*value);
                self.block(*block)?.word = value;
            }
            Op::Peek(block, to) => {
                let value = self.block(*block)?.word;
                self.registers[*to] = Cell::Number(value);
            }
            Op::If(flag, then, yes, no, to) => {
                let value = match self.flag(*flag) {
                    Some(true) => {
                        self.all(then)?;
                        self.number(*yes)
                    }
                    Some(false) => self.number(*no),
                    None => return Err(Stop::Undefined),
                };
                self.registers[*to] = Cell::Number(value);
            }
        }
        Ok(())
    }

    /// A live block of at least a word.
    fn block(&mut self, register: usize) -> Result<&mut Block, Stop> {
        let index = self.pointer(register).ok_or(Stop::Undefined)?;
        let block = &mut self.blocks[index];
        if block.live && block.size >= 4 {
            Ok(block)
        } else {
            Err(Stop::Undefined)
        }
    }

    /// Leaves errno, or sets it to what is not zero.
    fn scribble(&mut self) -> Result<(), Stop> {
        let number = self.choose(NUMBERS.len());
        // The first number is zero: that way stands for leaving errno.
        if number > 0 {
            self.set_errno(NUMBERS[number])?;
        }
        Ok(())
    }

    fn set_errno(&mut self, number: u64) -> Result<(), Stop> {
        self.touch(Place::Errno, false, true)?;
        self.errno = Value::Number(number);
        Ok(())
    }

    fn granted(&mut self, size: u64) -> bool {
        let huge = size >= 1 << 47;
        let call = self.calls;
        self.calls += 1;
        match self.semantics {
            Semantics::NeverFails => true,
            Semantics::Schedule => !huge && !self.inputs.bits[call],
            Semantics::Elision => self.choose(2) == 0,
            _ => !huge && self.choose(2) == 0,
        }
    }

    fn errno_after(&mut self, granted: bool) -> Result<(), Stop> {
        match (self.semantics, granted) {
            (Semantics::IsoC, _) | (Semantics::Posix, true) => self.scribble(),
            (
                Semantics::Posix | Semantics::Quiet | Semantics::Elision | Semantics::Schedule,
                false,
            ) => self.set_errno(ENOMEM),
            (Semantics::FreshNondet, false) => {
                let number = NUMBERS[self.choose(NUMBERS.len())];
                self.set_errno(number)
            }
            (Semantics::FreshUnquantified, false) => {
                self.failures += 1;
                self.set_errno(self.inputs.unknown[self.side][self.failures - 1])
            }
            _ => Ok(()),
        }
    }

    fn allocate(&mut self, how: Allocator, size: Size, to: usize) -> Result<(), Stop> {
        let size = match size {
            Size::Bytes(bytes) => bytes,
            Size::Argument => self.inputs.n,
        };
        let granted = self.granted(size);
        let zeroed = how == Allocator::Calloc;
        self.registers[to] = Cell::Pointer(None);
        if granted {
            let word = if zeroed {
                Value::Number(0)
            } else {
                Value::Undef
            };
            let zeroed = if zeroed { size } else { 0 };
            self.add(
                Block {
                    size,
                    live: true,
                    word,
                    zeroed,
                },
                to,
            );
        }
        match how {
            Allocator::PosixMemalign if self.semantics == Semantics::IsoC => self.scribble(),
            Allocator::PosixMemalign => Ok(()),
            _ => self.errno_after(granted),
        }
    }

    fn add(&mut self, block: Block, to: usize) {
        self.registers[to] = Cell::Pointer(Some(self.blocks.len()));
        self.blocks.push(block);
    }

    fn realloc(&mut self, old: usize, to: usize) -> Result<(), Stop> {
        const SIZE: u64 = 16;
        let old = self.pointer(old);
        let mut block = Block {
            size: SIZE,
            live: true,
            word: Value::Undef,
            zeroed: 0,
        };
        if let Some(index) = old {
            let old = &self.blocks[index];
            if !old.live {
                return Err(Stop::Undefined);
            }
            if old.size >= 4 {
                block.word = old.word;
            } else if old.zeroed > 0 {
                return Err(Stop::Unknown);
            }
            block.zeroed = old.zeroed.min(SIZE);
        }
        let granted = self.granted(SIZE);
        self.registers[to] = Cell::Pointer(None);
        if granted {
            if let Some(index) = old {
                self.blocks[index].live = false;
            }
            self.add(block, to);
        }
        self.errno_after(granted)
    }

    fn end(&self, program: &Program) -> Option<End> {
        let block = program.pointer.and_then(|register| self.pointer(register));
        Some(End::Done {
            number: self.number(program.number),
            block: block.map(|index| self.blocks[index].clone()),
            errno: self.errno,
            contents: self.contents,
        })
    }
}

//! Every input of a pair, decided before any run.

use crate::program::{Number, Op, Program, Size};
use errno_check::Semantics;

/// What errno and the others may be: the constants of all programs, and enough others that each input and each call may
/// have one of its own, and one is left.
pub(crate) const NUMBERS: [u64; 6] = [0, 12, 5, 101, 102, 103];
/// Where a pointer argument points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Null,
    Errno,
    /// A block of four bytes of the caller's.
    Block(usize),
}

/// Everything that is decided before a run.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(crate) errno: u64,
    pub(crate) x: u64,
    pub(crate) n: u64,
    pub(crate) places: [Place; 2],
    pub(crate) contents: [Value; 2],
    pub(crate) bits: [bool; 2],
    pub(crate) unknown: [[u64; 2]; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Undef,
    Poison,
}

fn uses(ops: &[Op], wanted: &dyn Fn(&Op) -> bool) -> bool {
    ops.iter()
        .any(|op| wanted(op) || matches!(op, Op::If(_, then, ..) if uses(then, wanted)))
}

fn reads_x(op: &Op) -> bool {
    let is = |numbers: &[Number]| numbers.contains(&Number::Argument);
    match op {
        Op::StoreErrno(a) | Op::Store(_, a) | Op::Poke(_, a) => is(&[*a]),
        Op::Equal(a, b, _) | Op::Pick(_, a, b, _) | Op::If(_, _, a, b, _) => is(&[*a, *b]),
        _ => false,
    }
}

/// The most allocation calls of a run.
fn calls(ops: &[Op]) -> usize {
    let of = |op: &Op| match op {
        Op::Allocate(..) | Op::Realloc(..) => 1,
        Op::If(_, then, ..) => calls(then),
        _ => 0,
    };
    ops.iter().map(of).sum()
}

/// All inputs; what no program looks at is not varied.
pub(crate) fn all_inputs(programs: [&Program; 2], semantics: Semantics) -> Vec<Inputs> {
    let any =
        |wanted: &dyn Fn(&Op) -> bool| programs.iter().any(|program| uses(&program.ops, wanted));
    let mut all = vec![Inputs {
        errno: 0,
        x: 0,
        n: 23,
        places: [Place::Block(0), Place::Block(1)],
        contents: [Value::Number(0); 2],
        bits: [false; 2],
        unknown: [[0; 2]; 2],
    }];
    vary(&mut all, &NUMBERS[..4], |inputs, number| {
        inputs.errno = number
    });
    if any(&reads_x)
        || programs
            .iter()
            .any(|program| program.number == Number::Argument)
    {
        vary(&mut all, &NUMBERS[..5], |inputs, number| inputs.x = number);
    }
    if any(&|op| matches!(op, Op::Allocate(_, Size::Argument, _))) {
        vary(&mut all, &[0, 1, 23, 1 << 62], |inputs, number| {
            inputs.n = number
        });
    }
    for index in 0..programs[0].pointers {
        let mut places = vec![Place::Block(index), Place::Errno];
        if index == 1 {
            places.push(Place::Block(0));
        }
        if programs[0].null {
            places.push(Place::Null);
        }
        vary(&mut all, &places, |inputs, place| {
            inputs.places[index] = place
        });
        if any(&|op| matches!(op, Op::Load(..) | Op::Store(..))) {
            let mut contents: Vec<Value> = NUMBERS[..5]
                .iter()
                .map(|&number| Value::Number(number))
                .collect();
            contents.push(Value::Poison);
            vary(&mut all, &contents, |inputs, value| {
                inputs.contents[index] = value
            });
        }
    }
    if semantics == Semantics::Schedule {
        for index in 0..2 {
            vary(&mut all, &[false, true], |inputs, bit| {
                inputs.bits[index] = bit
            });
        }
    }
    if semantics == Semantics::FreshUnquantified {
        for (side, program) in programs.into_iter().enumerate() {
            let numbers = [0, 12, 5, 101, 102 + side as u64];
            vary(&mut all, &numbers, |inputs, number| {
                inputs.unknown[side][0] = number
            });
            if calls(&program.ops) > 1 {
                let second = [0, 12, 104 + side as u64];
                vary(&mut all, &second, |inputs, number| {
                    inputs.unknown[side][1] = number
                });
            }
        }
    }
    all
}

fn vary<T: Copy>(all: &mut Vec<Inputs>, values: &[T], set: impl Fn(&mut Inputs, T)) {
    let varied = all.iter().flat_map(|inputs| {
        let set = &set;
        values.iter().map(move |&value| {
            let mut inputs = inputs.clone();
            set(&mut inputs, value);
            inputs
        })
    });
    *all = varied.collect();
}

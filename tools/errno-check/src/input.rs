//! What both sides are given alike: arguments, errno before, the caller's memory, and which calls fail.
//!
//! Nothing is given before somebody looks: a run that asks for what is not decided yet stops with [`Question`], and the
//! checker runs both sides again for each answer. So the cases are exactly those that can make a difference.

use crate::facts::Facts;
use crate::ir::Type;
use crate::value::{ObjectId, Pointer, Value, mask};
use std::collections::BTreeSet;
use std::fmt;

/// Something that a run may ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// errno before the call of the function.
    Errno,
    /// The argument for this parameter.
    Parameter(usize),
    /// Whether the caller's block reaches this far behind the pointer that was handed over.
    Reach { block: usize, end: i64 },
    /// Whether it begins at least so many bytes before that pointer.
    Below { block: usize, bytes: i64 },
    /// What so many bits of the caller's block hold at an offset.
    Content {
        block: usize,
        offset: i64,
        width: u32,
    },
    /// How far an object of the caller's is aligned.
    Align(ObjectId),
    /// Whether the caller's block is malloc's and begins where the pointer points.
    Freeable(usize),
    /// Whether the k-th allocation call of either side fails.
    Bit(usize),
    /// What a memory(none) function returns for these arguments.
    Pure {
        name: String,
        width: u32,
        arguments: Vec<Value>,
    },
    /// What the k-th failing call of a side leaves in errno.
    Unknown { target: bool, call: usize },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    Value(Value),
    Truth(bool),
    Align(u64),
}

/// What a run must know to go on, and all that it may be.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) key: Key,
    pub(crate) answers: Vec<Given>,
}

/// What is decided, in the order in which it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    decided: Vec<(Key, Given)>,
}

impl Inputs {
    pub(crate) fn with(&self, key: Key, given: Given) -> Self {
        let mut more = self.clone();
        more.decided.push((key, given));
        more
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Key, Given)> {
        self.decided.iter()
    }

    fn get(&self, key: &Key) -> Option<&Given> {
        let found = self.decided.iter().find(|(known, _)| known == key);
        found.map(|(_, given)| given)
    }

    /// A number of this width, asked for by this key.
    pub(crate) fn number(&self, facts: &Facts, key: Key, width: u32) -> Result<Value, Question> {
        match self.get(&key) {
            Some(Given::Value(value)) => Ok(value.clone()),
            _ => Err(self.ask_number(facts, key, width)),
        }
    }

    /// The question what number this is.
    pub(crate) fn ask_number(&self, facts: &Facts, key: Key, width: u32) -> Question {
        let numbers = self.numbers(facts, width);
        let answers = numbers
            .into_iter()
            .map(|bits| Given::Value(Value::int(width, bits)));
        let mut answers: Vec<_> = answers.collect();
        if matches!(key, Key::Content { .. }) {
            answers.push(Given::Value(Value::Poison));
        }
        Question { key, answers }
    }

    /// The numbers that an input of this width is tried with: all that matter, all that another input has, and one more.
    fn numbers(&self, facts: &Facts, width: u32) -> BTreeSet<u64> {
        let mut numbers = facts.samples(width);
        numbers.extend(self.given_numbers(width));
        if width == 8 && !self.given_numbers(8).any(|_| true) && facts.calculates(8) {
            numbers.extend(0..=0xff);
        }
        if width == 8 || width == 32 {
            let fresh = 1_000_003 + 7_919 * self.decided.len() as u64;
            numbers.insert(fresh & mask(width));
        }
        numbers
    }

    /// The numbers of this width that are inputs already.
    pub(crate) fn given_numbers(&self, width: u32) -> impl Iterator<Item = u64> {
        self.decided
            .iter()
            .filter_map(move |(_, given)| match given {
                Given::Value(Value::Int {
                    width: of, bits, ..
                }) if *of == width => Some(*bits),
                _ => None,
            })
    }

    /// A question that is answered by yes or no.
    pub(crate) fn truth(&self, key: Key) -> Result<bool, Question> {
        match self.get(&key) {
            Some(Given::Truth(truth)) => Ok(*truth),
            _ => Err(Question {
                key,
                answers: vec![Given::Truth(false), Given::Truth(true)],
            }),
        }
    }

    /// The argument for a parameter.
    pub(crate) fn argument(&self, facts: &Facts, parameter: usize) -> Result<Value, Question> {
        let key = Key::Parameter(parameter);
        if let Some(Given::Value(value)) = self.get(&key) {
            return Ok(value.clone());
        }
        let mut question = match facts.parameters[parameter] {
            Type::Int(width) => self.ask_number(facts, key, width),
            _ => Question {
                key,
                answers: self.places(facts, parameter),
            },
        };
        if !facts.never_poison[parameter] {
            question.answers.push(Given::Value(Value::Poison));
        }
        Err(question)
    }

    /// Where a pointer argument may point: a block of its own, errno, the block of another argument, nowhere.
    fn places(&self, facts: &Facts, parameter: usize) -> Vec<Given> {
        let mut places = vec![Pointer::to(ObjectId::Caller(parameter))];
        for &offset in &facts.errno_offsets {
            places.push(Pointer {
                offset,
                ..Pointer::to(ObjectId::Errno)
            });
        }
        for (key, given) in &self.decided {
            let (Key::Parameter(_), Given::Value(Value::Pointer(other))) = (key, given) else {
                continue;
            };
            if !matches!(other.object, Some(ObjectId::Caller(_))) {
                continue;
            }
            places.extend(facts.distances.iter().map(|distance| Pointer {
                offset: other.offset + distance,
                ..*other
            }));
        }
        places.push(Pointer::NULL);
        let mut seen = BTreeSet::new();
        places.retain(|place| seen.insert(*place));
        places
            .into_iter()
            .map(|mut place| {
                place.through = Some(parameter);
                Given::Value(Value::Pointer(place))
            })
            .collect()
    }

    /// Whether these offsets lie in the caller's block.
    pub(crate) fn lies_in(&self, block: usize, from: i64, to: i64) -> Result<bool, Question> {
        Ok((to <= 0 || self.reaches(block, to)?)
            && (from >= 0 || self.begins_below(block, -from)?))
    }

    fn reaches(&self, block: usize, wanted: i64) -> Result<bool, Question> {
        for (key, given) in &self.decided {
            match (key, given) {
                (Key::Reach { block: of, end }, Given::Truth(truth)) if *of == block => {
                    if *truth && *end >= wanted {
                        return Ok(true);
                    }
                    if !*truth && *end <= wanted {
                        return Ok(false);
                    }
                }
                _ => {}
            }
        }
        self.truth(Key::Reach { block, end: wanted })
    }

    fn begins_below(&self, block: usize, wanted: i64) -> Result<bool, Question> {
        for (key, given) in &self.decided {
            match (key, given) {
                (Key::Freeable(of), Given::Truth(true)) if *of == block => return Ok(false),
                (Key::Below { block: of, bytes }, Given::Truth(truth)) if *of == block => {
                    if *truth && *bytes >= wanted {
                        return Ok(true);
                    }
                    if !*truth && *bytes <= wanted {
                        return Ok(false);
                    }
                }
                _ => {}
            }
        }
        self.truth(Key::Below {
            block,
            bytes: wanted,
        })
    }

    /// Whether the caller's block is malloc's and begins at the pointer that was handed over.
    pub(crate) fn freeable(&self, block: usize) -> Result<bool, Question> {
        let inside = self.decided.iter().any(|(key, given)| {
            matches!((key, given), (Key::Below { block: of, .. }, Given::Truth(true)) if *of == block)
        });
        if inside {
            return Ok(false);
        }
        self.truth(Key::Freeable(block))
    }

    /// An address that is aligned just as an object of the caller's is.
    pub(crate) fn alignment(&self, facts: &Facts, object: ObjectId) -> Result<u64, Question> {
        let key = Key::Align(object);
        if let Some(Given::Align(align)) = self.get(&key) {
            return Ok(*align);
        }
        let least = if object == ObjectId::Errno { 4 } else { 1 };
        let mut aligns: BTreeSet<u64> = facts.aligns.iter().map(|align| align / 2).collect();
        aligns.insert(4096);
        aligns.retain(|align| *align >= least);
        Err(Question {
            key,
            answers: aligns.into_iter().rev().map(Given::Align).collect(),
        })
    }

    /// The byte at an offset of the caller's block as it was handed over, with the width of the answer that said so.
    pub(crate) fn byte(&self, block: usize, at: i64) -> Option<(Option<u8>, u32)> {
        self.decided
            .iter()
            .find_map(|(key, given)| match (key, given) {
                (
                    Key::Content {
                        block: of,
                        offset,
                        width,
                    },
                    Given::Value(value),
                ) if *of == block
                    && (*offset..*offset + i64::from(width.div_ceil(8))).contains(&at) =>
                {
                    let byte = match value {
                        Value::Int { bits, .. } => Some(bits.to_le_bytes()[(at - offset) as usize]),
                        _ => None,
                    };
                    Some((byte, *width))
                }
                _ => None,
            })
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Truth(true) => write!(f, "yes"),
            Self::Truth(false) => write!(f, "no"),
            Self::Align(align) => write!(f, "{align}"),
        }
    }
}

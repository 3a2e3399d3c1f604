//! What a run ends with, and whether one such end allows another.

use crate::facts::Facts;
use crate::input::{Inputs, Key};
use crate::memory::{Byte, Object, Size, Unwritten};
use crate::refusal::Refusal;
use crate::run::{Result, Stop};
use crate::value::{ObjectId, Origin, Pointer, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Undefined behaviour, and where.
    Undefined(String),
    Done(Box<Done>),
}

/// What the caller sees of a run that returns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Done {
    pub(crate) returned: Option<Value>,
    pub(crate) errno: Value,
    /// The caller's blocks, and the new ones that it can get at.
    pub(crate) objects: BTreeMap<ObjectId, Object>,
    /// What was written to the caller's blocks: block, offset, bytes.
    pub(crate) written: Vec<(usize, i64, u64)>,
}

fn pointers(value: &Value, found: &mut Vec<ObjectId>) {
    match value {
        Value::Pointer(pointer) | Value::Address(pointer) => found.extend(pointer.object),
        Value::Pair(fields) => fields.iter().for_each(|field| pointers(field, found)),
        Value::Formula(formula) => formula
            .operands
            .iter()
            .for_each(|operand| pointers(operand, found)),
        _ => {}
    }
}

impl Done {
    /// Forgets the objects that the caller cannot get at; nothing if it can get at a stack slot.
    pub(crate) fn visible(mut self) -> Option<Self> {
        let mut open: Vec<ObjectId> = Vec::new();
        pointers(&self.errno, &mut open);
        if let Some(returned) = &self.returned {
            pointers(returned, &mut open);
        }
        open.extend(
            self.objects
                .keys()
                .filter(|object| matches!(object, ObjectId::Caller(_))),
        );
        let mut seen = BTreeSet::new();
        while let Some(object) = open.pop() {
            if matches!(object, ObjectId::Stack(_)) {
                return None;
            }
            if !seen.insert(object) {
                continue;
            }
            for byte in self
                .objects
                .get(&object)
                .iter()
                .flat_map(|object| object.bytes.values())
            {
                if let Byte::Part(value, _) = byte {
                    pointers(value, &mut open);
                }
            }
        }
        seen.remove(&ObjectId::Errno);
        self.objects.retain(|object, _| seen.contains(object));
        Some(self)
    }
}

/// How strictly ends are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// As they are.
    Exact,
    /// Arithmetic on freely chosen values may be any number: what does not match even so never does.
    Loose,
}

/// Whether the source, which may end so, allows that the target ends so.
pub(crate) fn allows(
    facts: &Facts,
    inputs: &Inputs,
    source: &Done,
    target: &Done,
    strictness: Strictness,
) -> Result<bool> {
    let mut matching = Matching {
        facts,
        inputs,
        source,
        target,
        strictness,
        atoms: Vec::new(),
        objects: Vec::new(),
        open: Vec::new(),
    };
    matching.whole()
}

/// Two ends beside each other, and which free choice and which new block of one is which of the other.
struct Matching<'a> {
    facts: &'a Facts,
    inputs: &'a Inputs,
    source: &'a Done,
    target: &'a Done,
    strictness: Strictness,
    atoms: Vec<(Value, Value)>,
    objects: Vec<(ObjectId, ObjectId)>,
    open: Vec<(ObjectId, ObjectId)>,
}

impl Matching<'_> {
    fn whole(&mut self) -> Result<bool> {
        let returned = match (&self.source.returned, &self.target.returned) {
            (Some(source), Some(target)) => self.value(source, target),
            (source, target) => source.is_none() && target.is_none(),
        };
        if !returned || !self.value(&self.source.errno, &self.target.errno) {
            return Ok(false);
        }
        let callers = self.source.objects.keys().chain(self.target.objects.keys());
        let callers: BTreeSet<ObjectId> = callers
            .copied()
            .filter(|id| matches!(id, ObjectId::Caller(_)))
            .collect();
        for block in callers {
            if !self.block(block, block)? {
                return Ok(false);
            }
        }
        while let Some((source, target)) = self.open.pop() {
            if !self.block(source, target)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn value(&mut self, source: &Value, target: &Value) -> bool {
        match (source, target) {
            (Value::Poison, _) => true,
            (Value::Pair(one), Value::Pair(other)) => {
                self.value(&one[0], &other[0]) && self.value(&one[1], &other[1])
            }
            (Value::Pair(one), other) => self.value(&one[0], other) && self.value(&one[1], other),
            (one, Value::Pair(other)) => self.value(one, &other[0]) && self.value(one, &other[1]),
            (_, Value::Poison) => false,
            (Value::Undef, _) => true,
            (_, Value::Undef) => false,
            (Value::Int { bits, .. }, Value::Int { bits: other, .. }) if bits == other => true,
            (Value::Formula(one), Value::Formula(other))
                if one.operation == other.operation
                    && one.operands.len() == other.operands.len()
                    && one
                        .operands
                        .iter()
                        .zip(&other.operands)
                        .all(|(one, other)| self.value(one, other)) =>
            {
                true
            }
            _ if self.strictness == Strictness::Loose
                && (is_derived(source) || is_derived(target)) =>
            {
                true
            }
            (
                Value::Atom { width, gap, .. },
                Value::Atom {
                    width: other,
                    gap: of,
                    ..
                },
            ) => (width, gap) == (other, of) && paired(&mut self.atoms, source, target),
            (Value::Pointer(one), Value::Pointer(other))
            | (Value::Address(one), Value::Address(other)) => self.pointer(one, other),
            _ => false,
        }
    }

    fn pointer(&mut self, source: &Pointer, target: &Pointer) -> bool {
        if source.offset != target.offset {
            return false;
        }
        match (source.object, target.object) {
            (Some(one @ ObjectId::Heap(_)), Some(other @ ObjectId::Heap(_))) => {
                let known = self.objects.contains(&(one, other));
                if !known {
                    self.open.push((one, other));
                }
                paired(&mut self.objects, &one, &other)
            }
            (one, other) => one == other,
        }
    }

    /// Whether the caller finds in one block what it may find in the other.
    fn block(&mut self, source: ObjectId, target: ObjectId) -> Result<bool> {
        let one = self
            .source
            .objects
            .get(&source)
            .cloned()
            .unwrap_or_else(|| Object::given(source));
        let other = self
            .target
            .objects
            .get(&target)
            .cloned()
            .unwrap_or_else(|| Object::given(target));
        if one.live != other.live || one.size != other.size || one.align > other.align {
            return Ok(false);
        }
        if !one.live {
            return Ok(true);
        }
        let offsets: BTreeSet<i64> = one
            .bytes
            .keys()
            .chain(other.bytes.keys())
            .copied()
            .collect();
        for &at in &offsets {
            let source = self.byte(&one, &one.bytes, at, self.target)?;
            let target = self.byte(&other, &other.bytes, at, self.source)?;
            if !self.bytes(&source, &target) {
                return Ok(false);
            }
        }
        self.rest(&one, &other, offsets.len())
    }

    /// The bytes that neither side wrote.
    fn rest(&self, source: &Object, target: &Object, written: usize) -> Result<bool> {
        if let Size::Known(size) = source.size
            && written as u128 >= size
        {
            return Ok(true);
        }
        let unknown = || {
            Refusal::new(
                0,
                "realloc",
                "compares what was copied from the caller's block with a new block",
            )
        };
        Ok(match (source.unwritten, target.unwritten) {
            (Unwritten::Undef, _) => true,
            (Unwritten::Zero(end), Unwritten::Zero(other)) => end <= other,
            (Unwritten::Zero(_), Unwritten::Undef) => false,
            (Unwritten::Caller(block, end), Unwritten::Caller(other, of))
                if block == other && end == of =>
            {
                true
            }
            _ => return Err(unknown().into()),
        })
    }

    /// A byte as the caller finds it. What the caller had there itself is asked for as wide as the other side wrote it.
    fn byte(
        &self,
        object: &Object,
        bytes: &BTreeMap<i64, Byte>,
        at: i64,
        writer: &Done,
    ) -> Result<Byte> {
        if let Some(byte) = bytes.get(&at) {
            return Ok(byte.clone());
        }
        let below = |end: u128| end == u128::MAX || u128::try_from(at).is_ok_and(|at| at < end);
        let block = match object.unwritten {
            Unwritten::Zero(end) if below(end) => return Ok(Byte::Number(0)),
            Unwritten::Caller(block, end) if below(end) => block,
            _ => return Ok(Byte::Undef),
        };
        if object.size != Size::Asked && !self.inputs.lies_in(block, at, at + 1)? {
            return Ok(Byte::Undef);
        }
        if let Some((byte, _)) = self.inputs.byte(block, at) {
            return Ok(byte.map_or(Byte::Poison, Byte::Number));
        }
        let around =
            writer.written.iter().rev().find(|(of, from, size)| {
                *of == block && (*from..*from + *size as i64).contains(&at)
            });
        let (mut offset, mut width) = (at, 8);
        if let Some((_, from, size)) = around
            && (*from..*from + *size as i64).all(|at| self.inputs.byte(block, at).is_none())
        {
            (offset, width) = (*from, *size as u32 * 8);
        }
        let key = Key::Content {
            block,
            offset,
            width,
        };
        Err(Stop::from(self.inputs.ask_number(self.facts, key, width)))
    }

    fn bytes(&mut self, source: &Byte, target: &Byte) -> bool {
        match (source, target) {
            (Byte::Poison, _) => true,
            (_, Byte::Poison) => false,
            (Byte::Undef, _) => true,
            (_, Byte::Undef) => false,
            (Byte::Number(one), Byte::Number(other)) => one == other,
            (Byte::Part(one, part), Byte::Part(other, of)) if part == of => self.value(one, other),
            (Byte::Part(value, part), Byte::Number(byte))
            | (Byte::Number(byte), Byte::Part(value, part)) => {
                let same =
                    matches!(value, Value::Int { bits, .. } if bits.to_le_bytes()[*part] == *byte);
                same || self.strictness == Strictness::Loose && is_derived(value)
            }
            _ => self.strictness == Strictness::Loose,
        }
    }
}

/// Whether one is the other's counterpart, and no third is either's.
fn paired<T: PartialEq + Clone>(pairs: &mut Vec<(T, T)>, source: &T, target: &T) -> bool {
    match pairs
        .iter()
        .find(|pair| pair.0 == *source || pair.1 == *target)
    {
        Some(pair) => pair.0 == *source && pair.1 == *target,
        None => {
            pairs.push((source.clone(), target.clone()));
            true
        }
    }
}

fn is_derived(value: &Value) -> bool {
    matches!(
        value,
        Value::Formula(_)
            | Value::Int {
                origin: Origin::Derived,
                ..
            }
    )
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined(why) => write!(f, "undefined behaviour ({why})"),
            Self::Done(done) => write!(f, "{done}"),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.returned {
            Some(value) => write!(f, "returns {value}")?,
            None => write!(f, "returns")?,
        }
        write!(f, ", errno {}", self.errno)?;
        for (id, object) in &self.objects {
            if !object.live {
                write!(f, ", {id} freed")?;
                continue;
            }
            let mut shown = None;
            for (at, byte) in &object.bytes {
                match byte {
                    Byte::Part(_, part) if *part > 0 => {}
                    Byte::Part(value, _) => write!(f, ", {id}{at:+}: {value}")?,
                    Byte::Undef => write!(f, ", {id}{at:+}: undef byte")?,
                    Byte::Poison => write!(f, ", {id}{at:+}: poison byte")?,
                    Byte::Number(byte) if shown == Some(at - 1) => write!(f, " {byte:02x}")?,
                    Byte::Number(byte) => write!(f, ", {id}{at:+}: {byte:02x}")?,
                }
                shown = matches!(byte, Byte::Number(_)).then_some(*at);
            }
        }
        Ok(())
    }
}

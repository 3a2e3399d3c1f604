//! Loads and stores: bounds, alignment, the promises of noalias, and bytes.

use super::{Machine, Result, refused, undefined};
use crate::input::Key;
use crate::ir::{Instruction, Type};
use crate::memory::{Byte, Object, Size, Unwritten, assemble};
use crate::value::{ObjectId, Pointer, Value};

/// An access, for noalias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    object: ObjectId,
    from: i64,
    to: i64,
    through: Option<usize>,
    writes: bool,
}

impl Touch {
    /// Where both lie.
    fn common(&self, other: &Self) -> Option<(i64, i64)> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (self.object == other.object && from < to).then_some((from, to))
    }
}

fn width(of: &Type) -> Option<u32> {
    match of {
        Type::Int(width) => Some(*width),
        _ => None,
    }
}

impl Machine<'_> {
    pub(super) fn object(&mut self, object: ObjectId) -> &mut Object {
        self.objects
            .entry(object)
            .or_insert_with(|| Object::given(object))
    }

    /// Whether these offsets lie in the object.
    pub(super) fn lies_in(&mut self, object: ObjectId, from: i64, to: i64) -> Result<bool> {
        let size = self.object(object).size;
        Ok(match (size, object) {
            (Size::Known(size), _) => from >= 0 && u128::try_from(to).is_ok_and(|to| to <= size),
            (Size::Asked, ObjectId::Caller(block)) => self.case.inputs.lies_in(block, from, to)?,
            (Size::Asked, _) => false,
        })
    }

    /// Whether an address in the object is a multiple of `align` in every run.
    pub(super) fn is_aligned(&mut self, object: ObjectId, offset: i64, align: u64) -> Result<bool> {
        if align <= 1 {
            return Ok(true);
        }
        let base = match self.object(object).align {
            Some(known) => known,
            None => self.case.inputs.alignment(self.case.facts, object)?,
        };
        Ok((base as i64 + offset).rem_euclid(align as i64) == 0)
    }

    /// Whether so many bytes may be accessed here.
    pub(super) fn accessible(&mut self, pointer: &Pointer, size: u64, align: u64) -> Result<bool> {
        let Some(object) = pointer.object else {
            return Ok(false);
        };
        let end = pointer.offset.saturating_add(size as i64);
        Ok(self.object(object).live
            && self.lies_in(object, pointer.offset, end)?
            && self.is_aligned(object, pointer.offset, align)?)
    }

    fn access(
        &mut self,
        at: &Instruction,
        value: &Value,
        of: &Type,
        align: u64,
        writes: bool,
    ) -> Result<(ObjectId, i64)> {
        let Value::Pointer(pointer) = value else {
            return undefined(at, "memory is accessed through poison or undef");
        };
        if !self.accessible(pointer, of.size(), align)? {
            return undefined(at, &format!("no {of} may be accessed at {pointer}"));
        }
        let Some(object) = pointer.object else {
            return undefined(at, "memory is accessed through null");
        };
        let (from, to) = (pointer.offset, pointer.offset + of.size() as i64);
        self.touch(at, object, (from, to), pointer.through, writes)?;
        Ok((object, from))
    }

    /// Notes an access. Memory that is modified, and accessed both through a noalias parameter and not through it, is
    /// undefined behaviour, in whatever order that happens.
    pub(super) fn touch(
        &mut self,
        at: &Instruction,
        object: ObjectId,
        (from, to): (i64, i64),
        through: Option<usize>,
        writes: bool,
    ) -> Result<()> {
        let parameters = &self.function.parameters;
        if !parameters
            .iter()
            .any(|parameter| parameter.promises.noalias)
        {
            return Ok(());
        }
        let new = Touch {
            object,
            from,
            to,
            through,
            writes,
        };
        self.touches.push(new);
        for (index, parameter) in parameters.iter().enumerate() {
            if parameter.promises.noalias && breaks_noalias(&self.touches, index) {
                let name = &parameter.name;
                return undefined(
                    at,
                    &format!("noalias %{name} is not the only way to what is modified"),
                );
            }
        }
        Ok(())
    }

    pub(super) fn store(
        &mut self,
        at: &Instruction,
        of: &Type,
        value: &Value,
        to: &Value,
        align: u64,
    ) -> Result<()> {
        let (object, offset) = self.access(at, to, of, align, true)?;
        self.write(object, offset, of.size(), value);
        Ok(())
    }

    pub(super) fn write(&mut self, object: ObjectId, offset: i64, size: u64, value: &Value) {
        if object == ObjectId::Errno && size == 4 {
            // All of it is written over: what was chosen before is of no consequence.
            self.open = None;
        } else if object == ObjectId::Errno {
            self.settle();
        }
        if let ObjectId::Caller(block) = object {
            self.written.push((block, offset, size));
        }
        self.object(object).write(offset, size, value);
    }

    pub(super) fn load(
        &mut self,
        at: &Instruction,
        of: &Type,
        from: &Value,
        align: u64,
    ) -> Result<Value> {
        let (object, offset) = self.access(at, from, of, align, false)?;
        match self.value_at(object, offset, of)? {
            Some(value) => Ok(value),
            None => refused(
                at,
                "loads parts of values, or a pointer that the caller left in memory",
            ),
        }
    }

    /// What an object holds; nothing if that is no value of the model.
    pub(super) fn value_at(
        &mut self,
        object: ObjectId,
        offset: i64,
        of: &Type,
    ) -> Result<Option<Value>> {
        if object == ObjectId::Errno {
            self.settle();
        }
        let mut bytes = Vec::new();
        let size = of.size() as i64;
        let written = &self.object(object).bytes;
        let untouched = (offset..offset + size).all(|at| !written.contains_key(&at));
        let ask = if untouched { width(of) } else { Some(8) };
        for at in offset..offset + size {
            let byte = match self.object(object).bytes.get(&at) {
                Some(byte) => Some(byte.clone()),
                None => self.unwritten(object, at, (offset, ask))?,
            };
            match byte {
                Some(byte) => bytes.push(byte),
                None => return Ok(None),
            }
        }
        Ok(assemble(&bytes, width(of)))
    }

    /// A byte that was never written; `ask` says from where and how wide the caller's memory is asked for.
    fn unwritten(
        &mut self,
        object: ObjectId,
        at: i64,
        ask: (i64, Option<u32>),
    ) -> Result<Option<Byte>> {
        let below = |end: u128| u128::try_from(at).is_ok_and(|at| at < end) || end == u128::MAX;
        let block = match self.object(object).unwritten {
            Unwritten::Undef => return Ok(Some(Byte::Undef)),
            Unwritten::Zero(end) => {
                return Ok(Some(if below(end) {
                    Byte::Number(0)
                } else {
                    Byte::Undef
                }));
            }
            Unwritten::Caller(_, end) if !below(end) => return Ok(Some(Byte::Undef)),
            Unwritten::Caller(block, _) => block,
        };
        let original = object == ObjectId::Caller(block);
        if !original && !self.case.inputs.lies_in(block, at, at + 1)? {
            return Ok(Some(Byte::Undef));
        }
        if let Some((byte, _)) = self.case.inputs.byte(block, at) {
            return Ok(Some(byte.map_or(Byte::Poison, Byte::Number)));
        }
        let (from, Some(width)) = ask else {
            return Ok(None);
        };
        let whole = (from..from + i64::from(width.div_ceil(8)))
            .all(|at| self.case.inputs.byte(block, at).is_none());
        let (offset, width) = if whole && width != 8 {
            (from, width)
        } else {
            (at, 8)
        };
        let key = Key::Content {
            block,
            offset,
            width,
        };
        Err(self
            .case
            .inputs
            .ask_number(self.case.facts, key, width)
            .into())
    }
}

fn breaks_noalias(touches: &[Touch], parameter: usize) -> bool {
    let based = |touch: &&Touch| touch.through == Some(parameter);
    touches.iter().filter(based).any(|one| {
        touches.iter().filter(|other| !based(other)).any(|other| {
            let Some((from, to)) = one.common(other) else {
                return false;
            };
            let both = Touch { from, to, ..*one };
            touches
                .iter()
                .any(|touch| touch.writes && touch.common(&both).is_some())
        })
    })
}

//! Calls: the malloc family under each semantics, and functions that touch nothing.

use super::{Event, Machine, Result, Side, refused, undefined};
use crate::input::Key;
use crate::ir::{Call, Callee, Instruction, Parameter, Type};
use crate::memory::{Object, Size, Unwritten};
use crate::semantics::{ENOMEM, Effect, HUGE, Semantics};
use crate::value::{ObjectId, Origin, Pointer, Value};

/// What `malloc` aligns to.
const MALLOC_ALIGN: u64 = 16;

/// The error that an allocation function returns or leaves.
fn enomem() -> Value {
    Value::int(32, ENOMEM)
}

impl Machine<'_> {
    /// Makes a call; nothing is returned where nothing is.
    pub(super) fn call(&mut self, at: &Instruction, call: &Call) -> Result<Option<Value>> {
        let mut values = Vec::new();
        for (operand, promises) in &call.arguments {
            let value = self.read(operand)?;
            values.push(match call.callee {
                Callee::Pure => self.promised(at, value, promises)?,
                _ => self.argument(at, value, promises)?,
            });
        }
        let result = match &call.callee {
            Callee::ErrnoLocation => Value::Pointer(Pointer::to(ObjectId::Errno)),
            Callee::Pure => self.pure(at, call, &values)?,
            Callee::Free => {
                self.free(at, &values[0])?;
                self.event(at, call, "frees", &values);
                let effect = self.case.semantics.of_the_others();
                self.effect(at, call, effect)?;
                return Ok(None);
            }
            Callee::Malloc => {
                let size = u128::from(number(at, &values[0])?);
                self.serve(at, call, &values, size, Unwritten::Undef)?
            }
            Callee::Calloc => {
                let size = product(at, &values)?;
                self.serve(at, call, &values, size, Unwritten::Zero(size))?
            }
            Callee::Allocator { size, zeroed } => {
                let factors: Vec<Value> = size.iter().map(|&index| values[index].clone()).collect();
                let size = product(at, &factors)?;
                let unwritten = if *zeroed {
                    Unwritten::Zero(size)
                } else {
                    Unwritten::Undef
                };
                self.serve(at, call, &values, size, unwritten)?
            }
            Callee::Realloc => self.realloc(at, call, &values)?,
            Callee::PosixMemalign => self.posix_memalign(at, call, &values)?,
        };
        self.promised(at, result, &call.result).map(Some)
    }

    /// An allocation that gives a pointer or null.
    fn serve(
        &mut self,
        at: &Instruction,
        call: &Call,
        values: &[Value],
        size: u128,
        unwritten: Unwritten,
    ) -> Result<Value> {
        let granted = self.grant(at, call, values, size)?;
        let semantics = self.case.semantics;
        let Some(object) = granted else {
            self.effect(at, call, semantics.after_failure())?;
            return Ok(Value::Pointer(Pointer::NULL));
        };
        let mut new = Object::new(size, MALLOC_ALIGN);
        new.unwritten = unwritten;
        self.objects.insert(object, new);
        self.effect(at, call, semantics.after_success())?;
        Ok(Value::Pointer(Pointer::to(object)))
    }

    /// Decides whether a request is granted, and names the object if it is.
    fn grant(
        &mut self,
        at: &Instruction,
        call: &Call,
        values: &[Value],
        size: u128,
    ) -> Result<Option<ObjectId>> {
        let huge = size >= HUGE;
        let index = self.calls;
        self.calls += 1;
        let (granted, how) = match self.case.semantics {
            Semantics::NeverFails => (true, "succeeds"),
            Semantics::Elision if huge && self.choices.choose(2) == 0 => {
                (true, "is served by the virtual allocator")
            }
            _ if huge => (false, "fails, as it must"),
            Semantics::Schedule if self.case.inputs.truth(Key::Bit(index))? => {
                (false, "fails, as the schedule has it")
            }
            Semantics::Schedule => (true, "succeeds"),
            _ if self.choices.choose(2) == 0 => (true, "succeeds"),
            _ => (false, "fails"),
        };
        self.event(at, call, how, values);
        Ok(granted.then_some(ObjectId::Heap(index)))
    }

    fn event(&mut self, at: &Instruction, call: &Call, did: &'static str, values: &[Value]) {
        self.events.push(Event {
            line: at.line,
            name: call.name.clone(),
            arguments: values.to_vec(),
            did,
            errno: None,
        });
    }

    /// What a call does to errno.
    fn effect(&mut self, at: &Instruction, call: &Call, effect: Effect) -> Result<()> {
        let value = match effect {
            Effect::Keeps => return Ok(()),
            Effect::KeepsOrNonZero | Effect::Any if self.may_wait(call) => {
                let event = self.events.len().saturating_sub(1);
                self.open = Some((effect, event));
                return Ok(());
            }
            Effect::KeepsOrNonZero | Effect::Any => match self.chosen(effect) {
                Some(value) => value,
                None => return Ok(()),
            },
            Effect::Enomem => enomem(),
            Effect::Unknown => {
                let target = self.side == Side::Target;
                let call = self.failures;
                self.failures += 1;
                let key = Key::Unknown { target, call };
                self.case.inputs.number(self.case.facts, key, 32)?
            }
        };
        if !call.may_write_errno {
            return undefined(
                at,
                &format!(
                    "memory(…) says that {} does not write errno, and it does",
                    call.name
                ),
            );
        }
        self.met.meet(&value);
        self.touch(at, ObjectId::Errno, (0, 4), None, true)?;
        if let Some(event) = self.events.last_mut() {
            event.errno = Some(value.clone());
        }
        self.write(ObjectId::Errno, 0, 4, &value);
        Ok(())
    }

    /// Whether a free choice may be made when errno is looked at: whether nothing hangs on its being written.
    ///
    /// Most choices are written over before anybody looks, and need not be made at all. Of two that wait the second
    /// leaves what the first may leave, or again any value that is not zero: the two are one.
    fn may_wait(&self, call: &Call) -> bool {
        let noalias = |parameter: &Parameter| parameter.promises.noalias;
        call.may_write_errno && !self.function.parameters.iter().any(noalias)
    }

    fn chosen(&mut self, effect: Effect) -> Option<Value> {
        match effect {
            Effect::Any => self.any_number(32, false, 0),
            _ => self.any_number(32, true, 1),
        }
    }

    /// Makes the choice of errno that waits, for somebody looks.
    pub(super) fn settle(&mut self) {
        let Some((effect, event)) = self.open.take() else {
            return;
        };
        if let Some(value) = self.chosen(effect) {
            self.object(ObjectId::Errno).write(0, 4, &value);
            if let Some(event) = self.events.get_mut(event) {
                event.errno = Some(value);
            }
        }
    }

    /// One of all numbers of a width, or of all but zero; `others` more ways are none of them.
    pub(super) fn any_number(
        &mut self,
        width: u32,
        not_zero: bool,
        others: usize,
    ) -> Option<Value> {
        let chosen = |bits| Value::Int {
            width,
            bits,
            origin: Origin::Chosen,
        };
        let known = self
            .case
            .numbers
            .known(width)
            .filter(|&bits| bits != 0 || !not_zero);
        let mut ways: Vec<Value> = known.map(chosen).collect();
        let taken = |of: &&Value| matches!(of, Value::Atom { width: other, .. } if *other == width);
        ways.extend(self.atoms.iter().filter(taken).cloned());
        let old = ways.len();
        for gap in self.case.numbers.gaps(width) {
            let index = self.atoms.iter().filter(|atom| matches!(atom, Value::Atom { width: other, gap: of, .. } if *other == width && *of == gap)).count();
            ways.push(Value::Atom { width, gap, index });
        }
        let way = self
            .choices
            .choose(others + ways.len())
            .checked_sub(others)?;
        let value = ways.swap_remove(way);
        if way >= old {
            self.atoms.push(value.clone());
        }
        Some(value)
    }

    fn free(&mut self, at: &Instruction, value: &Value) -> Result<()> {
        let Value::Pointer(pointer) = value else {
            return refused(at, "frees what is no pointer");
        };
        if *pointer == Pointer::NULL {
            return Ok(());
        }
        let object = self.owned(at, pointer)?;
        self.touch(at, object, (i64::MIN, i64::MAX), pointer.through, true)?;
        self.object(object).live = false;
        Ok(())
    }

    /// The block that malloc gave and that begins here.
    fn owned(&mut self, at: &Instruction, pointer: &Pointer) -> Result<ObjectId> {
        let Some(object) = pointer.object else {
            return undefined(at, "frees what is no block");
        };
        let owned = self.object(object).live
            && pointer.offset == 0
            && match object {
                ObjectId::Heap(_) => true,
                ObjectId::Caller(block) => self.case.inputs.freeable(block)?,
                ObjectId::Errno | ObjectId::Stack(_) => false,
            };
        if owned {
            return Ok(object);
        }
        undefined(
            at,
            &format!("frees {pointer}, which is no block of malloc's that is live"),
        )
    }

    fn realloc(&mut self, at: &Instruction, call: &Call, values: &[Value]) -> Result<Value> {
        let size = u128::from(number(at, &values[1])?);
        let Value::Pointer(pointer) = &values[0] else {
            return refused(at, "resizes what is no pointer");
        };
        if *pointer == Pointer::NULL {
            return self.serve(at, call, values, size, Unwritten::Undef);
        }
        if size == 0 {
            return refused(at, "realloc(p, 0) means something else in every standard");
        }
        let old = self.owned(at, pointer)?;
        let granted = self.grant(at, call, values, size)?;
        let semantics = self.case.semantics;
        let Some(object) = granted else {
            self.effect(at, call, semantics.after_failure())?;
            return Ok(Value::Pointer(Pointer::NULL));
        };
        self.touch(at, old, (i64::MIN, i64::MAX), pointer.through, true)?;
        let copy = moved(self.object(old), size);
        self.object(old).live = false;
        self.objects.insert(object, copy);
        self.effect(at, call, semantics.after_success())?;
        Ok(Value::Pointer(Pointer::to(object)))
    }

    fn posix_memalign(&mut self, at: &Instruction, call: &Call, values: &[Value]) -> Result<Value> {
        let align = number(at, &values[1])?;
        let size = u128::from(number(at, &values[2])?);
        if !align.is_power_of_two() || align % 8 != 0 || align > 1 << 20 {
            return refused(at, "the alignment is to be a power of two from 8 to 2^20");
        }
        let Value::Pointer(place) = &values[0] else {
            return refused(at, "the place of the result is no pointer");
        };
        if !self.accessible(place, 8, 8)? {
            return undefined(at, "posix_memalign cannot write its result");
        }
        if call.tail && matches!(place.object, Some(ObjectId::Stack(_))) {
            return undefined(at, "a call marked tail accesses a stack slot");
        }
        let granted = self.grant(at, call, values, size)?;
        let code = match granted {
            None => enomem(),
            Some(object) => {
                self.objects
                    .insert(object, Object::new(size, align.max(MALLOC_ALIGN)));
                let result = Value::Pointer(Pointer::to(object));
                self.store(at, &Type::Ptr, &result, &values[0], 8)?;
                Value::int(32, 0)
            }
        };
        self.effect(at, call, self.case.semantics.of_the_others())?;
        Ok(code)
    }

    /// A function that touches nothing and always returns: what it returns for these arguments is an input.
    fn pure(&mut self, at: &Instruction, call: &Call, values: &[Value]) -> Result<Value> {
        let Type::Int(width) = call.returns else {
            return refused(at, "returns no integer");
        };
        if values.iter().any(|value| matches!(value, Value::Poison)) {
            return Ok(Value::Poison);
        }
        if values.contains(&Value::Undef) {
            return refused(at, "an argument is read from memory that was never written");
        }
        if values.iter().any(Value::is_free) {
            return Ok(self.formula(call.name.clone(), width, values));
        }
        if values
            .iter()
            .any(|value| matches!(value, Value::Address(_)))
        {
            return refused(at, "an argument is an address");
        }
        let key = Key::Pure {
            name: call.name.clone(),
            width,
            arguments: values.to_vec(),
        };
        Ok(self.case.inputs.number(self.case.facts, key, width)?)
    }
}

/// The block that realloc gives: the bytes that both sizes have, and undef behind them.
fn moved(old: &Object, size: u128) -> Object {
    let mut new = Object::new(size, MALLOC_ALIGN);
    let kept = match old.size {
        Size::Known(known) => known.min(size),
        Size::Asked => size,
    };
    new.unwritten = match old.unwritten {
        Unwritten::Undef => Unwritten::Undef,
        Unwritten::Zero(end) => Unwritten::Zero(end.min(kept)),
        Unwritten::Caller(block, end) => Unwritten::Caller(block, end.min(kept)),
    };
    let within = |at: i64| u128::try_from(at).is_ok_and(|at| at < kept);
    let bytes = old.bytes.iter().filter(|(at, _)| within(**at));
    new.bytes = bytes.map(|(at, byte)| (*at, byte.clone())).collect();
    new
}

/// A size or an alignment.
fn number(at: &Instruction, value: &Value) -> Result<u64> {
    match value {
        Value::Int { bits, .. } => Ok(*bits),
        _ => refused(
            at,
            "a size that follows from what is chosen freely, or from an address",
        ),
    }
}

/// The product of sizes: one that does not fit is huge, not wrapped.
fn product(at: &Instruction, values: &[Value]) -> Result<u128> {
    let mut product = 1_u128;
    for value in values {
        product = product.saturating_mul(u128::from(number(at, value)?));
    }
    Ok(product)
}

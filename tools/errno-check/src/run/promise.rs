//! Promises of attributes: what breaks one becomes poison, or is undefined behaviour.

use super::{Machine, Result, undefined};
use crate::ir::{Instruction, Promises};
use crate::value::{Pointer, Value};

impl Machine<'_> {
    /// Looks at the arguments that something is promised of.
    pub(super) fn enter(&mut self) -> Result<()> {
        for (index, parameter) in self.function.parameters.iter().enumerate() {
            let mut promises = Promises {
                noalias: false,
                ..parameter.promises.clone()
            };
            if self.case.facts.never_poison[index] {
                promises.noundef = false;
            }
            if promises == Promises::default() {
                continue;
            }
            let value = self.read(&crate::ir::Operand::Register(index))?;
            let value = self.kept(
                value,
                &promises,
                &format!("%{}", parameter.name),
                self.function.line,
            )?;
            self.registers[index] = Some(value);
        }
        Ok(())
    }

    /// A value of which something is promised where this instruction stands.
    pub(super) fn promised(
        &mut self,
        at: &Instruction,
        value: Value,
        promises: &Promises,
    ) -> Result<Value> {
        self.kept(value, promises, &at.token, at.line)
    }

    fn kept(&mut self, value: Value, promises: &Promises, of: &str, line: usize) -> Result<Value> {
        let broken = |what: &str| {
            Err(super::Stop::Undefined(format!(
                "line {line}: {what} is not true of {of}"
            )))
        };
        let mut value = value;
        if let Value::Pointer(pointer) = value {
            let misplaced = promises.align > 1 && !self.is_placed(&pointer, promises.align)?;
            if promises.nonnull && pointer == Pointer::NULL || misplaced {
                value = Value::Poison;
            } else if !self.is_dereferenceable(&pointer, promises)? {
                return broken("dereferenceable");
            }
        }
        let dereferenceable = promises.dereferenceable > 0 || promises.dereferenceable_or_null > 0;
        let nothing = matches!(value, Value::Poison | Value::Undef);
        if nothing && dereferenceable {
            return broken("dereferenceable");
        }
        if promises.noundef && !is_defined(&value) {
            return broken("noundef");
        }
        Ok(value)
    }

    fn is_placed(&mut self, pointer: &Pointer, align: u64) -> Result<bool> {
        match pointer.object {
            Some(object) => self.is_aligned(object, pointer.offset, align),
            None => Ok(pointer.offset.rem_euclid(align as i64) == 0),
        }
    }

    fn is_dereferenceable(&mut self, pointer: &Pointer, promises: &Promises) -> Result<bool> {
        let mut bytes = promises.dereferenceable;
        if *pointer != Pointer::NULL {
            bytes = bytes.max(promises.dereferenceable_or_null);
        }
        Ok(bytes == 0 || self.accessible(pointer, bytes, 1)?)
    }

    /// An argument of a function that looks at it: neither poison nor undef.
    pub(super) fn argument(
        &mut self,
        at: &Instruction,
        value: Value,
        promises: &Promises,
    ) -> Result<Value> {
        let value = self.promised(at, value, promises)?;
        if is_defined(&value) {
            return Ok(value);
        }
        undefined(at, "an argument is poison or undef")
    }
}

fn is_defined(value: &Value) -> bool {
    match value {
        Value::Poison | Value::Undef => false,
        Value::Pair(fields) => fields.iter().all(is_defined),
        _ => true,
    }
}

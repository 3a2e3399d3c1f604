//! The functions as the checker holds them: the subset of LLVM's IR, and nothing that has no meaning here.

use std::fmt;

/// A type of the subset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Void,
    /// An integer of 1, 8, 32 or 64 bits.
    Int(u32),
    Ptr,
    /// A structure of two fields, for returning a pair.
    Pair(Box<[Type; 2]>),
    /// Only to name the size of an alloca or the step of a getelementptr.
    Array(u64, Box<Type>),
}

impl Type {
    /// The size in memory, in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Void => 0,
            Self::Int(bits) => u64::from(bits.div_ceil(8)),
            Self::Ptr => 8,
            Self::Pair(fields) => {
                self.offset_of(1) + fields[1].size().next_multiple_of(self.align())
            }
            Self::Array(len, of) => len.saturating_mul(of.size()),
        }
    }

    /// The alignment that the target's C ABI gives it.
    pub(crate) fn align(&self) -> u64 {
        match self {
            Self::Void => 1,
            Self::Int(_) | Self::Ptr => self.size(),
            Self::Pair(fields) => fields[0].align().max(fields[1].align()),
            Self::Array(_, of) => of.align(),
        }
    }

    /// The offset of a field of a pair.
    pub(crate) fn offset_of(&self, field: usize) -> u64 {
        match self {
            Self::Pair(fields) if field == 1 => {
                fields[0].size().next_multiple_of(fields[1].align())
            }
            _ => 0,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Void => write!(f, "void"),
            Self::Int(bits) => write!(f, "i{bits}"),
            Self::Ptr => write!(f, "ptr"),
            Self::Pair(fields) => write!(f, "{{ {}, {} }}", fields[0], fields[1]),
            Self::Array(len, of) => write!(f, "[{len} x {of}]"),
        }
    }
}

/// The index of a register in its function.
pub(crate) type Register = usize;

/// What an instruction reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Register(Register),
    Int { width: u32, bits: u64 },
    Null,
    Poison,
    Undef,
    Pair(Box<[Operand; 2]>),
}

/// Promises on a parameter, an argument or a returned value. A broken one is poison or undefined behaviour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Promises {
    pub(crate) noalias: bool,
    pub(crate) nonnull: bool,
    pub(crate) noundef: bool,
    pub(crate) align: u64,
    pub(crate) dereferenceable: u64,
    pub(crate) dereferenceable_or_null: u64,
}

impl Promises {
    /// Both promises together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            noalias: self.noalias || other.noalias,
            nonnull: self.nonnull || other.nonnull,
            noundef: self.noundef || other.noundef,
            align: self.align.max(other.align),
            dereferenceable: self.dereferenceable.max(other.dereferenceable),
            dereferenceable_or_null: self
                .dereferenceable_or_null
                .max(other.dereferenceable_or_null),
        }
    }

    /// Whether anything is promised that is true or false of pointers alone.
    pub(crate) fn says_of_pointers(&self) -> bool {
        let rest = Self {
            noundef: false,
            ..self.clone()
        };
        rest != Self::default()
    }
}

/// What a function may do to one kind of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

/// The attribute `memory(...)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) argmem: Access,
    pub(crate) inaccessible: Access,
    pub(crate) errno: Access,
    pub(crate) other: Access,
}

/// A function that is called: what it is, and not what it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Callee {
    Malloc,
    Calloc,
    Realloc,
    Free,
    PosixMemalign,
    ErrnoLocation,
    /// A declared function with `allocsize`: the parameters that its size is the product of.
    Allocator {
        size: Vec<usize>,
        zeroed: bool,
    },
    /// A declared function that is `memory(none)`.
    Pure,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) callee: Callee,
    pub(crate) name: String,
    pub(crate) returns: Type,
    pub(crate) arguments: Vec<(Operand, Promises)>,
    pub(crate) result: Promises,
    /// Whether errno may be written, as `memory(...)` has it.
    pub(crate) may_write_errno: bool,
    /// Whether the call is marked `tail`: what is called does not access the caller's stack slots.
    pub(crate) tail: bool,
}

/// What may not be true of the result of an arithmetic instruction; if it is, the result is poison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) nuw: bool,
    pub(crate) nsw: bool,
    pub(crate) nusw: bool,
    pub(crate) exact: bool,
    pub(crate) disjoint: bool,
    pub(crate) nneg: bool,
    pub(crate) samesign: bool,
    pub(crate) inbounds: bool,
}

/// Arithmetic of two integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Shl,
    Lshr,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Eq,
    Ne,
    Ult,
    Ule,
    Ugt,
    Uge,
    Slt,
    Sle,
    Sgt,
    Sge,
}

/// The index of a block in its function.
pub(crate) type Label = usize;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) line: usize,
    /// The token that a refusal names.
    pub(crate) token: String,
    pub(crate) result: Option<Register>,
    pub(crate) kind: Kind,
}

/// What an instruction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Alloca {
        size: u64,
        align: u64,
    },
    Store {
        of: Type,
        value: Operand,
        to: Operand,
        align: u64,
    },
    Load {
        of: Type,
        from: Operand,
        align: u64,
    },
    Offset {
        from: Operand,
        by: i64,
        flags: Flags,
    },
    Compare {
        how: Compare,
        of: Type,
        left: Operand,
        right: Operand,
        flags: Flags,
    },
    Select {
        condition: Operand,
        yes: Operand,
        no: Operand,
    },
    Freeze {
        of: Type,
        value: Operand,
    },
    Binary {
        how: Binary,
        width: u32,
        left: Operand,
        right: Operand,
        flags: Flags,
    },
    Zext {
        from: u32,
        to: u32,
        value: Operand,
        flags: Flags,
    },
    Trunc {
        from: u32,
        to: u32,
        value: Operand,
        flags: Flags,
    },
    PtrToInt {
        to: u32,
        value: Operand,
    },
    Insert {
        into: Operand,
        value: Operand,
        field: usize,
    },
    Extract {
        from: Operand,
        field: usize,
    },
    MulOverflow {
        width: u32,
        left: Operand,
        right: Operand,
    },
    Call(Call),
    Phi {
        arms: Vec<(Operand, Label)>,
    },
    Branch {
        to: Label,
    },
    If {
        condition: Operand,
        yes: Label,
        no: Label,
    },
    Switch {
        width: u32,
        on: Operand,
        cases: Vec<(u64, Label)>,
        otherwise: Label,
    },
    Return {
        value: Option<Operand>,
    },
    Unreachable,
}

impl Kind {
    /// The blocks that control may go to; empty for what does not end a block, and for what ends the function.
    pub(crate) fn targets(&self) -> Vec<Label> {
        match self {
            Self::Branch { to } => vec![*to],
            Self::If { yes, no, .. } => vec![*yes, *no],
            Self::Switch {
                cases, otherwise, ..
            } => cases
                .iter()
                .map(|case| case.1)
                .chain([*otherwise])
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn ends_block(&self) -> bool {
        matches!(self, Self::Return { .. } | Self::Unreachable) || !self.targets().is_empty()
    }

    /// What it reads, but for the arms of a phi.
    pub(crate) fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Store { value, to, .. } => vec![value, to],
            Self::Load { from: value, .. }
            | Self::Offset { from: value, .. }
            | Self::Freeze { value, .. }
            | Self::Zext { value, .. }
            | Self::Trunc { value, .. }
            | Self::PtrToInt { value, .. }
            | Self::Extract { from: value, .. }
            | Self::If {
                condition: value, ..
            }
            | Self::Switch { on: value, .. }
            | Self::Return { value: Some(value) } => vec![value],
            Self::Compare { left, right, .. }
            | Self::Binary { left, right, .. }
            | Self::MulOverflow { left, right, .. }
            | Self::Insert {
                into: left,
                value: right,
                ..
            } => vec![left, right],
            Self::Select { condition, yes, no } => vec![condition, yes, no],
            Self::Call(call) => call.arguments.iter().map(|(value, _)| value).collect(),
            Self::Alloca { .. }
            | Self::Phi { .. }
            | Self::Branch { .. }
            | Self::Return { value: None }
            | Self::Unreachable => Vec::new(),
        }
    }
}

/// A straight run of instructions; the last one ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) code: Vec<Instruction>,
}

/// A parameter: its register has the index of its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) promises: Promises,
}

/// A function; control starts at the first block and goes downward only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) line: usize,
    pub(crate) returns: Type,
    pub(crate) result: Promises,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) blocks: Vec<Block>,
    /// The name of each register.
    pub(crate) registers: Vec<String>,
}

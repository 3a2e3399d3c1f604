//! What a register holds.

use std::fmt;
use std::rc::Rc;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    /// The result of an operation that its promises exclude.
    Poison,
    /// What memory holds that was never written: every reader may see another value.
    Undef,
    /// A number.
    Int {
        width: u32,
        bits: u64,
        origin: Origin,
    },
    /// Some number that somebody chose freely: no constant and no input equals it, and it equals itself.
    ///
    /// It lies in one of the gaps between the numbers that matter, and `index` tells it from others of that gap.
    Atom { width: u32, gap: Gap, index: usize },
    /// The result of arithmetic on a freely chosen number, as the formula that it is.
    Formula(Rc<Formula>),
    /// A pointer.
    Pointer(Pointer),
    /// The number that a pointer is as an address; never zero.
    Address(Pointer),
    /// A structure of two fields.
    Pair(Box<[Value; 2]>),
}

/// Where a number came from. It decides whether its being one of few samples may have decided a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Constants, inputs, and what follows from them.
    Given,
    /// Chosen freely.
    Chosen,
    /// Calculated from what was chosen freely.
    Derived,
}

/// The open interval between two neighbours among the numbers that matter, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Gap {
    pub(crate) above: i128,
    pub(crate) below: i128,
}

impl Gap {
    /// Where nothing orders numbers, all that no constant equals are one gap.
    pub(crate) const ALL: Self = Self {
        above: i128::MIN,
        below: i128::MAX,
    };
}

/// A formula over freely chosen numbers.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Formula {
    pub(crate) operation: String,
    pub(crate) width: u32,
    pub(crate) operands: Vec<Value>,
}

/// An object in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ObjectId {
    /// errno.
    Errno,
    /// What the parameter with this index points to, if nothing that another points to.
    Caller(usize),
    /// The alloca with this register.
    Stack(usize),
    /// What the n-th allocation call gave.
    Heap(usize),
}

/// A pointer: null has no object.
#[derive(Debug, Clone, Copy, Eq)]
pub(crate) struct Pointer {
    pub(crate) object: Option<ObjectId>,
    pub(crate) offset: i64,
    /// The parameter that it is based on, for noalias. It is no part of the pointer's value.
    pub(crate) through: Option<usize>,
}

impl Pointer {
    pub(crate) const NULL: Self = Self {
        object: None,
        offset: 0,
        through: None,
    };

    pub(crate) fn to(object: ObjectId) -> Self {
        Self {
            object: Some(object),
            ..Self::NULL
        }
    }

    fn key(&self) -> (Option<ObjectId>, i64) {
        (self.object, self.offset)
    }
}

impl PartialEq for Pointer {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl std::hash::Hash for Pointer {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for Pointer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pointer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The bits of a number of this width that are all ones.
pub(crate) fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// The signed value of a number of this width.
pub(crate) fn signed(width: u32, bits: u64) -> i64 {
    ((bits << (64 - width)) as i64) >> (64 - width)
}

impl Value {
    pub(crate) fn int(width: u32, bits: u64) -> Self {
        Self::Int {
            width,
            bits: bits & mask(width),
            origin: Origin::Given,
        }
    }

    pub(crate) fn bool(truth: bool) -> Self {
        Self::int(1, u64::from(truth))
    }

    /// How many bytes it takes in memory; pairs and what is no value take none.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Int { width, .. } | Self::Atom { width, .. } => u64::from(width.div_ceil(8)),
            Self::Formula(formula) => u64::from(formula.width.div_ceil(8)),
            Self::Pointer(_) | Self::Address(_) => 8,
            Self::Poison | Self::Undef | Self::Pair(_) => 0,
        }
    }

    /// Whether it was chosen freely, or follows from what was: whether arithmetic on it is a formula or a sample.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Int { origin, .. } => *origin != Origin::Given,
            Self::Atom { .. } | Self::Formula(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno => write!(f, "errno"),
            Self::Caller(parameter) => write!(f, "the caller's block #{parameter}"),
            Self::Stack(_) => write!(f, "a stack slot"),
            Self::Heap(call) => write!(f, "the block of call #{}", call + 1),
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            None => write!(f, "null")?,
            Some(object) => write!(f, "&{object}")?,
        }
        match self.offset {
            0 => Ok(()),
            offset => write!(f, "{offset:+}"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poison => write!(f, "poison"),
            Self::Undef => write!(f, "undef"),
            Self::Int { width: 1, bits, .. } => write!(f, "{}", *bits == 1),
            Self::Int {
                width: 32,
                bits: 12,
                ..
            } => write!(f, "ENOMEM"),
            Self::Int {
                width: 64, bits, ..
            } => write!(f, "{bits}"),
            Self::Int { width, bits, .. } => write!(f, "{}", signed(*width, *bits)),
            Self::Atom { gap, index, .. } => {
                write!(f, "any value #{}", index + 1)?;
                if *gap == Gap::ALL {
                    return Ok(());
                }
                write!(f, " between {} and {}", gap.above, gap.below)
            }
            Self::Formula(formula) => {
                write!(f, "{}(", formula.operation)?;
                for (index, operand) in formula.operands.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{operand}")?;
                }
                write!(f, ")")
            }
            Self::Pointer(pointer) => write!(f, "{pointer}"),
            Self::Address(pointer) => write!(f, "address of {pointer}"),
            Self::Pair(fields) => write!(f, "{{ {}, {} }}", fields[0], fields[1]),
        }
    }
}

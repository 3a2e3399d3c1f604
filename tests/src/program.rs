//! Operation programs: what a caller of an allocator does, as a value.
//!
//! A program can be written by hand, drawn and shrunk by proptest, or decoded from the
//! bytes of a fuzzer. It names blocks by number among those live at that moment, counted
//! round, so that any program makes sense for any allocator and every shrunk one too.

use std::alloc::Layout;
use std::fmt;

use proptest::prelude::*;

use crate::edges;
use crate::subject::Contents;

#[cfg(test)]
mod tests;

/// One step of a program.
///
/// What a subject does not promise is passed over; so are steps that need a block, or a
/// checkpoint, when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Ask for a block.
    Alloc {
        /// The request.
        layout: Layout,
        /// Whether it is to be zeroed.
        contents: Contents,
    },
    /// Make a live block larger.
    Grow {
        /// Which one: its place in order of age, modulo their number.
        block: usize,
        /// By how many bytes.
        extra: usize,
        /// Its align afterwards.
        align: NewAlign,
        /// Whether the new bytes are to be zeroed.
        contents: Contents,
    },
    /// Make a live block smaller.
    Shrink {
        /// Which one: its place in order of age, modulo their number.
        block: usize,
        /// Its new size, modulo the old one plus one.
        to: usize,
        /// Its align afterwards.
        align: NewAlign,
    },
    /// Free a live block.
    Free {
        /// Which one: its place in order of age, modulo their number.
        block: usize,
    },
    /// Remember a position, inside all those remembered before.
    Checkpoint,
    /// Rewind to a remembered position and forget it and those inside it.
    Rewind {
        /// Which one: counted from the innermost, modulo their number.
        scope: usize,
    },
    /// Drop every block.
    Reset,
    /// Move blocks together.
    Defrag,
}

/// The align of a block after grow or shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAlign {
    /// The one it had.
    Same,
    /// This one, if the subject promises to realign.
    To(usize),
}

/// A sequence of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program(pub Vec<Op>);

/// Bytes that make one operation in [`Program::from_bytes`].
const OP_LEN: usize = 4;

impl Program {
    /// Decodes a program from any bytes: each four give one operation, a rest is left out.
    ///
    /// ```text
    ///   | which operation | size: which scale | size: where on it | align, or which block |
    /// ```
    ///
    /// Every input is a valid program, so a fuzzer wastes none.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (ops, _rest) = bytes.as_chunks::<OP_LEN>();
        Program(ops.iter().map(|op| decode(*op)).collect())
    }

    /// Returns a strategy for programs of up to `max_ops` operations.
    pub fn strategy(max_ops: usize) -> impl Strategy<Value = Program> {
        prop::collection::vec(ops(), 0..=max_ops).prop_map(Program)
    }
}

fn decode([kind, scale, fine, pick]: [u8; OP_LEN]) -> Op {
    let size = decode_size(scale, fine);
    let block = usize::from(pick);
    let contents = if kind & 0x80 == 0 {
        Contents::Uninit
    } else {
        Contents::Zeroed
    };
    let align = edges::ALIGNS[usize::from(pick >> 3) % edges::ALIGNS.len()];
    let new_align = if kind & 0x40 == 0 {
        NewAlign::Same
    } else {
        NewAlign::To(align)
    };
    match kind & 0x3f {
        // As many requests as everything else together, and frees in front of the rest:
        // programs then fill the subject slowly and leave holes while they do.
        0..32 => Op::Alloc {
            layout: edges::layout(size, align),
            contents,
        },
        32..46 => Op::Free { block },
        46..52 => Op::Grow {
            block,
            extra: size,
            align: new_align,
            contents,
        },
        52..57 => Op::Shrink {
            block,
            to: size,
            align: new_align,
        },
        57..59 => Op::Defrag,
        59..61 => Op::Checkpoint,
        61..63 => Op::Rewind { scope: block },
        _ => Op::Reset,
    }
}

fn decode_size(scale: u8, fine: u8) -> usize {
    let fine = usize::from(fine);
    match scale {
        0..96 => edges::SIZES[fine % edges::SIZES.len()],
        96..192 => fine,
        192..240 => fine * usize::from(scale - 191),
        240..252 => fine * 257,
        _ => edges::IMPOSSIBLE_SIZES[fine % edges::IMPOSSIBLE_SIZES.len()],
    }
}

fn ops() -> impl Strategy<Value = Op> {
    let any_index = 0..256_usize;
    prop_oneof![
        16 => (sizes(), aligns(), contents()).prop_map(|(size, align, contents)| {
            Op::Alloc { layout: edges::layout(size, align), contents }
        }),
        8 => any_index.clone().prop_map(|block| Op::Free { block }),
        4 => (any_index.clone(), sizes(), new_aligns(), contents()).prop_map(
            |(block, extra, align, contents)| Op::Grow { block, extra, align, contents }
        ),
        4 => (any_index.clone(), sizes(), new_aligns())
            .prop_map(|(block, to, align)| Op::Shrink { block, to, align }),
        1 => Just(Op::Defrag),
        2 => Just(Op::Checkpoint),
        1 => any_index.prop_map(|scope| Op::Rewind { scope }),
        1 => Just(Op::Reset),
    ]
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        12 => 0..256_usize,
        12 => prop::sample::select(&edges::SIZES[..]),
        4 => 0..8192_usize,
        1 => 0..65536_usize,
        1 => prop::sample::select(&edges::IMPOSSIBLE_SIZES[..]),
    ]
}

fn aligns() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => prop::sample::select(&edges::ALIGNS[..5]),
        1 => prop::sample::select(&edges::ALIGNS[..]),
    ]
}

fn new_aligns() -> impl Strategy<Value = NewAlign> {
    prop_oneof![4 => Just(NewAlign::Same), 1 => aligns().prop_map(NewAlign::To)]
}

fn contents() -> impl Strategy<Value = Contents> {
    prop_oneof![3 => Just(Contents::Uninit), 1 => Just(Contents::Zeroed)]
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Alloc { layout, contents } => {
                let (size, align) = (layout.size(), layout.align());
                write!(f, "alloc {size} bytes, align {align}{}", zeroed(*contents))
            }
            Op::Grow {
                block,
                extra,
                align,
                contents,
            } => {
                write!(
                    f,
                    "grow live block {block} by {extra} bytes{align}{}",
                    zeroed(*contents)
                )
            }
            Op::Shrink { block, to, align } => {
                write!(
                    f,
                    "shrink live block {block} to {to} bytes, modulo its size{align}"
                )
            }
            Op::Free { block } => write!(f, "free live block {block}"),
            Op::Checkpoint => f.write_str("checkpoint"),
            Op::Rewind { scope } => write!(f, "rewind scope {scope}"),
            Op::Reset => f.write_str("reset"),
            Op::Defrag => f.write_str("defrag"),
        }
    }
}

impl fmt::Display for NewAlign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewAlign::Same => Ok(()),
            NewAlign::To(align) => write!(f, ", align {align}"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, op) in self.0.iter().enumerate() {
            writeln!(f, "  step {step}: {op}")?;
        }
        Ok(())
    }
}

fn zeroed(contents: Contents) -> &'static str {
    match contents {
        Contents::Uninit => "",
        Contents::Zeroed => ", zeroed",
    }
}

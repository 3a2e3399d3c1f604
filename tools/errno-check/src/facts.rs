//! What a pair says about which inputs matter: its constants, comparisons, offsets and alignments.

use crate::ir::{Compare, Function, Instruction, Kind, Operand, Type};
use crate::refusal::Refusal;
use crate::semantics::ENOMEM;
use crate::value::{mask, signed};
use std::collections::{BTreeMap, BTreeSet};

/// The sizes that 64-bit arguments are tried with: nothing, one, a small one, and three that are huge.
const SIZES: [u64; 6] = [0, 1, 23, 1 << 62, (1 << 63) - 1, 1 << 63];

/// The most distances between two arguments in one block that are tried.
const MOST_DISTANCES: usize = 200;

/// What both sides together make of the inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) parameters: Vec<Type>,
    /// Whether both sides promise that the argument is neither poison nor undef.
    pub(crate) never_poison: Vec<bool>,
    constants: BTreeMap<u32, BTreeSet<u64>>,
    /// Widths at which numbers are told apart by more than equality.
    ordered: BTreeSet<u32>,
    /// Widths at which there is arithmetic.
    calculated: BTreeSet<u32>,
    pub(crate) aligns: BTreeSet<u64>,
    /// Offsets of an argument that points into or about errno.
    pub(crate) errno_offsets: BTreeSet<i64>,
    /// Distances of two arguments that point into one block.
    pub(crate) distances: Vec<i64>,
}

impl Facts {
    pub(crate) fn of(source: &Function, target: &Function) -> Result<Self, Refusal> {
        let mut facts = Self {
            parameters: source.parameters.iter().map(|p| p.of.clone()).collect(),
            never_poison: source
                .parameters
                .iter()
                .zip(&target.parameters)
                .map(|(one, other)| one.promises.noundef && other.promises.noundef)
                .collect(),
            errno_offsets: BTreeSet::from([0]),
            ..Self::default()
        };
        for function in [source, target] {
            for instruction in instructions(function) {
                facts.look(&instruction.kind);
            }
            let promised = function.parameters.iter().map(|p| p.promises.align);
            facts.aligns.extend(promised.chain([function.result.align]));
        }
        facts.aligns.retain(|align| *align > 1);
        facts.distances = distances(source, target)?;
        Ok(facts)
    }

    fn look(&mut self, kind: &Kind) {
        let arms = match kind {
            Kind::Phi { arms } => arms.iter().map(|arm| &arm.0).collect(),
            _ => Vec::new(),
        };
        for operand in kind.operands().into_iter().chain(arms) {
            self.constant(operand);
        }
        match kind {
            Kind::Switch { width, cases, .. } => {
                let of = self.constants.entry(*width).or_default();
                of.extend(cases.iter().map(|case| case.0));
            }
            Kind::Compare {
                how,
                of: Type::Int(width),
                flags,
                ..
            } if flags.samesign || !matches!(how, Compare::Eq | Compare::Ne) => {
                self.ordered.insert(*width);
            }
            Kind::Binary { width, .. } | Kind::MulOverflow { width, .. } => {
                self.calculated.insert(*width);
            }
            Kind::Zext { from, to, .. } | Kind::Trunc { from, to, .. } => {
                self.calculated.extend([*from, *to]);
            }
            Kind::Load { align, .. } | Kind::Store { align, .. } => {
                self.aligns.insert(*align);
            }
            Kind::Offset { by, .. } if *by != 0 => {
                self.errno_offsets.insert(-by);
            }
            Kind::Call(call) => {
                let promised = call.arguments.iter().map(|argument| argument.1.align);
                self.aligns.extend(promised.chain([call.result.align, 8]));
            }
            _ => {}
        }
    }

    fn constant(&mut self, operand: &Operand) {
        match operand {
            Operand::Int { width, bits } => {
                self.constants.entry(*width).or_default().insert(*bits);
            }
            Operand::Pair(fields) => fields.iter().for_each(|field| self.constant(field)),
            _ => {}
        }
    }

    /// Whether numbers of this width are ordered by a comparison.
    pub(crate) fn orders(&self, width: u32) -> bool {
        self.ordered.contains(&width)
    }

    /// Whether arithmetic or an order may tell apart numbers that no constant does.
    pub(crate) fn calculates(&self, width: u32) -> bool {
        self.calculated.contains(&width) || self.orders(width)
    }

    /// The constants of this width, and of other widths where casts may carry them over.
    pub(crate) fn constants(&self, width: u32) -> BTreeSet<u64> {
        let mut found = self.constants.get(&width).cloned().unwrap_or_default();
        if self.calculated.contains(&width) {
            for (&of, numbers) in &self.constants {
                let carried = numbers
                    .iter()
                    .flat_map(|&bits| [bits, signed(of, bits) as u64]);
                found.extend(
                    carried
                        .filter(|&bits| bits <= mask(width) || bits > u64::MAX - mask(width) / 2)
                        .map(|bits| bits & mask(width)),
                );
            }
        }
        found.insert(0);
        if width == 32 {
            found.insert(ENOMEM);
        }
        found
    }

    /// The numbers that an input of this width is tried with, whatever the other inputs are.
    pub(crate) fn samples(&self, width: u32) -> BTreeSet<u64> {
        let mut found = self.constants(width);
        if width == 1 {
            found.extend([0, 1]);
        }
        if width == 64 {
            found.extend(SIZES);
        }
        if width > 1 && self.calculates(width) {
            found.extend([1, mask(width), mask(width) / 2, mask(width) / 2 + 1]);
            let near = found
                .iter()
                .flat_map(|&c| [c.wrapping_add(1), c.wrapping_sub(1)]);
            let near: Vec<_> = near.map(|c| c & mask(width)).collect();
            found.extend(near);
        }
        found
    }
}

fn instructions(function: &Function) -> impl Iterator<Item = &Instruction> {
    function.blocks.iter().flat_map(|block| &block.code)
}

/// How far apart two pointers may be for what is accessed through them to overlap.
fn distances(source: &Function, target: &Function) -> Result<Vec<i64>, Refusal> {
    let pointers = source
        .parameters
        .iter()
        .filter(|p| p.of == Type::Ptr)
        .count();
    if pointers < 2 {
        return Ok(vec![0]);
    }
    let (mut farthest, mut longest, mut step) = (0, 0, i64::MAX);
    for function in [source, target] {
        let mut offsets = 0;
        for instruction in instructions(function) {
            match &instruction.kind {
                Kind::Offset { by, .. } => offsets += by.abs(),
                Kind::Load { of, align, .. } | Kind::Store { of, align, .. } => {
                    longest = longest.max(of.size() as i64);
                    step = step.min(*align as i64);
                }
                Kind::Call(call)
                    if call
                        .arguments
                        .iter()
                        .any(|(argument, _)| matches!(argument, Operand::Register(_))) =>
                {
                    longest = longest.max(8);
                    step = step.min(8);
                }
                _ => {}
            }
        }
        farthest = farthest.max(offsets);
    }
    let steps = (farthest + longest - 1).max(0) / step.max(1);
    if steps as usize > MOST_DISTANCES / 2 {
        let said = "offsets this far leave too many ways in which two arguments may overlap";
        return Err(Refusal::new(target.line, "getelementptr", said));
    }
    let mut found: Vec<i64> = (-steps..=steps).map(|n| n * step).collect();
    found.sort_by_key(|distance| (distance.abs(), *distance));
    Ok(found)
}

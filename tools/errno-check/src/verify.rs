//! What the text of a function must be beyond its grammar: no loops, nothing unreachable, every use after its definition.

use crate::ir::{Function, Kind, Label, Operand, Register};
use crate::refusal::Refusal;
use std::collections::BTreeSet;

/// Checks a function whose names are resolved.
pub(crate) fn function(function: &Function) -> Result<(), Refusal> {
    let order = downward(function)?;
    let before = predecessors(function);
    if let Some(&from) = before[0].first() {
        let block = &function.blocks[from];
        let line = block.code.last().map_or(block.line, |last| last.line);
        return Err(loops(line, &function.blocks[0].name));
    }
    if let Some(lost) = (0..function.blocks.len()).find(|label| !order.contains(label)) {
        let block = &function.blocks[lost];
        return Err(Refusal::new(
            block.line,
            &*block.name,
            "a block that nothing leads to",
        ));
    }
    phis(function, &before)?;
    uses(function, &order, &before)
}

fn loops(line: usize, name: &str) -> Refusal {
    let said = "a way back: functions with loops are refused, for only ways without end bounds are enumerated";
    Refusal::new(line, format!("%{name}"), said)
}

fn targets(function: &Function, label: Label) -> Vec<Label> {
    let last = function.blocks[label].code.last();
    last.map(|last| last.kind.targets()).unwrap_or_default()
}

/// The blocks that can be reached, each before those that it leads to.
fn downward(function: &Function) -> Result<Vec<Label>, Refusal> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Open,
        Done,
    }
    let mut seen = vec![Seen::Not; function.blocks.len()];
    let mut order = Vec::new();
    let mut stack = vec![(0, 0)];
    seen[0] = Seen::Open;
    while let Some((label, next)) = stack.pop() {
        let Some(&target) = targets(function, label).get(next) else {
            seen[label] = Seen::Done;
            order.push(label);
            continue;
        };
        stack.push((label, next + 1));
        match seen[target] {
            Seen::Not => {
                seen[target] = Seen::Open;
                stack.push((target, 0));
            }
            Seen::Open => {
                let line = function.blocks[label]
                    .code
                    .last()
                    .map_or(0, |last| last.line);
                return Err(loops(line, &function.blocks[target].name));
            }
            Seen::Done => {}
        }
    }
    order.reverse();
    Ok(order)
}

/// For each block, the blocks that lead to it; one that leads there by two ways is there once.
fn predecessors(function: &Function) -> Vec<BTreeSet<Label>> {
    let mut before = vec![BTreeSet::new(); function.blocks.len()];
    for label in 0..function.blocks.len() {
        for target in targets(function, label) {
            before[target].insert(label);
        }
    }
    before
}

fn phis(function: &Function, before: &[BTreeSet<Label>]) -> Result<(), Refusal> {
    for (label, block) in function.blocks.iter().enumerate() {
        for instruction in &block.code {
            let Kind::Phi { arms } = &instruction.kind else {
                continue;
            };
            let from: BTreeSet<Label> = arms.iter().map(|arm| arm.1).collect();
            let conflict = arms.iter().any(|one| {
                arms.iter()
                    .any(|other| one.1 == other.1 && one.0 != other.0)
            });
            if from != before[label] || conflict {
                let said = "has an arm for each block that leads here, and no other";
                return Err(Refusal::new(instruction.line, "phi", said));
            }
        }
    }
    Ok(())
}

/// Every register is defined on all ways to where it is used.
fn uses(function: &Function, order: &[Label], before: &[BTreeSet<Label>]) -> Result<(), Refusal> {
    let parameters: BTreeSet<Register> = (0..function.parameters.len()).collect();
    let mut at_end: Vec<BTreeSet<Register>> = vec![BTreeSet::new(); function.blocks.len()];
    for &label in order {
        let mut known: BTreeSet<Register> = before[label]
            .iter()
            .map(|&from| at_end[from].clone())
            .reduce(|one, other| &one & &other)
            .unwrap_or_else(|| parameters.clone());
        for instruction in &function.blocks[label].code {
            let line = instruction.line;
            if let Kind::Phi { arms } = &instruction.kind {
                for (value, from) in arms {
                    known_in(function, &at_end[*from], value, line)?;
                }
            }
            for operand in instruction.kind.operands() {
                known_in(function, &known, operand, line)?;
            }
            known.extend(instruction.result);
        }
        at_end[label] = known;
    }
    Ok(())
}

fn known_in(
    function: &Function,
    known: &BTreeSet<Register>,
    operand: &Operand,
    line: usize,
) -> Result<(), Refusal> {
    match operand {
        Operand::Register(register) if !known.contains(register) => {
            let token = format!("%{}", function.registers[*register]);
            Err(Refusal::new(
                line,
                token,
                "not defined on every way to here",
            ))
        }
        _ => Ok(()),
    }
}

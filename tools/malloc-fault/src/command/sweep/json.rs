//! The report for machines: one object, version 1.

use super::baseline::Baseline;
use crate::channel::rerun;
use crate::command::trace::stack_json;
use crate::sweep::{Budget, Group, Point, Settings, Shape, Swept, symbols};
use crate::symbols::Symbols;
use serde_json::{Value, json};

pub(super) fn report(swept: &Swept, settings: &Settings, baseline: &Baseline) -> Value {
    let reference = &swept.reference;
    let lossy = |words: &[std::ffi::OsString]| {
        words
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    let mut symbols = symbols(reference);
    json!({
        "version": 1,
        "program": settings.program.to_string_lossy(),
        "arguments": lossy(&settings.arguments),
        "calls": reference.trace.calls.len(),
        "threads": reference.trace.threads,
        "processes": reference.trace.processes,
        "deterministic": reference.deterministic,
        "run_ns": u64::try_from(reference.took.as_nanos()).unwrap_or(u64::MAX),
        "sweep_ns": u64::try_from(swept.took.as_nanos()).unwrap_or(u64::MAX),
        "interrupted": swept.interrupted,
        "disturbed": swept.disturbed,
        "points": swept.points.iter().map(|point| self::point(swept, point, &mut symbols)).collect::<Vec<_>>(),
        "groups": swept.groups.iter().map(|group| self::group(group, baseline)).collect::<Vec<_>>(),
        "budgets": swept.budgets.iter().map(budget).collect::<Vec<_>>(),
    })
}

fn point(swept: &Swept, point: &Point, symbols: &mut Symbols) -> Value {
    let call = point.call.map(|index| &swept.reference.trace.calls[index]);
    let trace = &swept.reference.trace;
    let stack = call
        .map(|call| symbols.stack(&trace.stack(call.stack)))
        .unwrap_or_default();
    json!({
        "stack": stack_json(&stack),
        "call": call.map(|call| call.number),
        "process": call.map(|call| call.process),
        "function": call.map(|call| call.kind.name()),
        "size": call.map(|call| call.size),
        "shape": point.shape.to_string(),
        "budget_probe": point.shape.once,
        "verdict": point.verdict.to_string(),
        "ending": point.ending,
        "failed": point.failed,
        "lost_blocks": point.lost.0,
        "lost_bytes": point.lost.1,
        "run_from_the_start": why(point.again),
    })
}

fn why(again: u32) -> Option<&'static str> {
    match again {
        rerun::THREADS => Some("threads"),
        rerun::FORKED => Some("forked"),
        rerun::SHARED => Some("shared"),
        rerun::REFUSED => Some("refused"),
        rerun::MAPPED => Some("mapped"),
        _ => None,
    }
}

fn group(group: &Group, baseline: &Baseline) -> Value {
    json!({
        "verdict": group.verdict.to_string(),
        "ending": group.ending,
        "key": group.key,
        "module": group.module,
        "points": group.points,
        "shapes": group.shapes.iter().map(Shape::to_string).collect::<Vec<_>>(),
        "stack": stack_json(&group.stack),
        "failed_at": stack_json(&group.failed_at),
        "lost_bytes": group.lost_bytes,
        "reproducer": group.reproducer,
        "confirmed": group.confirmed,
        "in_baseline": baseline.lists(&group.key),
    })
}

fn budget(budget: &Budget) -> Value {
    json!({
        "stack": stack_json(&budget.stack),
        "once": budget.once.to_string(),
        "gives_up_after": budget.gives_up_after,
        "words": budget.words(),
        "then": budget.then.to_string(),
        "lost_per_try": budget.lost_per_try,
    })
}

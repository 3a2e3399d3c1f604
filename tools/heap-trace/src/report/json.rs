//! Reports for machines.

use serde_json::{Value, json};

use crate::fault::{Fault, Site, Violation};
use crate::reach::Class;
use crate::record::Origin;
use crate::report::Report;
use crate::stack;
use crate::zone::Wrong;

impl Report {
    /// Return the report as one JSON object.
    ///
    /// ```
    /// let arena = heap_trace::TracedArena::new(arena_core::Arena::new());
    /// arena.alloc(1_u64);
    /// let json = arena.report(&heap_trace::Roots::new().none()).to_json();
    /// assert_eq!(json["classes"]["definitely lost"]["bytes"], 8);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Value {
        let classes: serde_json::Map<String, Value> = Class::ALL
            .iter()
            .map(|&class| {
                let sum = self.sum(class);
                (
                    class.name().to_owned(),
                    json!({ "blocks": sum.blocks, "bytes": sum.bytes }),
                )
            })
            .collect();
        let numbers = &self.numbers;
        json!({
            "of": self.of,
            "clean": self.is_clean(),
            "faults": self.faults.iter().map(fault).collect::<Vec<_>>(),
            "faults_dropped": self.faults_dropped,
            "classes": classes,
            "leaks": self.leaks.iter().map(|leak| json!({
                "class": leak.class.name(),
                "blocks": leak.blocks,
                "bytes": leak.bytes,
                "first": leak.first,
                "allocated": site(leak.origin),
            })).collect::<Vec<_>>(),
            "suppressed": self.suppressed.iter().map(|taken| json!({
                "pattern": taken.pattern,
                "reason": taken.reason,
                "blocks": taken.blocks,
                "bytes": taken.bytes,
                "faults": taken.faults,
            })).collect::<Vec<_>>(),
            "numbers": {
                "allocations": numbers.allocations,
                "frees": numbers.frees,
                "requested": numbers.requested,
                "granted": numbers.granted,
                "committed": numbers.committed,
                "resident": numbers.resident,
                "ledger": numbers.ledger,
            },
            "notes": self.notes,
        })
    }
}

fn fault(fault: &Fault) -> Value {
    let block = fault.block.map(|block| {
        json!({
            "number": block.id,
            "size": block.size,
            "align": block.align(),
            "allocated": site(block.allocated()),
            "freed": site(block.freed()),
        })
    });
    json!({
        "violation": fault.violation.name(),
        "block": block,
        "bytes": wrong(&fault.violation),
        "noticed": site(fault.noticed),
        "text": fault.to_string(),
    })
}

fn wrong(violation: &Violation) -> Value {
    let (Violation::Overflow(wrong)
    | Violation::Underflow(wrong)
    | Violation::UseAfterFree(wrong)
    | Violation::UseAfterReset(wrong)) = violation
    else {
        return Value::Null;
    };
    let Wrong {
        first,
        count,
        expected,
        ..
    } = wrong;
    json!({ "first": first, "count": count, "expected": expected, "found": wrong.found() })
}

fn site(origin: Origin) -> Value {
    if origin.place.is_none() && origin.stack.is_none() {
        return Value::Null;
    }
    let text = Site(origin).to_string();
    let line = text.lines().next().unwrap_or_default();
    let stack: Vec<Value> = stack::frames(origin.stack)
        .into_iter()
        .map(|frame| json!({ "function": frame.function, "line": frame.line }))
        .collect();
    json!({ "line": line.strip_prefix("at ").unwrap_or(line), "stack": stack })
}

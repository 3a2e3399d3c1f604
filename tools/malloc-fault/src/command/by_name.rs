//! Turns names of the command line into what the interposer compares: stacks into hashes, callers into parts of modules.

use super::arguments::{PlanArguments, Program};
use crate::error::Error;
use crate::plan::{Caller, FaultPlan, StackHit, name_hash};
use crate::symbols::{Named, Symbols};
use crate::trace::Trace;
use object::{Object as _, ObjectSymbol as _};
use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Fills in what the arguments give by name, from a run without failures.
pub(super) fn resolve(
    mut plan: FaultPlan,
    arguments: &PlanArguments,
    program: &Program,
) -> Result<FaultPlan, Error> {
    if arguments.stack.is_none() && arguments.caller.is_none() {
        return Ok(plan);
    }
    let trace = program.launch()?.captured().run()?.trace();
    if let Some(wanted) = &arguments.stack {
        plan.stack = Some(find_stack(&trace, wanted, arguments.hit)?);
    }
    if let Some(wanted) = &arguments.caller {
        plan.filter.caller = Some(find_caller(&trace, wanted)?);
    }
    Ok(plan.check()?)
}

/// The call with this number among those whose stack starts with these names.
fn find_stack(trace: &Trace, wanted: &str, number: u64) -> Result<StackHit, Error> {
    let names: Vec<&str> = wanted.split('<').map(str::trim).collect();
    let mut symbols = Symbols::new(trace.modules.clone());
    let mut starts = HashMap::new();
    let mut hits = HashMap::new();
    let mut seen = 0;
    for call in &trace.calls {
        let stack = trace.stack(call.stack);
        let hit: &mut u64 = hits.entry(stack.hash).or_default();
        *hit += 1;
        let matching = *starts.entry(stack.hash).or_insert_with(|| {
            let named = symbols.stack(&stack);
            named.len() >= names.len()
                && named
                    .iter()
                    .zip(&names)
                    .all(|(frame, name)| matches(frame, name))
        });
        seen += u64::from(matching);
        if matching && seen == number {
            let hash = stack.hash;
            return Ok(StackHit { hash, hit: *hit });
        }
    }
    Err(Error::Refused(format!(
        "the program makes {seen} calls with the stack {wanted:?}, so there is no call {number} of them; \
         `malloc-fault trace` lists all"
    )))
}

/// `function`, `function:line`, or `module+0x…` as a report writes it.
fn matches(frame: &Named, name: &str) -> bool {
    frame.to_string() == name || frame.function == name
}

/// The part of a module that a caller lies in: all of a library, or one function.
fn find_caller(trace: &Trace, wanted: &str) -> Result<Caller, Error> {
    let file_name = |path: &Path| path.file_name().map(|name| name.as_bytes().to_owned());
    for path in &trace.modules {
        let name = file_name(path).unwrap_or_default();
        // The loader has no name for the program itself.
        let module = name_hash(if path == &trace.program { b"" } else { &name });
        if name == wanted.as_bytes() {
            return Ok(Caller {
                module,
                start: 0,
                end: u64::MAX,
            });
        }
        if let Some((start, end)) = function(path, wanted) {
            return Ok(Caller { module, start, end });
        }
    }
    Err(Error::Refused(format!(
        "no module on any stack of the program is called {wanted:?}, and none has a function of that name"
    )))
}

fn function(path: &Path, wanted: &str) -> Option<(u64, u64)> {
    let bytes = fs::read(path).ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    let symbol = file
        .symbols()
        .chain(file.dynamic_symbols())
        .find(|symbol| symbol.is_definition() && symbol.name() == Ok(wanted))?;
    Some((symbol.address(), symbol.address() + symbol.size().max(1)))
}

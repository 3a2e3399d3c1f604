//! `malloc-fault trace`: the calls of a program, and who made them.

use super::arguments::TraceArguments;
use super::show;
use crate::error::Error;
use crate::symbols::{Named, Symbols};
use crate::trace::{CallSeen, Trace};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

pub(super) fn run(arguments: &TraceArguments) -> Result<ExitCode, Error> {
    let run = arguments.program.launch()?.run()?;
    let trace = run.trace();
    let mut symbols = Symbols::new(trace.modules.clone());
    // Standard output is the program's.
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(File::create(path).map_err(Error::io("writing the list"))?),
        None if arguments.json => Box::new(io::stdout()),
        None => Box::new(io::stderr()),
    };
    let mut out = BufWriter::new(&mut out);
    let written = if arguments.json {
        let ending = show::ending(run.status());
        writeln!(out, "{}", as_json(&trace, &mut symbols, &ending))
    } else {
        list(&mut out, &trace, &mut symbols, arguments.stacks)
    };
    written
        .and_then(|()| out.flush())
        .map_err(Error::io("writing the list"))?;
    Ok(ExitCode::SUCCESS)
}

fn list(out: &mut impl Write, trace: &Trace, symbols: &mut Symbols, whole: bool) -> io::Result<()> {
    for call in &trace.calls {
        let stack = symbols.stack(&trace.stack(call.stack));
        let name = call.kind.name();
        let who = who(call, trace);
        let head = format!("#{:<6} {name:<14} {:>8} bytes{who}", call.number, call.size);
        writeln!(out, "{head}  {}", show::short(&stack))?;
        for named in stack.iter().filter(|_| whole) {
            writeln!(out, "        {}", place(named))?;
        }
    }
    let bytes: u64 = trace.calls.iter().map(|call| call.size).sum();
    writeln!(
        out,
        "{} calls, {bytes} bytes, {} thread{}, {} process{}",
        trace.calls.len() as u64 + trace.calls_lost,
        trace.threads,
        if trace.threads == 1 { "" } else { "s" },
        trace.processes,
        if trace.processes == 1 { "" } else { "es" },
    )?;
    if trace.calls_lost > 0 {
        writeln!(
            out,
            "the last {} calls found no room in the list",
            trace.calls_lost
        )?;
    }
    Ok(())
}

/// The thread and the process, where there is more than one.
fn who(call: &CallSeen, trace: &Trace) -> String {
    let thread = (trace.threads > 1).then(|| format!(" thread {}", call.thread));
    let process = (trace.processes > 1).then(|| format!(" process {}", call.process));
    [thread, process].into_iter().flatten().collect()
}

/// `function (module) file:line`.
pub(super) fn place(named: &Named) -> String {
    let Named {
        module,
        function,
        line,
    } = named;
    match line {
        Some((file, line)) => format!("{function} ({module}) {file}:{line}"),
        None => format!("{function} ({module})"),
    }
}

fn as_json(trace: &Trace, symbols: &mut Symbols, ending: &str) -> Value {
    let calls: Vec<Value> = trace
        .calls
        .iter()
        .map(|call| {
            let stack = trace.stack(call.stack);
            json!({
                "number": call.number,
                "function": call.kind.name(),
                "size": call.size,
                "failure": call.failure,
                "thread": call.thread,
                "process": call.process,
                "resets": call.resets,
                "stack_hash": format!("{:#x}", stack.hash),
                "stack": stack_json(&symbols.stack(&stack)),
            })
        })
        .collect();
    json!({
        "version": 1,
        "ending": ending,
        "threads": trace.threads,
        "processes": trace.processes,
        "calls_not_listed": trace.calls_lost,
        "calls": calls,
    })
}

/// A stack for machines.
pub(crate) fn stack_json(stack: &[Named]) -> Value {
    stack
        .iter()
        .map(|named| {
            json!({
                "module": named.module,
                "function": named.function,
                "file": named.line.as_ref().map(|(file, _)| file),
                "line": named.line.as_ref().map(|(_, line)| line),
            })
        })
        .collect()
}

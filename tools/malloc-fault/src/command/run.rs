//! `malloc-fault run`: one run under one plan.

use super::arguments::RunArguments;
use super::trace::{place, stack_json};
use super::{by_name, print, show};
use crate::error::Error;
use crate::launch::Run;
use crate::plan::FaultPlan;
use crate::symbols::Symbols;
use crate::trace;
use serde_json::json;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn run(arguments: &RunArguments) -> Result<ExitCode, Error> {
    let plan = arguments.plan.plan()?;
    let plan = by_name::resolve(plan, &arguments.plan, &arguments.program)?;
    let mut launch = arguments.program.launch()?.plan(plan);
    if arguments.leaks {
        launch = launch.leaks();
    }
    if let Some(limit) = arguments.limit()? {
        launch = launch.time_limit(limit);
    }
    let run = launch.run()?;
    report(arguments, &plan, &run)?;
    Ok(code(&run))
}

/// The program's own status, as a shell would give it.
fn code(run: &Run) -> ExitCode {
    let status = run.status();
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(u8::try_from(code.unwrap_or(1)).unwrap_or(1))
}

fn report(arguments: &RunArguments, plan: &FaultPlan, run: &Run) -> Result<(), Error> {
    let trace = run.trace();
    let mut symbols = Symbols::new(trace.modules.clone());
    let failed: Vec<_> = trace
        .calls
        .iter()
        .filter(|call| call.failure != 0)
        .collect();
    if arguments.log {
        for call in &trace.calls {
            eprintln!("{}", show::call_lines(call, plan.fail_count));
        }
    }
    let record = &run.channel.points[0];
    let crash = trace::stack(&run.channel, record.crash_stack.load(Relaxed));
    let crashed = run.status().signal().is_some() && record.signal.load(Relaxed) != 0;
    let crash = if crashed {
        symbols.crash(&crash)
    } else {
        Vec::new()
    };
    let lost = (
        record.lost_blocks.load(Relaxed),
        record.lost_bytes.load(Relaxed),
    );
    if arguments.json {
        let failures: Vec<_> = failed
            .iter()
            .map(|call| {
                let stack = symbols.stack(&trace.stack(call.stack));
                json!({"number": call.number, "function": call.kind.name(), "size": call.size, "stack": stack_json(&stack)})
            })
            .collect();
        let object = json!({
            "version": 1,
            "plan": plan.to_string(),
            "calls": trace.calls.len(),
            "failures": failures,
            "ending": show::ending(run.status()),
            "timed_out": run.is_timed_out(),
            "crash": stack_json(&crash),
            "lost_blocks": lost.0,
            "lost_bytes": lost.1,
        });
        return print(&format!("{object}\n"));
    }
    for call in failed.iter().take(8) {
        let stack = symbols.stack(&trace.stack(call.stack));
        let (name, number, size) = (call.kind.name(), call.number, call.size);
        eprintln!(
            "malloc-fault: failed {name} #{number} ({size} bytes)  {}",
            show::short(&stack)
        );
    }
    if failed.len() > 8 {
        eprintln!("malloc-fault: … and {} more", failed.len() - 8);
    }
    let ending = show::ending(run.status());
    let late = if run.is_timed_out() {
        ", ended by the time limit"
    } else {
        ""
    };
    eprintln!(
        "malloc-fault: {} of {} calls failed; {ending}{late}",
        failed.len(),
        trace.calls.len()
    );
    for named in &crash {
        eprintln!("malloc-fault:   {}", place(named));
    }
    if arguments.leaks && record.scanned.load(Relaxed) == 1 {
        eprintln!("malloc-fault: {} blocks lost, {} bytes", lost.0, lost.1);
    }
    Ok(())
}

//! Demo 18: failing only malloc #5 tests nothing, for #6 is the retry.
//!
//! The code under test prints nothing. What it does is seen by malloc-fault's interposer, which is loaded before libc.

mod under_test;

use crate::stage::{Demo, During, Line, Options, Question, Stage, Symbol, Trouble, child, play};
use malloc_fault::symbols::Symbols;
use malloc_fault::trace::{CallSeen, Trace};
use malloc_fault::{FaultPlan, Launch};
use std::process::ExitCode;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "18",
    binary: "18_malloc_retry",
    title: "the fifth malloc fails, and no error path runs",
    question: Question {
        text: "a function makes a log and a file delegate, on a heap that retries. A test fails malloc #5, the \
               delegate's own. Does the function return null?",
        answers: &[
            "yes: there was no memory",
            "no: call #6 is the retry, and it is served",
        ],
        right: 1,
        why: "The test is green, and the error path has not run. To test it, the failure must outlast the retry: fail \
              #5 and #6. Which number is the retry depends on every allocation before it, the heap's own records \
              included: count them, do not guess.",
    },
    next: "the retry succeeded: what does errno say now? (19)",
    run,
    child: Some(under_test::child),
};

/// Exit statuses of the child.
const CREATED: i32 = 10;
const NOTHING: i32 = 11;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

/// The calls of a child that ran under a plan, and how it ended.
struct Seen {
    lines: Vec<String>,
    /// Where each call returns to, as an offset in its module: another in each build.
    places: Vec<u64>,
    failed: Vec<u64>,
    code: Option<i32>,
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Seen from outside: no failure");
    let clean = under(None)?;
    show(stage, &clean);
    stage.expect("clean_created", Some(CREATED), clean.code);
    let delegate = number_of(&clean, "delegate")?;
    let path = number_of(&clean, "path")?;
    stage.expect("delegate_is_call", 5, delegate);

    let masked = attempt(stage, "malloc", delegate, 1)?;
    let refused = attempt(stage, "malloc", delegate, 2)?;
    stage.expect(
        "trace_with_two_failures",
        trace_of_the_lesson(),
        refused.lines.clone(),
    );
    stage.expect("malloc_failed_once", Some(CREATED), masked.code);
    stage.expect("malloc_failed_twice", Some(NOTHING), refused.code);

    let path_masked = attempt(stage, "strdup", path, 1)?;
    let path_refused = attempt(stage, "strdup", path, 2)?;
    stage.expect("strdup_failed_once", Some(CREATED), path_masked.code);
    stage.expect("strdup_failed_twice", Some(NOTHING), path_refused.code);
    stage.paragraph(
        "Each child that returned null checked its own heap before it ended: no block was live. Each that returned a \
         delegate freed it, and then no block was live either.",
    );
    let answers = DEMO.question.answers;
    stage.reveal(answers[usize::from(masked.code == Some(CREATED))]);
    Ok(())
}

/// What the lesson says of the run in which #5 and #6 fail, word by word.
fn trace_of_the_lesson() -> Vec<String> {
    [
        "#1 16 bytes log",
        "#2 56 bytes tracking record",
        "#3 24 bytes other",
        "#4 56 bytes tracking record",
        "#5 24 bytes delegate",
        "#6 24 bytes retry of #5",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Runs the child with a burst of failures, and shows what it did.
fn attempt(stage: &mut Stage, name: &str, number: u64, count: u64) -> Result<Seen, Trouble> {
    let calls = match count {
        1 => format!("only {name} #{number}"),
        _ => format!("{name} #{number} and #{}", number + 1),
    };
    stage.part(&format!("Failing {calls}"));
    let plan = FaultPlan::new(number, count).during("the plan")?;
    let seen = under(Some(plan))?;
    show(stage, &seen);
    let (symbol, said) = match seen.code {
        Some(CREATED) => (
            Symbol::Alloc,
            "a delegate: the failure is masked, the error path did not run".to_owned(),
        ),
        Some(NOTHING) => (
            Symbol::Refused,
            "null: the error path ran; nothing leaks".to_owned(),
        ),
        code => (Symbol::Leak, format!("exit status {code:?}")),
    };
    stage.show(Line::new(symbol, "create").note(format!("returns {said}")));
    Ok(seen)
}

fn show(stage: &mut Stage, seen: &Seen) {
    for (index, line) in seen.lines.iter().enumerate() {
        let failed = seen.failed.contains(&(index as u64 + 1));
        let (symbol, end) = if failed {
            (Symbol::Refused, " → NULL")
        } else {
            (Symbol::Plain, "")
        };
        let place = if stage.wants_addresses() {
            format!(", returns to +{:#x}", seen.places[index])
        } else {
            String::new()
        };
        stage.show(Line::new(symbol, "call").note(format!("{line}{end}{place}")));
    }
}

/// The first call with this label.
fn number_of(seen: &Seen, label: &str) -> Result<u64, Trouble> {
    let position = seen.lines.iter().position(|line| line.ends_with(label));
    let index = position.ok_or_else(|| Trouble::new(format!("no call for {label:?} was seen")))?;
    Ok(index as u64 + 1)
}

// stamp: launch
/// Runs the code under test in a process of its own, with malloc-fault's library loaded before libc.
fn under(plan: Option<FaultPlan>) -> Result<Seen, Trouble> {
    let mut plan = plan.unwrap_or(FaultPlan::NONE);
    plan.filter.after_marker = true; // Rust's own start allocates too: count from the marker
    let launch = Launch::new(child::this_program()).during("the child of demo 18")?;
    let launch = launch.args(["__child", DEMO.number]).captured();
    let run = launch
        .plan(plan)
        .time_limit(child::DEADLINE)
        .run()
        .during("the child of demo 18")?;
    let trace = run.trace();
    // /stamp: launch
    let mut symbols = Symbols::new(trace.modules.clone());
    // A second marker ends the part that counts.
    let counted: Vec<CallSeen> = trace
        .calls
        .iter()
        .filter(|call| call.resets == 1)
        .copied()
        .collect();
    let mut lines: Vec<String> = Vec::new();
    let place = |call: &CallSeen| {
        trace
            .stack(call.stack)
            .frames
            .first()
            .map_or(0, |frame| frame.offset)
    };
    let places = counted.iter().map(place).collect();
    for (index, call) in counted.iter().enumerate() {
        let retried = index.checked_sub(1).map(|before| counted[before]);
        let retried = retried.filter(|before| before.failure != 0 && before.size == call.size);
        let label = match retried {
            Some(before) => format!("retry of #{}", before.number),
            None => label(&mut symbols, &trace, call),
        };
        lines.push(format!("#{} {} bytes {label}", call.number, call.size));
    }
    Ok(Seen {
        lines,
        places,
        failed: counted
            .iter()
            .filter(|call| call.failure != 0)
            .map(|call| call.number)
            .collect(),
        code: run.status().code(),
    })
}

/// What a call is for, by the functions on its stack.
fn label(symbols: &mut Symbols, trace: &Trace, call: &CallSeen) -> String {
    let functions = symbols.stack(&trace.stack(call.stack));
    let found = functions.iter().find_map(|frame| {
        let name = frame
            .function
            .rsplit("::")
            .next()
            .unwrap_or(&frame.function);
        if name == "track" {
            return Some("tracking record".to_owned());
        }
        name.strip_prefix("make_").map(str::to_owned)
    });
    found.unwrap_or_else(|| "unknown".to_owned())
}

//! Demo 19: what errno says after a retry, who may rely on it, and the machine beside the model.

mod machine;

use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use errno_check::{Pair, Semantics, Step, Verdict, Witness, check};
use machine::{End, Program};
use std::process::ExitCode;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "19",
    binary: "19_errno",
    title: "the retry succeeded, and errno says that it failed",
    question: Question {
        text: "errno is 0; malloc fails, is tried again, and succeeds: what does errno say?",
        answers: &[
            "0: the last call was fine",
            "ENOMEM: the failure set it, and a success leaves it",
            "something else: errno means nothing after a success",
        ],
        right: 1,
        why: "That is what this machine does. The C standard would have allowed 0 and any other value as well. So \
              whether a compiler may add such a retry, or take it away, depends on whom you believe.",
    },
    next: "error paths run now: who checks the memory that they touch? (20)",
    run,
    child: Some(machine::child),
};

/// The pair of this demo: one malloc, and a malloc that is tried again once.
const PAIR: &str = include_str!("../../tools/errno-check/pairs/retry-once.ll");

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let seen = failed_once(stage)?;
    let pair = Pair::from_text("retry-once.ll", PAIR).during("reading the pair")?;
    verdicts(stage, &pair);
    told(stage, &pair)?;
    replayed(stage, &pair)?;
    let answers = DEMO.question.answers;
    stage.reveal(match seen.errno {
        0 => answers[0],
        libc::ENOMEM => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// The machine: the first call fails, the second is served.
fn failed_once(stage: &mut Stage) -> Result<End, Trouble> {
    stage.part("On this machine: the first malloc fails, the second is served");
    let end = machine::run(Program::Retrying, &[true, false])?;
    show_calls(stage, &end);
    let note = format!("{}, and errno is {}", end.in_words(), end.errno_in_words());
    let mut line = Line::new(Symbol::Target, "retry").note(note);
    if let Some(address) = end.block {
        line = line
            .bytes(machine::SIZE)
            .at(Place::new("block", address, 0));
    }
    stage.show(line);
    stage.expect("retry_gives_a_block", true, end.block.is_some());
    stage.expect("errno_after_the_retry", libc::ENOMEM, end.errno);
    Ok(end)
}

fn show_calls(stage: &mut Stage, end: &End) {
    for (size, failed) in &end.calls {
        let (symbol, note) = match failed {
            true => (Symbol::Refused, "NULL, errno = ENOMEM"),
            false => (Symbol::Alloc, "served"),
        };
        stage.show(Line::new(symbol, "malloc").bytes(*size).note(note));
    }
}

/// What each semantics assumes, in a few words.
fn assumes(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::IsoC => "the C standard: any call may change errno, but never to 0",
        Semantics::Posix => "a failure sets ENOMEM, a success may set anything but 0",
        Semantics::Quiet => "a failure sets ENOMEM, a success leaves errno",
        Semantics::FreshNondet => "a failure sets any value, a success leaves errno",
        Semantics::Elision => "as Quiet, or a virtual allocator serves the call",
        Semantics::Schedule => "as Quiet, and which calls fail is fixed before",
        Semantics::Untouched => "history: nothing writes errno",
        Semantics::NeverFails => "history: nothing fails",
        Semantics::FreshUnquantified => "history: each failure sets an unknown that must match",
    }
}

/// One pair, all semantics: a row of verdicts.
fn verdicts(stage: &mut Stage, pair: &Pair) {
    stage.part(
        "One question, nine answers: may `malloc(24)` become `malloc(24)`, tried again once?",
    );
    for semantics in Semantics::ALL {
        // stamp: check
        let answer = check(pair, semantics);
        let (symbol, verb) = match &answer.verdict {
            Verdict::Ok => (Symbol::Alloc, "ok"),
            Verdict::No(_) => (Symbol::Refused, "no"),
            Verdict::Unsupported(_) => (Symbol::Leak, "?"),
        };
        // /stamp: check
        let note = format!("{semantics:<17}  {}", assumes(semantics));
        stage.show(Line::new(symbol, verb).note(note));
        stage.expect(
            &format!("verdict_{semantics}"),
            by_hand(semantics),
            answer.verdict.word(),
        );
    }
}

/// The verdicts as the file of the pair has them.
fn by_hand(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::IsoC | Semantics::Posix | Semantics::Untouched | Semantics::NeverFails => "ok",
        _ => "no",
    }
}

fn witness(pair: &Pair, semantics: Semantics) -> Result<Witness, Trouble> {
    match check(pair, semantics).verdict {
        Verdict::No(witness) => Ok(*witness),
        verdict => Err(Trouble::new(format!("{semantics}: {}", verdict.word()))),
    }
}

/// One refusal as a story.
fn told(stage: &mut Stage, pair: &Pair) -> Result<(), Trouble> {
    stage.part("One refusal, told: Quiet");
    let witness = witness(pair, Semantics::Quiet)?;
    let given = format!("errno is {}", witness.errno);
    stage.show(Line::new(Symbol::Plain, "given").note(given));
    end(stage, "retry", &witness.target_calls, &witness.target);
    for (outcome, calls) in &witness.source {
        end(stage, "once", calls, outcome);
    }
    stage.paragraph(
        "A block and ENOMEM together are no end of the program without the retry: there, a block comes with errno as \
         it was.",
    );
    stage.expect("witness_errno", 0, witness.errno);
    stage.expect("witness_ends_of_the_source", 2, witness.source.len());
    Ok(())
}

fn end(stage: &mut Stage, verb: &'static str, calls: &[Step], outcome: &str) {
    for step in calls {
        stage.show(Line::new(Symbol::Plain, verb).note(step.to_string()));
    }
    stage.show(Line::new(Symbol::Plain, verb).note(outcome));
}

/// The witness under a schedule says which calls fail; the machine fails just those.
fn replayed(stage: &mut Stage, pair: &Pair) -> Result<(), Trouble> {
    let witness = witness(pair, Semantics::Schedule)?;
    let digits = machine::digits(&witness.schedule);
    stage.part(&format!(
        "The machine does it: the schedule {digits} of another refusal, replayed"
    ));
    let [(source, _)] = witness.source.as_slice() else {
        return Err(Trouble::new("under a schedule a program has one end"));
    };
    let runs = [
        ("retry", Program::Retrying, &witness.target),
        ("once", Program::Once, source),
    ];
    for (verb, program, model) in runs {
        let end = machine::run(program, &witness.schedule)?;
        let said = format!("{}, errno {}", end.in_words(), end.errno_in_words());
        stage.show(Line::new(Symbol::Plain, verb).note(format!("model:   {model}")));
        stage.show(Line::new(Symbol::Target, verb).note(format!("machine: {said}")));
        stage.expect(
            &format!("model_{verb}"),
            end.as_the_model_says(),
            model.clone(),
        );
    }
    stage.expect("schedule", "10".to_owned(), digits);
    Ok(())
}

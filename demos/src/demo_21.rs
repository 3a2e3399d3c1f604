//! Demo 21: C loses an arena pointer and a result message; what a leak checker says of each.

mod checker;

use crate::stage::bytes::quoted;
use crate::stage::child;
use crate::stage::{Demo, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use checker::{Block, Verdict, judge};
use heap_capi::arena::{ArenaHandle, oth_arena_alloc, oth_arena_create, oth_arena_destroy};
use heap_capi::border::{Outcome, oth_text_free};
use heap_capi::failure::Code;
use std::ffi::{CStr, c_void};
use std::process::ExitCode;
use std::ptr::null_mut;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "21",
    binary: "21_leak_check",
    title: "lost in C: one of two, and why not both",
    question: Question {
        text: "a C program loses the pointer to a block of an arena, and the message of a result; the arena is \
               destroyed. How many blocks are \"definitely lost\"?",
        answers: &[
            "none: the arena takes all along",
            "one: the message",
            "two: both pointers are gone",
        ],
        right: 1,
        why: "A leak checker knows the blocks of malloc. The message is one, and nothing points at it any more. The \
              block of the arena is none: it was the arena's, and went with it.",
    },
    next: "to catch a free twice, what must be remembered, and where? (22)",
    run,
    child: Some(lose_both),
};

/// The size of the arena, and of the block in it.
const CAPACITY: usize = 4096;
const BLOCK: usize = 64;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let lost = by_hand(stage)?;
    four_verdicts(stage);
    with_valgrind(stage, lost);
    let answers = DEMO.question.answers;
    stage.reveal(answers[lost.min(2)]);
    Ok(())
}

// stamp: lose
/// What the C program does, call by call: both pointers are in `variables`, and nowhere else.
fn c_program(arena: *mut ArenaHandle, variables: &mut [usize; 2]) -> Result<(), Trouble> {
    let (mut block, mut refused): (*mut c_void, _) = (null_mut(), null_mut());
    // SAFETY: both places can be written to.
    good(unsafe { oth_arena_alloc(arena, BLOCK, 0, &raw mut block) })?;
    // SAFETY: as above. The arena is too small for this one.
    let outcome = unsafe { oth_arena_alloc(arena, 2 * CAPACITY, 0, &raw mut refused) };
    *variables = [
        block.expose_provenance(),
        outcome.message.expose_provenance(),
    ];
    Ok(())
}
// /stamp: lose

/// A call that has to succeed.
fn good(outcome: Outcome) -> Result<(), Trouble> {
    if outcome.code == Code::Ok {
        return Ok(());
    }
    let code = outcome.code;
    // SAFETY: the message is freed here and nowhere else.
    unsafe { oth_text_free(outcome.message) };
    Err(Trouble::new(format!("the C API says {code:?}")))
}

fn new_arena() -> Result<*mut ArenaHandle, Trouble> {
    let mut arena = null_mut();
    // SAFETY: the place can be written to.
    good(unsafe { oth_arena_create(CAPACITY, &raw mut arena) })?;
    Ok(arena)
}

/// Loses both, and judges as a leak checker does. Returns how many blocks are definitely lost.
fn by_hand(stage: &mut Stage) -> Result<usize, Trouble> {
    stage.part("By hand: two pointers, and a search for them");
    let arena = new_arena()?;
    let mut variables = [0; 2];
    c_program(arena, &mut variables)?;
    let [block, message] = variables;
    let at = Place::new("base", block, 0);
    stage.event(
        Symbol::Alloc,
        "map",
        CAPACITY,
        at,
        "the arena: from mmap, not from malloc",
    );
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        at,
        "variables[0] points here",
    );
    // SAFETY: the message of the refused call, which is not freed yet.
    let said = unsafe { CStr::from_ptr(std::ptr::with_exposed_provenance(message)) };
    let said = said.to_string_lossy().into_owned();
    let len = said.len() + 1;
    stage.show(
        Line::new(Symbol::Refused, "alloc")
            .bytes(2 * CAPACITY)
            .note("refused, with a message"),
    );
    stage.paragraph(&quoted(&said));
    let malloced = [Block {
        name: "message",
        start: message,
        len,
    }];
    show_line(
        stage,
        Symbol::Alloc,
        "malloc",
        len,
        "the message: variables[1] points at it",
    );
    let before = judge(&malloced, &variables);
    stage.expect(
        "reachable_before",
        vec![Verdict::Reachable.words()],
        words(&before),
    );

    variables = [0; 2];
    show_line(
        stage,
        Symbol::Plain,
        "forget",
        16,
        "both variables are overwritten",
    );
    good(oth_arena_destroy(arena))?;
    stage.event(
        Symbol::Unmap,
        "unmap",
        CAPACITY,
        at,
        "the arena is destroyed, and every block with it",
    );

    let after = judge(&malloced, &variables);
    for (block, verdict) in malloced.iter().zip(&after) {
        let note = format!("the {}: {}", block.name, verdict.words());
        show_line(stage, Symbol::Leak, "leak", block.len, &note);
    }
    let lost = after
        .iter()
        .filter(|verdict| **verdict == Verdict::Definitely)
        .count();
    stage
        .say("   the arena's block is in no list: nobody looks for it, and nothing of it is left.");
    stage.expect("definitely_lost", 1, lost);
    stage.expect("lost_bytes", len, malloced[0].len);
    // SAFETY: the one message; the demo itself leaks nothing.
    unsafe { oth_text_free(std::ptr::with_exposed_provenance_mut(message)) };
    Ok(lost)
}

fn show_line(stage: &mut Stage, symbol: Symbol, verb: &'static str, bytes: usize, note: &str) {
    stage.show(Line::new(symbol, verb).bytes(bytes).note(note));
}

fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(|verdict| verdict.words()).collect()
}

/// The four words of a leak checker, each on a block that deserves it; one of them twice.
fn four_verdicts(stage: &mut Stage) {
    stage.part("By hand: five blocks, four words");
    let mut memory = [[0_usize; 8]; 5];
    let base = memory.as_ptr().addr();
    let start_of = |index: usize| base + index * size_of::<[usize; 8]>();
    // The lost parent holds the only pointer to its child.
    memory[3][0] = start_of(4);
    let names = ["kept", "pointed into", "alone", "parent", "child"];
    let blocks: Vec<_> = names
        .into_iter()
        .enumerate()
        .map(|(index, name)| Block {
            name,
            start: start_of(index),
            len: size_of::<[usize; 8]>(),
        })
        .collect();
    let variables = [start_of(0), start_of(1) + 8];
    let verdicts = checker::judge_with(&blocks, &variables, |block| {
        let index = blocks.iter().position(|other| other.start == block.start);
        index.map_or(Vec::new(), |index| memory[index].to_vec())
    });
    for (block, verdict) in blocks.iter().zip(&verdicts) {
        let symbol = if *verdict == Verdict::Reachable {
            Symbol::Picture
        } else {
            Symbol::Leak
        };
        let place = Place::new("base", base, block.start - base);
        stage.event(
            symbol,
            "block",
            block.len,
            place,
            format!("{}: {}", block.name, verdict.words()),
        );
    }
    let expected = [
        Verdict::Reachable,
        Verdict::Possibly,
        Verdict::Definitely,
        Verdict::Definitely,
        Verdict::Indirectly,
    ];
    stage.expect("four_verdicts", words(&expected), words(&verdicts));
}

/// The same program under valgrind, if it is here.
fn with_valgrind(stage: &mut Stage, by_hand: usize) {
    stage.part("With valgrind, if it is here: the same calls in a process of their own");
    let under = ["valgrind", "--leak-check=full", "--log-fd=1"];
    let note = match child::end_under(&under, DEMO.number) {
        Err(_) => {
            "is not here: apt-get install valgrind, then `cargo xtask leaks valgrind`".to_owned()
        }
        Ok(ended) => match lost_blocks(&ended.said) {
            None => "is here, and does not say what is lost".to_owned(),
            Some(blocks) => {
                stage.expect("definitely_lost_by_valgrind", by_hand, blocks);
                format!("says \"definitely lost\" of {blocks}")
            }
        },
    };
    stage.show(Line::new(Symbol::Target, "valgrind").note(note));
}

/// How many blocks valgrind calls definitely lost; it says nothing of them where nothing is lost.
fn lost_blocks(said: &str) -> Option<usize> {
    let summary = said.split("definitely lost: ").nth(1);
    match summary {
        Some(rest) => rest
            .split(" in ")
            .nth(1)?
            .split_whitespace()
            .next()?
            .parse()
            .ok(),
        None => said.contains("no leaks are possible").then_some(0),
    }
}

/// The child: a process that loses both, and ends.
fn lose_both() -> ExitCode {
    let lost = new_arena().and_then(|arena| {
        let mut variables = [0; 2];
        c_program(arena, &mut variables)?;
        std::hint::black_box(&mut variables).fill(0);
        good(oth_arena_destroy(arena))
    });
    match lost {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

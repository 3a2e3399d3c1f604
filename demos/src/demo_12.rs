//! Demo 12: the region goes back to the kernel, and a pointer into it stays behind.
//!
//! The mistake, on arena-core. It does not build, for a block borrows its arena:
//!
//! ```compile_fail,E0505
//! let arena = arena_core::Arena::new();
//! let text = arena.alloc_str("Hello arena");
//! drop(arena); // cannot move out of `arena` because it is borrowed
//! println!("{text}");
//! ```
//!
//! The same in the right order:
//!
//! ```
//! let arena = arena_core::Arena::new();
//! let text = arena.alloc_str("Hello arena");
//! println!("{text}");
//! drop(arena);
//! ```

mod acts;
mod handler;

use crate::demo_09a::TEXTS;
use crate::stage::bytes::quoted;
use crate::stage::child::{self, Ended};
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, pages, play,
};
use arena_core::Policy;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "12",
    binary: "12_use_after_unmap",
    title: "a pointer outlives its region: a crash at best",
    question: Question {
        text: "the arena is unmapped, a pointer into it is kept and read. What comes: a crash, a zero, or a \
               stranger's data?",
        answers: &[
            "a crash, always",
            "zero: the kernel wiped the page",
            "a crash, until something is mapped there; then whatever that is",
        ],
        right: 2,
        why: "A pointer is a number. The processor looks up what is mapped there now, and cannot know that it was \
              something else when the pointer was made.",
    },
    next: "and if the region stays mapped, and only the offset returns? (13)",
    run,
    child: Some(acts::run),
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let crashed = crash(stage)?;
    named(stage)?;
    let strangers_data = stranger(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match (crashed, strangers_data) {
        (true, true) => answers[2],
        (true, false) => answers[0],
        (false, _) => answers[1],
    });
    Ok(())
}

/// Reads after the unmapping, with nothing to catch the fault. Says whether that ended the process.
fn crash(stage: &mut Stage) -> Result<bool, Trouble> {
    stage.part("By hand, in a child process: unmap, then read through the old pointer");
    let ended = child::end_of(DEMO.number, "read")?;
    let report = Report::of(&ended)?;
    let at = |offset| Place::new("base", report.base, offset);
    let kept = report.base + report.kept;
    stage.event(Symbol::Alloc, "map", CAPACITY, at(0), "");
    for (index, text) in TEXTS[..2].iter().enumerate() {
        stage.event(
            Symbol::Alloc,
            "alloc",
            BLOCK,
            at(index * BLOCK),
            quoted(text),
        );
    }
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at(0), "");
    let end = end_in_words(&ended);
    let symbol = symbol_of(&ended);
    stage.event(symbol, "read", 1, at(kept - report.base), end.clone());
    stage.expect("read_after_unmap", SEGV.to_owned(), end);
    stage.expect(
        "last_words_without_handler",
        String::new(),
        report.last_words,
    );
    Ok(is_segv(&ended))
}

/// The same under a handler, and a fault that has nothing to do with the arena.
fn named(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand, in two more child processes: a handler that names the arena");
    let in_arena = format!(
        "use after unmap: offset {BLOCK} of arena {}, {CAPACITY} bytes long",
        quoted(handler::NAME)
    );
    for (act, name, expected) in [
        ("handled", "base", in_arena.as_str()),
        ("elsewhere", "other", "a fault in no arena"),
    ] {
        let ended = child::end_of(DEMO.number, act)?;
        let report = Report::of(&ended)?;
        let place = Place::new(name, report.base, report.kept);
        let end = end_in_words(&ended);
        stage.event(symbol_of(&ended), "read", 1, place, end.clone());
        stage.say(&format!("   the handler: {}", report.last_words));
        stage.expect(&format!("{act}_end"), SEGV.to_owned(), end);
        let words = format!("{act}_last_words");
        stage.expect(&words, expected.to_owned(), report.last_words);
    }
    Ok(())
}

/// What the old pointer reads once a stranger has the address. Says whether it is the stranger's data.
fn stranger(stage: &mut Stage) -> Result<bool, Trouble> {
    stage.part("By hand, in a child process: somebody else maps at the same address");
    let ended = child::end_of(DEMO.number, "stranger")?;
    let report = Report::of(&ended)?;
    let at = |offset| Place::new("base", report.base, offset);
    let text = |name: &str| report.rest[name].as_str().unwrap_or("nothing").to_owned();
    let (kept, mapped) = (at(report.kept), text("mapped"));
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at(0), "");
    let note = format!("by a stranger, MAP_FIXED_NOREPLACE: {mapped}");
    stage.event(Symbol::Target, "mmap", CAPACITY, at(0), note);
    let (fresh, later) = (text("fresh"), text("later"));
    let note = if fresh.is_empty() { "zeros" } else { &fresh };
    let note = format!("the old pointer reads {note}");
    stage.event(Symbol::Picture, "read", BLOCK, kept, note);
    stage.event(
        Symbol::Alloc,
        "write",
        BLOCK,
        kept,
        format!("the stranger: {}", quoted(TEXTS[2])),
    );
    let note = format!("the old pointer reads {}", quoted(&later));
    stage.event(Symbol::Corrupted, "read", BLOCK, kept, note);
    let note = format!("through the old pointer: {}", quoted(TEXTS[0]));
    stage.event(Symbol::Target, "write", BLOCK, kept, note);
    let spoilt = text("spoilt");
    let note = format!("the stranger reads {}", quoted(&spoilt));
    stage.event(Symbol::Corrupted, "read", BLOCK, kept, note);
    let end = end_in_words(&ended);
    stage.say(&format!("   {end}: no fault, no message"));

    stage.expect("mapped_at_the_same_address", "granted".to_owned(), mapped);
    stage.expect("fresh_mapping_reads", String::new(), fresh);
    stage.expect("old_pointer_reads", TEXTS[2].to_owned(), later.clone());
    stage.expect("stranger_reads", TEXTS[0].to_owned(), spoilt);
    stage.expect("silent_end", QUIET.to_owned(), end);
    stage.note(
        "plain_mmap_gives_the_same_address",
        report.rest["came_back"].clone(),
    );
    Ok(later == TEXTS[2])
}

/// With arena-core the mistake does not build. What is left to see is that dropping the arena really unmaps.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: the borrow checker refuses the same mistake");
    // stamp: crate
    let arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    let base = arena.base().addr().get();
    let text = arena.alloc_str(TEXTS[0]);
    let len = text.len(); // the last use of `text`: the borrow ends here
    drop(arena);
    let mapped = pages::is_mapped(base)?;
    // /stamp: crate
    let at = Place::new("base", base, 0);
    stage.event(Symbol::Alloc, "alloc", len, at, quoted(TEXTS[0]));
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at, "the arena is dropped");
    let state = if mapped { "something is" } else { "nothing is" };
    let note = format!("{state} mapped there any more");
    stage.show(Line::new(Symbol::Picture, "pages").note(note));
    stage.paragraph(
        "One use of the text after the drop, and the program does not build: error E0505, cannot move out of \
         `arena` because it is borrowed.",
    );
    stage.expect("crate_mapped_after_drop", false, mapped);
    Ok(())
}

/// What a child said of itself before its end.
struct Report {
    base: usize,
    /// The offset to which the kept pointer leads.
    kept: usize,
    rest: Value,
    /// Everything after the first line: the handler's message, if it spoke.
    last_words: String,
}

impl Report {
    fn of(ended: &Ended) -> Result<Self, Trouble> {
        let mut lines = ended.said.lines();
        let rest: Value = serde_json::from_str(lines.next().unwrap_or_default())
            .during("the report of the child")?;
        let number = |name: &str| {
            let number = rest[name].as_u64().and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(|| Trouble::new(format!("the child did not say its {name}")))
        };
        Ok(Self {
            base: number("base")?,
            kept: number("kept")?,
            last_words: lines.collect::<Vec<_>>().join(" "),
            rest,
        })
    }
}

const SEGV: &str = "SIGSEGV ended the process";
const QUIET: &str = "the process ended well";

fn is_segv(ended: &Ended) -> bool {
    ended.status.signal() == Some(Signal::SIGSEGV as i32)
}

fn symbol_of(ended: &Ended) -> Symbol {
    if is_segv(ended) {
        Symbol::Refused
    } else {
        Symbol::Corrupted
    }
}

fn end_in_words(ended: &Ended) -> String {
    match ended.status {
        status if status.success() => QUIET.to_owned(),
        _ if is_segv(ended) => SEGV.to_owned(),
        status => format!("the process ended with {status}"),
    }
}

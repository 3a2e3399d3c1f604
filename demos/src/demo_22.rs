//! Demo 22: a double free, and what one must remember to see it.

use crate::by_hand::{HandArena, Sharing, full};
use crate::stage::bytes::quoted;
use crate::stage::{Demo, During, Options, Question, Stage, Symbol, Trouble, play};
use std::alloc::Layout;
use std::process::ExitCode;

mod pool;
#[cfg(test)]
mod tests;

use heap_trace::{Roots, Settings, TracedArena, Violation};
use heap_view::{json_lines, map};
use pool::{Free, Pool};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "22",
    binary: "22_double_free_detector",
    title: "a double free, and what must be remembered to see it",
    question: Question {
        text: "free p, allocate q, which gets the same place, free p again. The heap has no memory of its blocks but \
               a list of free places: how many errors does it see?",
        answers: &[
            "one: p was free already",
            "none, and q's place is given to the next who asks",
            "one, when q is freed at the end",
        ],
        right: 1,
        why: "A pointer is an address, and p and q are the same one. The second free of p frees q. The next block \
              lies on top of q, and whoever writes last is right. A table of live addresses would not help: the \
              address is live. Only a place that is not used again at once can show that p was free.",
    },
    next: "a table remembered the blocks; in a header before each, what else can 24 bytes do? (23)",
    run,
    child: None,
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 32;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let seen = without_memory(stage)?;
    with_a_table(stage)?;
    with_a_quarantine(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match seen {
        (0, true) => answers[1],
        (1, false) => answers[0],
        _ => answers[2],
    });
    Ok(())
}

/// Frees p twice, with q born in between. Returns how many errors were seen, and whether q was lost.
fn without_memory(stage: &mut Stage) -> Result<(usize, bool), Trouble> {
    stage.part("By hand: a list of free places, and no memory of blocks");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let mut pool = Pool::without_memory();
    let p = put(stage, &mut arena, &mut pool, "p", "First block ok.")?;
    let first = free(stage, &arena, &mut pool, "p", p);
    let q = put(stage, &mut arena, &mut pool, "q", "Second block too.")?;
    let second = free(stage, &arena, &mut pool, "p again", p);
    let r = put(stage, &mut arena, &mut pool, "r", "This is not malloc")?;
    let mut bytes = [0; BLOCK];
    arena.read_into(q, &mut bytes);
    let read = crate::stage::bytes::c_string(&bytes);
    let note = format!("q wrote \"Second block too.\" and reads {}", quoted(&read));
    stage.event(Symbol::Corrupted, "read", BLOCK, arena.at(q), note);
    stage.expect("places", vec![0, 0, 0], vec![p, q, r]);
    stage.expect("q_reads", "This is not malloc".to_owned(), read.clone());
    let errors = [first, second]
        .iter()
        .filter(|free| **free != Free::Taken)
        .count();
    stage.expect("errors_without_memory", 0, errors);
    Ok((errors, read != "Second block too."))
}

/// A table of live blocks sees three mistakes, and not the fourth.
fn with_a_table(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: a table of the live blocks");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut pool = Pool::with_table();
    let a = put(stage, &mut arena, &mut pool, "a", "First block ok.")?;
    put(stage, &mut arena, &mut pool, "b", "Second block too.")?;
    let mut seen = vec![
        free(stage, &arena, &mut pool, "inside of a", a + 8),
        free(stage, &arena, &mut pool, "of nowhere", 2048),
        free(stage, &arena, &mut pool, "a", a),
        free(stage, &arena, &mut pool, "a again", a),
    ];
    let q = put(stage, &mut arena, &mut pool, "q", "in a's place")?;
    seen.push(free(stage, &arena, &mut pool, "a once more", a));
    let names: Vec<&str> = seen.iter().map(|free| free.name()).collect();
    let expected = ["interior", "foreign", "taken", "double", "taken"];
    stage.expect("table_says", expected.to_vec(), names);
    stage.expect("q_in_the_place_of_a", a, q);
    stage.paragraph(
        "The table is asked for an address, and the address is live again. What it cannot see is who asks.",
    );
    Ok(())
}

/// A place that is not used again at once keeps its old owner's name for a while.
fn with_a_quarantine(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: a quarantine, and poison in what is there");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut pool = Pool::with_quarantine(4);
    let p = put(stage, &mut arena, &mut pool, "p", "First block ok.")?;
    free(stage, &arena, &mut pool, "p", p);
    arena.write(p, &[pool::POISON; BLOCK]);
    let q = put(stage, &mut arena, &mut pool, "q", "Second block too.")?;
    let again = free(stage, &arena, &mut pool, "p again", p);
    stage.expect("quarantine_says", "double", again.name());
    stage.expect("q_has_a_place_of_its_own", BLOCK, q);
    arena.write(p + 4, b"!");
    stage.event(
        Symbol::Target,
        "write",
        1,
        arena.at(p + 4),
        "through p, which is free",
    );
    let spoilt = pool::spoilt(&arena, p);
    let note = "poison is gone from here: use after free";
    stage.event(Symbol::Corrupted, "check", BLOCK, arena.at(p), note);
    stage.expect("spoilt_poison_at", vec![4], spoilt);
    Ok(())
}

/// The same on heap-trace, which remembers lines as well.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With heap-trace: table, quarantine and poison, and the lines of code");
    let arena = arena_core::Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    // stamp: crate
    let arena = TracedArena::with(arena, Settings::new().quiet(true).record(100));
    let layout = Layout::new::<[u8; BLOCK]>();
    let p = arena.alloc_layout(layout);
    // SAFETY: p is not used any more, but on purpose: what follows is refused, and p's place is the
    // tracer's as long as it is quarantined.
    let first = unsafe { arena.free(p, layout) };
    let q = arena.alloc_layout(layout);
    // SAFETY: as above.
    let again = unsafe { arena.free(p, layout) };
    // SAFETY: within q.
    let inside = unsafe { q.byte_add(8) };
    // SAFETY: refused.
    let inside = unsafe { arena.free(inside, layout) };
    // SAFETY: as above.
    unsafe { p.write(b'!') };
    let report = arena.report(&Roots::new());
    // /stamp: crate
    stage.expect("crate_first_free", true, first.is_ok());
    stage.expect(
        "crate_second_free",
        true,
        again == Err(Violation::DoubleFree),
    );
    stage.expect(
        "crate_interior_free",
        true,
        inside == Err(Violation::InteriorFree { offset: 8 }),
    );
    let names: Vec<&str> = report
        .faults
        .iter()
        .map(|fault| fault.violation.name())
        .collect();
    stage.expect(
        "crate_faults",
        vec!["double free", "invalid free", "use after free"],
        names,
    );
    for fault in &report.faults {
        for line in fault.to_string().lines() {
            stage.say(&format!("   {}", without_line_numbers(line)));
        }
    }
    a_recording(stage, &arena)
}

/// What the tracer wrote down call by call, drawn.
fn a_recording(stage: &mut Stage, arena: &TracedArena) -> Result<(), Trouble> {
    stage.part("The same as a recording: every call, in order, and a map of the end");
    // stamp: recording
    let recording = arena.recording();
    let mut file = Vec::new();
    json_lines::write(&recording, &mut file).during("writing the recording")?;
    let opened = json_lines::read(&file[..]).during("reading it back")?;
    let map = map::render(&opened, opened.events.len(), map::Look::default());
    // /stamp: recording
    stage.expect("recorded_events", 7, opened.events.len());
    for line in map.during("drawing the map")?.lines() {
        stage.say(&format!("   {}", without_line_numbers(line)));
    }
    Ok(())
}

/// A report's line as it is, but for the numbers of the line and column, which change with this file.
fn without_line_numbers(line: &str) -> String {
    match line.split_once(".rs:") {
        Some((path, _)) => format!("{path}.rs"),
        None => line.to_owned(),
    }
}

fn put(
    stage: &mut Stage,
    arena: &mut HandArena,
    pool: &mut Pool,
    name: &str,
    text: &str,
) -> Result<usize, Trouble> {
    let place = pool.alloc(arena).ok_or_else(full)?;
    arena.write(place, &crate::by_hand::c_bytes(text));
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        arena.at(place),
        format!("{name}: {}", quoted(text)),
    );
    Ok(place)
}

fn free(stage: &mut Stage, arena: &HandArena, pool: &mut Pool, name: &str, place: usize) -> Free {
    let free = pool.free(place);
    let (symbol, note) = match free {
        Free::Taken => (Symbol::Plain, format!("{name}: taken back")),
        refused => (Symbol::Refused, format!("{name}: {}", refused.words())),
    };
    stage.event(symbol, "free", BLOCK, arena.at(place), note);
    free
}

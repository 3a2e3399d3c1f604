//! Demo 20: one byte past a block of an arena: who sees it?

use crate::by_hand::{HandArena, Sharing, c_bytes, full};
use crate::stage::bytes::{c_string, quoted};
use crate::stage::load::store;
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, child, play,
};
use arena_core::region::{Access, Region, page_size};
use heap_trace::{Method, Roots, Settings, TracedArena};
use nix::sys::resource::{Resource, setrlimit};
use std::alloc::Layout;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;

mod tools;

use tools::{TOOLS, Verdict};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "20",
    binary: "20_overflow_tools",
    title: "one byte past a block, and who sees it",
    question: Question {
        text: "one byte is written past the end of an arena's block, into its neighbour. Who sees it: \
               AddressSanitizer, valgrind, a canary, a guard page behind the arena?",
        answers: &[
            "the two tools, at the instruction: that is what they are for",
            "nobody, unless told where a block ends; the canary then sees it late",
            "the guard page: the byte is out of bounds",
        ],
        right: 1,
        why: "To a tool an arena is one mapping, all of it valid, and its blocks are nothing. Told where blocks end \
              it reports the very instruction. A canary is a way of telling oneself, and looks when it is asked to. A \
              guard page guards the end of a page, and a block seldom ends there.",
    },
    next: "all of this was one program; who looks across the C border? (21)",
    run,
    child: Some(in_child),
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;

/// Bytes between blocks that belong to nobody.
const RED_ZONE: usize = 16;

/// The byte that stands in them.
const CANARY: u8 = 0xfd;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    nobody_looks(stage)?;
    the_tools(stage)?;
    let late = a_canary(stage)?;
    let guarded = a_guard_page(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match (late, guarded) {
        (true, false) => answers[1],
        (_, true) => answers[2],
        _ => answers[0],
    });
    Ok(())
}

/// The write, and its only witness: the neighbour.
fn nobody_looks(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: 65 bytes into a block of 64, and nobody looks");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let block = arena.alloc(BLOCK).ok_or_else(full)?;
    let next = arena.alloc(BLOCK).ok_or_else(full)?;
    arena.write(next, &c_bytes("Neighbour"));
    stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(block), "");
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        arena.at(next),
        quoted("Neighbour"),
    );
    arena.write(block, &[b'x'; BLOCK + 1]);
    stage.event(
        Symbol::Target,
        "write",
        BLOCK + 1,
        arena.at(block),
        "one byte too many",
    );
    let mut bytes = [0; BLOCK];
    arena.read_into(next, &mut bytes);
    let reads = c_string(&bytes);
    stage.event(
        Symbol::Corrupted,
        "hit",
        1,
        arena.at(next),
        format!("reads {}", quoted(&reads)),
    );
    stage.expect("neighbour_reads", "xeighbour".to_owned(), reads);
    Ok(())
}

/// The same in C, built and run here, under each tool that this machine has.
fn the_tools(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("The same in C under each tool, untold and told");
    for tool in TOOLS {
        let [untold, told] = tool.ask()?;
        for (state, verdict, expected) in [
            ("untold", untold, Verdict::Blind),
            ("told", told, Verdict::Reported),
        ] {
            let words = match verdict {
                Verdict::Reported => "reports the instruction".to_owned(),
                Verdict::Blind => "says nothing: one valid mapping".to_owned(),
                Verdict::Missing => tool.missing(),
            };
            stage.say(&format!("   {:<16}  {state:<6}  {words}", tool.name));
            let name = format!("{}_{state}", tool.name.to_lowercase());
            match verdict {
                Verdict::Missing => stage.note(&name, verdict.name()),
                verdict => stage.expect(&name, expected.name(), verdict.name()),
            }
        }
    }
    Ok(())
}

/// Sixteen bytes that nobody has a reason to touch. Returns whether the write was seen, and only later.
fn a_canary(stage: &mut Stage) -> Result<bool, Trouble> {
    stage.part("By hand: a canary between the blocks");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let block = arena.alloc(BLOCK).ok_or_else(full)?;
    let zone = arena.alloc(RED_ZONE).ok_or_else(full)?;
    let next = arena.alloc(BLOCK).ok_or_else(full)?;
    // stamp: canary
    arena.write(zone, &[CANARY; RED_ZONE]);
    let wrong = |arena: &HandArena| {
        let mut bytes = [0; RED_ZONE];
        arena.read_into(zone, &mut bytes);
        bytes.iter().filter(|&&byte| byte != CANARY).count()
    };
    // /stamp: canary
    stage.event(
        Symbol::Plain,
        "zone",
        RED_ZONE,
        arena.at(zone),
        "filled with 0xfd",
    );
    arena.write(block, &[b'x'; BLOCK + 1]);
    stage.event(
        Symbol::Target,
        "write",
        BLOCK + 1,
        arena.at(block),
        "nothing happens",
    );
    let seen = wrong(&arena);
    let note = format!("{seen} byte of the zone is wrong: seen, and too late to say who did it");
    stage.event(Symbol::Corrupted, "check", RED_ZONE, arena.at(zone), note);
    stage.expect("canary_bytes_wrong", 1, seen);
    arena.write(zone, &[CANARY; RED_ZONE]);
    arena.write(next, b"x");
    stage.event(
        Symbol::Target,
        "write",
        1,
        arena.at(next),
        "17 bytes past the block: over the zone",
    );
    let jumped = wrong(&arena);
    stage.event(
        Symbol::Plain,
        "check",
        RED_ZONE,
        arena.at(zone),
        "nothing is wrong here",
    );
    stage.expect("canary_bytes_wrong_after_a_jump", 0, jumped);
    Ok(seen > 0)
}

/// What a guard page behind the region sees: in children, as it ends them. Returns whether one byte is seen.
fn a_guard_page(stage: &mut Stage) -> Result<bool, Trouble> {
    stage.part("By hand, in child processes: a guard page behind the arena");
    let page = page_size();
    let mut seen = Vec::new();
    for (act, offset, note) in [
        ("first", BLOCK, "one byte past the first block"),
        ("end", page, "one byte past the page"),
    ] {
        let ended = child::end_of(DEMO.number, act)?;
        let is_fault = ended.status.signal() == Some(libc::SIGSEGV);
        let (symbol, words) = match is_fault {
            true => (Symbol::Refused, "SIGSEGV"),
            false => (Symbol::Target, "goes through"),
        };
        let place = Place::new("base", 0, if act == "end" { page } else { offset });
        let line = Line::new(symbol, "write")
            .bytes(1)
            .note(format!("{note}: {words}"));
        stage.show(if stage.wants_addresses() {
            line
        } else {
            line.at(place)
        });
        seen.push(is_fault);
    }
    stage.expect("guard_page_sees", vec![false, true], seen.clone());
    Ok(seen[0])
}

/// heap-trace puts a zone, or a guard page, beside every block.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With heap-trace: a canary, or a guard page, beside every block");
    let arena = arena_core::Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    // stamp: crate
    let arena = TracedArena::with(arena, Settings::new().quiet(true));
    let block = arena.alloc_layout(Layout::new::<[u8; BLOCK]>());
    // SAFETY: one byte past the block, in its red zone: the fault to be found.
    let behind = unsafe { block.byte_add(BLOCK) };
    // SAFETY: as above.
    unsafe { behind.write(b'x') };
    let report = arena.report(&Roots::new());
    // /stamp: crate
    let names: Vec<&str> = report
        .faults
        .iter()
        .map(|fault| fault.violation.name())
        .collect();
    stage.expect("crate_canary", vec!["overflow"], names);
    if let Some(fault) = report.faults.first() {
        let text = fault.to_string();
        stage.say(&format!("   {}", text.lines().next().unwrap_or_default()));
    }
    let ended = child::end_of(DEMO.number, "guarded")?;
    let is_fault = ended.status.signal() == Some(libc::SIGSEGV);
    stage.expect("crate_guard_faults", true, is_fault);
    for line in ended.said.lines().take(1) {
        stage.say(&format!("   {line}"));
        stage.say("   and SIGSEGV, at the instruction");
    }
    let reports = ended
        .said
        .contains("overflow: write 0 bytes past the end of block #0 (64 bytes)");
    stage.expect("crate_guard_names_the_block", true, reports);
    Ok(())
}

/// The children, which are to crash, or not.
fn in_child() -> ExitCode {
    // A crash on purpose leaves no core file behind. Refused, it would only cost a file.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let page = page_size();
    let done = match child::act().as_deref() {
        Some("first") => past(BLOCK),
        Some("end") => past(page),
        Some("guarded") => past_a_guarded_block(),
        act => Err(Trouble::new(format!("no part {act:?}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("❌ the child of demo {}: {trouble}", DEMO.number);
            ExitCode::FAILURE
        }
    }
}

// stamp: guard
/// Writes one byte behind a page of blocks, of which only the page's end is guarded.
fn past(offset: usize) -> Result<(), Trouble> {
    let page = page_size();
    let mut region = Region::anonymous(2 * page).during("mapping two pages")?;
    // SAFETY: nobody uses the second page.
    unsafe { region.protect(page..2 * page, Access::None) }.during("guarding the second page")?;
    // SAFETY: this process has one thread; within the region, and where it faults, that is wanted.
    unsafe { store(region.base().addr().get() + offset, b'x') };
    Ok(())
}
// /stamp: guard

/// The same beside a block that ends at a guard page of its own. What the handler says goes to standard output.
fn past_a_guarded_block() -> Result<(), Trouble> {
    // SAFETY: the descriptors are this process's own, and both open.
    unsafe { libc::dup2(libc::STDOUT_FILENO, libc::STDERR_FILENO) };
    let arena = arena_core::Arena::try_new().during("building the arena")?;
    let arena = TracedArena::with(arena, Settings::new().method(Method::GuardAfter));
    let block = arena.alloc_layout(Layout::new::<[u8; BLOCK]>());
    // SAFETY: this process has one thread, and the fault is what is wanted.
    unsafe { store(block.addr().get() + BLOCK, b'x') };
    Ok(())
}

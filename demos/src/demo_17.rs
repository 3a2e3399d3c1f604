//! Demo 17: a bound that wraps grants everything; a bound that holds is of no use to a caller who does not look.

use crate::by_hand::{HandArena, Sharing, full};
use crate::stage::bytes::quoted;
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, child, play,
};
use arena_core::Policy;
use std::alloc::Layout;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::ptr;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "17",
    binary: "17_ignored_null",
    title: "a bound that wraps, and a caller who does not look",
    question: Question {
        text: "offset 64, capacity 4096, ask for usize::MAX - 63 bytes under `offset + size > capacity`: is it refused?",
        answers: &[
            "refused: that is more than there is",
            "granted: the sum wraps to 0",
            "neither: the addition panics",
        ],
        right: 1,
        why: "64 + (2^64 - 64) is 2^64, which is 0 in 64 bits, and 0 is not above 4096. The offset becomes 0 too: the \
              next block begins where the first one lives.",
    },
    next: "and who checks, and tries again: was the error path tested? (18)",
    run,
    child: Some(child),
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block that is asked for in earnest.
const BLOCK: usize = 64;

/// What is asked for in jest.
const HUGE: usize = usize::MAX - 63;

/// The text of the first owner.
const TEXT: &str = "Hello arena";

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

// stamp: bounds
/// The bound as it is often written. In C, and in a release build of Rust, the sum wraps.
fn wrapping_bound(offset: usize, size: usize, capacity: usize) -> Option<usize> {
    let end = offset.wrapping_add(size);
    if end > capacity { None } else { Some(end) }
}

/// The same question without a sum: what is left cannot wrap, for the offset is never above the capacity.
fn honest_bound(offset: usize, size: usize, capacity: usize) -> Option<usize> {
    if size > capacity - offset {
        None
    } else {
        Some(offset + size)
    }
}
// /stamp: bounds

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let granted = wrapped(stage)?;
    refused(stage)?;
    ignored(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(if granted { answers[1] } else { answers[0] });
    Ok(())
}

/// The wrapping bound grants, and the next block lies on the first.
fn wrapped(stage: &mut Stage) -> Result<bool, Trouble> {
    stage.part("By hand: offset + size > capacity");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let mut offset = 0;
    let first = offset;
    offset = wrapping_bound(offset, BLOCK, CAPACITY).ok_or_else(full)?;
    arena.write(first, TEXT.as_bytes());
    stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(first), quoted(TEXT));

    let start = offset;
    let end = wrapping_bound(offset, HUGE, CAPACITY);
    let note = match end {
        Some(end) => format!("{HUGE} B granted; the offset is now {end}"),
        None => format!("{HUGE} B refused"),
    };
    stage.show(
        Line::new(Symbol::Target, "alloc")
            .at(arena.at(start))
            .note(note),
    );
    stage.expect("huge_request_end", Some(0), end);
    offset = end.unwrap_or(offset);

    let next = offset;
    wrapping_bound(offset, BLOCK, CAPACITY).ok_or_else(full)?;
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        arena.at(next),
        "the next block: a second owner of the first bytes",
    );
    arena.write(next, b"HELLO");
    let mut bytes = [0; BLOCK];
    arena.read_into(first, &mut bytes);
    let seen = crate::stage::bytes::c_string(&bytes);
    let note = format!("the first owner reads {}", quoted(&seen));
    stage.event(Symbol::Corrupted, "read", BLOCK, arena.at(first), note);
    stage.expect("next_offset", first, next);
    stage.expect("first_owner_reads", "HELLO arena".to_owned(), seen);
    stage.event(Symbol::Unmap, "unmap", CAPACITY, arena.at(0), "");
    Ok(end.is_some())
}

/// The honest bound refuses, whatever is asked.
fn refused(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: size > capacity - offset");
    let base = HandArena::map(CAPACITY, Sharing::Private)?;
    for (name, size, expected) in [
        ("huge", HUGE, None),
        ("one_too_many", CAPACITY - BLOCK + 1, None),
        ("the_rest", CAPACITY - BLOCK, Some(CAPACITY)),
    ] {
        let end = honest_bound(BLOCK, size, CAPACITY);
        let symbol = if end.is_some() {
            Symbol::Alloc
        } else {
            Symbol::Refused
        };
        let note = match end {
            Some(end) => format!("{size} B granted; the offset is now {end}"),
            None => format!("{size} B refused: {} are left", CAPACITY - BLOCK),
        };
        stage.show(Line::new(symbol, "alloc").at(base.at(BLOCK)).note(note));
        stage.expect(&format!("honest_{name}"), expected, end);
    }
    Ok(())
}

/// Two callers who do not look at the null that they got.
fn ignored(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: null, and a caller who does not look");
    let ended = child::end_of(DEMO.number, "first-byte")?;
    let signal = ended.status.signal();
    let note = if signal == Some(libc::SIGSEGV) {
        "SIGSEGV, in a process of its own"
    } else {
        "no crash"
    };
    stage.show(
        Line::new(Symbol::Refused, "write")
            .at(Place::new("null", 0, 0))
            .note(note),
    );
    stage.expect("write_to_null_signal", Some(libc::SIGSEGV), signal);

    let ended = child::end_of(DEMO.number, "far-field")?;
    let said = ended.said.trim().to_owned();
    let note = format!("p[index] with an index that big: no crash, and a stranger reads {said}");
    stage.show(Line::new(Symbol::Corrupted, "write").note(note));
    stage.expect(
        "write_far_from_null_succeeded",
        true,
        ended.status.success(),
    );
    stage.expect("stranger_reads", quoted("mine!"), said);
    Ok(())
}

/// The parts that may end with a signal.
fn child() -> ExitCode {
    match child::act().as_deref() {
        Some("first-byte") => {
            // stamp: null
            let block: *mut u8 = alloc(HUGE); // null, and nobody looks
            // SAFETY: none. Address 0 is not mapped; this process was made to be ended by it.
            unsafe { block.write_volatile(1) };
            // /stamp: null
        }
        Some("far-field") => match far_field() {
            Ok(text) => println!("{text}"),
            Err(_) => return ExitCode::FAILURE,
        },
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

/// An allocator that keeps its bound.
fn alloc(size: usize) -> *mut u8 {
    match honest_bound(BLOCK, size, CAPACITY) {
        Some(_) => unreachable!("the demo asks for more than there is"),
        None => ptr::null_mut(),
    }
}

/// A stranger's block lies at some address; an index into an array that was refused reaches it.
fn far_field() -> Result<String, Trouble> {
    let mut stranger = HandArena::map(CAPACITY, Sharing::Private)?;
    stranger.write(0, b"yours");
    let array = alloc(HUGE);
    let index = stranger.pointer(0).expose_provenance();
    let field = ptr::with_exposed_provenance_mut::<u8>(array.addr().wrapping_add(index));
    for (offset, byte) in b"mine!".iter().enumerate() {
        // SAFETY: the address is the stranger's, mapped and exposed above; that it is reached from null is the point.
        unsafe { field.wrapping_add(offset).write_volatile(*byte) };
    }
    let mut bytes = [0; 8];
    stranger.read_into(0, &mut bytes);
    Ok(quoted(&crate::stage::bytes::c_string(&bytes)))
}

/// In Rust the answer is a `Result`, and the type of a request cannot be that large.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: a refusal is a value with the numbers in it");
    // stamp: crate
    let arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    arena.alloc([0_u8; BLOCK]);
    let layout = Layout::from_size_align(HUGE, 1); // no layout is larger than isize::MAX
    let refused = arena.try_alloc_layout(Layout::new::<[u8; CAPACITY]>());
    // /stamp: crate
    let note = format!("{HUGE} B: no Layout of this size exists");
    stage.show(Line::new(Symbol::Refused, "layout").note(note));
    stage.expect("layout_of_huge_is_error", true, layout.is_err());
    let said = refused
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    stage.show(
        Line::new(Symbol::Refused, "alloc")
            .bytes(CAPACITY)
            .note("the error says:"),
    );
    stage.paragraph(&said);
    stage.note("crate_refusal", said.clone());
    stage.expect("crate_refused", true, !said.is_empty());
    stage.expect("crate_offset_unchanged", BLOCK, arena.used());
    Ok(())
}

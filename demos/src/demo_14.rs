//! Demo 14: an arena gives bytes back, and drops no value.
//!
//! With arena-core the mistake does not build, for `alloc` asks at compile time whether the type needs drop:
//!
//! ```compile_fail,E0080
//! let arena = arena_core::Arena::new();
//! arena.alloc(String::from("Hello arena")); // this type needs drop, and an arena runs no destructor
//! ```
//!
//! The cure is a word longer:
//!
//! ```
//! let arena = arena_core::Arena::new();
//! arena.alloc_drop(String::from("Hello arena"));
//! ```

use crate::by_hand::{HandArena, Sharing, full};
use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use arena_core::Policy;
use std::process::ExitCode;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "14",
    binary: "14_dropped_values",
    title: "the arena is gone, the Strings are not",
    question: Question {
        text: "1000 Strings of 1 KiB each are put into an arena, then the arena is dropped. How much of them is \
               still live?",
        answers: &[
            "nothing: the arena took them along",
            "24,000 B: the three words of each String",
            "about 1 MB: their text was never in the arena",
        ],
        right: 2,
        why: "A String is three words: pointer, length, capacity. The words lay in the arena and went with it; the \
              text lies in malloc, and nobody called the destructor that frees it.",
    },
    next: "what does an arena itself cost? (15)",
    run,
    child: None,
};

/// How many values.
const GUESTS: usize = 1_000;

/// How much text each of them owns.
const TEXT: usize = 1_024;

/// More than this is "about 1 MB", and less than `LITTLE` is what malloc keeps at hand for the next caller.
const MUCH: usize = 1_000_000;
const LITTLE: usize = 20_000;

/// The size of the region.
const CAPACITY: usize = 65_536;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let held = forgotten(stage)?;
    finalised(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match held {
        held if held > MUCH => answers[2],
        held if held > LITTLE => answers[1],
        _ => answers[0],
    });
    Ok(())
}

/// A String that writes its number into a log when it is dropped.
struct Guest {
    number: usize,
    text: String,
    log: Log,
}

type Log = Arc<Mutex<Vec<usize>>>;

impl Guest {
    fn new(number: usize, log: &Log) -> Self {
        let text = "x".repeat(TEXT);
        let log = Arc::clone(log);
        Self { number, text, log }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(self.number);
    }
}

/// A log with room for every guest, so that writing into it allocates nothing.
fn log() -> Log {
    Arc::new(Mutex::new(Vec::with_capacity(GUESTS)))
}

fn read(log: &Log) -> Vec<usize> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Puts the guests into an arena and drops the arena. Returns how many bytes they still hold in malloc.
fn forgotten(stage: &mut Stage) -> Result<usize, Trouble> {
    stage.part("By hand: values in an arena that only knows bytes");
    let log = log();
    let before = in_malloc();
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    // stamp: forget
    let mut texts = 0;
    for number in 0..GUESTS {
        let start = arena.alloc(size_of::<Guest>()).ok_or_else(full)?;
        let place = arena.pointer(start).cast::<Guest>();
        let guest = Guest::new(number, &log);
        texts += guest.text.len();
        // SAFETY: a fresh block as long as a guest; blocks of one size from an aligned base are aligned.
        unsafe { place.write(guest) };
    }
    // /stamp: forget
    let (used, at) = (arena.used(), arena.at(0));
    let note = format!("{GUESTS} values, each with a String of {TEXT} B");
    stage.event(Symbol::Alloc, "alloc", used, at, note);
    show_held(stage, Symbol::Picture, "malloc", held_since(before));
    drop(arena);
    stage.event(
        Symbol::Unmap,
        "unmap",
        CAPACITY,
        at,
        "with every String in it",
    );

    let (dropped, held) = (read(&log).len(), held_since(before));
    stage.show(Line::new(Symbol::Picture, "drops").note(format!("{dropped} of {GUESTS}")));
    show_held(stage, Symbol::Leak, "leak", held);
    stage.expect("dropped_with_the_arena", 0, dropped);
    stage.note("malloc_holds_bytes", held);
    if let Some(held) = held {
        stage.expect("malloc_holds_much", true, held > MUCH);
    }
    // Where malloc does not say what it holds, the destructors that did not run do.
    Ok(held.unwrap_or(texts * usize::from(dropped == 0)))
}

// stamp: finalisers
/// Drops the value that lies at this place.
type DropHere = unsafe fn(*mut u8);

/// The destructors that an arena owes.
#[derive(Default)]
struct Finalisers {
    /// Where a value lies, and how to drop it: the one thing that the bytes do not say.
    owed: Vec<(usize, DropHere)>,
}

impl Finalisers {
    /// Notes that a `T` lies at this offset.
    fn owe<T>(&mut self, offset: usize) {
        /// # Safety
        ///
        /// A `T` lies here, and nobody uses it again.
        unsafe fn drop_here<T>(place: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { ptr::drop_in_place(place.cast::<T>()) };
        }
        self.owed.push((offset, drop_here::<T>));
    }

    /// Drops every value, the newest first: a later one may lean on an earlier one.
    ///
    /// # Safety
    ///
    /// The values that were noted lie in this arena, and nobody uses them again.
    unsafe fn run(self, arena: &mut HandArena) {
        for (offset, drop_here) in self.owed.into_iter().rev() {
            // SAFETY: the caller's promise, for one value; the list is used up.
            unsafe { drop_here(arena.pointer(offset)) };
        }
    }
}
// /stamp: finalisers

/// The cure by hand: a list of what must be dropped.
fn finalised(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: a list of destructors beside the arena");
    let log = log();
    let before = in_malloc();
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut finalisers = Finalisers::default();
    for number in 0..GUESTS {
        let start = arena.alloc(size_of::<Guest>()).ok_or_else(full)?;
        let place = arena.pointer(start).cast::<Guest>();
        // SAFETY: a fresh block as long as a guest; blocks of one size from an aligned base are aligned.
        unsafe { place.write(Guest::new(number, &log)) };
        finalisers.owe::<Guest>(start);
    }
    let (used, at) = (arena.used(), arena.at(0));
    stage.event(
        Symbol::Alloc,
        "alloc",
        used,
        at,
        format!("{GUESTS} values, {GUESTS} destructors owed"),
    );
    // SAFETY: the guests were just written, and are not used again.
    unsafe { finalisers.run(&mut arena) };
    drop(arena);
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at, "");
    after_the_end(stage, "by_hand", &read(&log), held_since(before));
    Ok(())
}

/// The same on arena-core, which keeps that list in the arena itself.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: alloc refuses to build, alloc_drop owes");
    let log = log();
    let before = in_malloc();
    // stamp: crate
    let mut arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    for number in 0..GUESTS {
        let guest = arena.alloc_drop(Guest::new(number, &log));
        guest.text.make_ascii_uppercase();
    }
    let used = arena.used();
    arena.reset(); // runs what is owed; so would dropping the arena
    // /stamp: crate
    let at = Place::new("base", arena.base().addr().get(), 0);
    let note = format!("{GUESTS} values, each behind its own record");
    stage.event(Symbol::Alloc, "alloc", used, at, note);
    stage.show(Line::new(Symbol::Plain, "reset").at(at));
    after_the_end(stage, "crate", &read(&log), held_since(before));
    stage.expect("crate_used_after_reset", 0, arena.used());
    let record = used / GUESTS - size_of::<Guest>();
    stage.say(&format!("   price: {record} B of record for each value"));
    stage.note("crate_record_bytes", record);
    drop(arena);
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at, "");
    stage.paragraph(
        "`alloc` of a String does not build: \"this type needs drop, and an arena runs no destructor\". \
         `cargo check` does not see it, for it is asked when the code is made for this type.",
    );
    Ok(())
}

/// Shows and compares what was left when every destructor has run.
fn after_the_end(stage: &mut Stage, whose: &str, dropped: &[usize], held: Option<usize>) {
    let newest_first = dropped.iter().copied().eq((0..GUESTS).rev());
    let order = if newest_first {
        "newest first"
    } else {
        "in another order"
    };
    let note = format!("{} of {GUESTS}, {order}", dropped.len());
    stage.show(Line::new(Symbol::Picture, "drops").note(note));
    show_held(stage, Symbol::Picture, "malloc", held);
    stage.expect(&format!("{whose}_dropped"), GUESTS, dropped.len());
    stage.expect(&format!("{whose}_newest_first"), true, newest_first);
    if let Some(held) = held {
        stage.expect(&format!("{whose}_malloc_holds_little"), true, held < LITTLE);
    }
}

fn show_held(stage: &mut Stage, symbol: Symbol, verb: &'static str, held: Option<usize>) {
    let words = match held {
        None => "does not say what it holds; the story goes on without it".to_owned(),
        Some(held) if held > MUCH => format!("holds over {MUCH} B for them"),
        Some(held) if held < LITTLE => {
            format!("holds under {LITTLE} B: what it keeps for next time")
        }
        Some(held) => format!("holds {held} B"),
    };
    let who = if verb == "malloc" { "" } else { "malloc " };
    stage.show(Line::new(symbol, verb).note(format!("{who}{words}")));
}

fn held_since(before: Option<usize>) -> Option<usize> {
    Some(in_malloc()?.saturating_sub(before?))
}

// stamp: count
/// The bytes that malloc counts as handed out, in all its arenas and in mappings of their own.
#[cfg(target_env = "gnu")]
fn in_malloc() -> Option<usize> {
    // SAFETY: only reads malloc's own counters, under its locks.
    let info = unsafe { libc::mallinfo2() };
    // All zeros: another malloc is in its place, and does not count.
    (info.arena + info.hblkhd > 0).then_some(info.uordblks + info.hblkhd)
}
// /stamp: count

/// Other C libraries have no such count.
#[cfg(not(target_env = "gnu"))]
fn in_malloc() -> Option<usize> {
    None
}

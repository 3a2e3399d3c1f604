//! Demo 13: reset moves the offset back, and no byte changes.
//!
//! With arena-core a reference does not live to see it, for `reset` needs the arena exclusively:
//!
//! ```compile_fail,E0502
//! let mut arena = arena_core::Arena::new();
//! let text = arena.alloc_str("Hello arena");
//! arena.reset(); // cannot borrow `arena` as mutable because it is also borrowed as immutable
//! println!("{text}");
//! ```
//!
//! An offset is a number. It borrows nothing, and nobody stops it:
//!
//! ```
//! let mut arena = arena_core::Arena::new();
//! let stale = arena.offset_of(arena.alloc_str("Hello arena").as_ptr());
//! arena.reset();
//! arena.alloc_str("This is not malloc");
//! assert_eq!(stale, Some(0)); // still a number, still in use, and no longer ours
//! ```

use crate::by_hand::{HandArena, Sharing, full};
use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use arena_core::policy::{Reset, Zeroing};
use arena_core::{Arena, Policy};
use std::alloc::Layout;
use std::process::ExitCode;
use std::ptr::NonNull;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "13",
    binary: "13_stale_offsets",
    title: "reset gives the offset back and leaves the bytes",
    question: Question {
        text: "an arena holds \"Hello arena\" and is reset. The next block of 64 bytes is read before anything is \
               written to it: what is there?",
        answers: &[
            "zeros: reset cleared them",
            "\"Hello arena\"",
            "nothing: the read is refused",
        ],
        right: 1,
        why: "Reset is one store, to the offset. The bytes stay until somebody writes over them, and the region \
              stays mapped, so nothing faults.",
    },
    next: "the bytes stayed; what of the values that lived in them? (14)",
    run,
    child: None,
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
    let read = by_hand(stage)?;
    high_water_mark(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match read.as_str() {
        "" => answers[0],
        text if text == TEXTS[0] => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// Two blocks, a reset, two blocks again. Returns what the first new owner read before it wrote.
fn by_hand(stage: &mut Stage) -> Result<String, Trouble> {
    stage.part("By hand: reset, allocate, read");
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let stale = [
        put(stage, &mut arena, TEXTS[0])?,
        put(stage, &mut arena, TEXTS[1])?,
    ];
    // stamp: by-hand
    arena.reset(); // offset = 0, and nothing else
    let fresh = arena.alloc(BLOCK).ok_or_else(full)?;
    let read = text_at(&arena, fresh);
    // /stamp: by-hand
    stage.show(
        Line::new(Symbol::Plain, "reset")
            .at(arena.at(0))
            .note("every block at once"),
    );
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        arena.at(fresh),
        "a new owner, who writes nothing",
    );
    let note = format!("the new owner reads {}", quoted(&read));
    stage.event(Symbol::Picture, "read", BLOCK, arena.at(fresh), note);
    stage.expect("fresh_offset", stale[0], fresh);
    stage.expect("fresh_block_reads", TEXTS[0].to_owned(), read.clone());

    stage.part("By hand: half a message, and an offset from before");
    arena.write(fresh, b"Howdy");
    let half = text_at(&arena, fresh);
    stage.event(
        Symbol::Target,
        "write",
        5,
        arena.at(fresh),
        "the new owner: \"Howdy\", without a NUL",
    );
    let note = format!("the block now reads {}", quoted(&half));
    stage.event(Symbol::Picture, "read", BLOCK, arena.at(fresh), note);
    stage.expect("half_written_block_reads", "Howdy arena".to_owned(), half);

    let second = put(stage, &mut arena, TEXTS[2])?;
    let seen = text_at(&arena, stale[1]);
    let note = format!("the old owner's offset reads {}", quoted(&seen));
    stage.event(Symbol::Corrupted, "read", BLOCK, arena.at(stale[1]), note);
    arena.write(stale[1], &[0; BLOCK]);
    arena.write(stale[1], b"mine!");
    stage.event(
        Symbol::Target,
        "write",
        BLOCK,
        arena.at(stale[1]),
        "the old owner: \"mine!\"",
    );
    let spoilt = text_at(&arena, second);
    let note = format!("the new owner reads {}", quoted(&spoilt));
    stage.event(Symbol::Corrupted, "read", BLOCK, arena.at(second), note);
    stage.expect("stale_offset_reads", TEXTS[2].to_owned(), seen);
    stage.expect("new_owner_reads", "mine!".to_owned(), spoilt);
    stage.event(Symbol::Unmap, "unmap", CAPACITY, arena.at(0), "");
    Ok(read)
}

/// Allocates a block for a text and shows it.
fn put(stage: &mut Stage, arena: &mut HandArena, text: &str) -> Result<usize, Trouble> {
    let start = arena.alloc(BLOCK).ok_or_else(full)?;
    arena.write(start, text.as_bytes());
    // A text shorter than what was there before would end in the former owner's letters.
    arena.write(start + text.len(), &[0]);
    stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(start), quoted(text));
    Ok(start)
}

fn text_at(arena: &HandArena, offset: usize) -> String {
    let mut block = [0; BLOCK];
    arena.read_into(offset, &mut block);
    c_string(&block)
}

// stamp: mark
/// An arena whose blocks are zero, and that clears no byte for nothing.
struct ZeroedArena {
    arena: HandArena,
    /// The largest `used` ever. No byte at or above it was ever handed out, so the kernel's zeros are still there.
    high_water_mark: usize,
}

impl ZeroedArena {
    /// Hands out the next `size` bytes, all zero. Returns the offset, and how many bytes had to be cleared.
    fn alloc(&mut self, size: usize) -> Option<(usize, usize)> {
        let start = self.arena.alloc(size)?;
        let used_before = start..self.high_water_mark.clamp(start, start + size);
        self.arena.write(start, &vec![0; used_before.len()]);
        self.high_water_mark = self.high_water_mark.max(self.arena.used());
        Some((start, used_before.len()))
    }
}
// /stamp: mark

/// The cure by hand: zeros, but only where somebody was before.
fn high_water_mark(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: zeros on request, and a high-water mark to save work");
    let mut zeroed = ZeroedArena {
        arena: HandArena::map(CAPACITY, Sharing::Private)?,
        high_water_mark: 0,
    };
    let mut cleared = Vec::new();
    for (size, text) in [(BLOCK, TEXTS[0]), (96, TEXTS[2])] {
        let (start, bytes) = zeroed.alloc(size).ok_or_else(full)?;
        let read = text_at(&zeroed.arena, start);
        let seen = if read.is_empty() { "zeros" } else { &read };
        let note = format!("reads {seen}; {bytes} B had to be cleared");
        stage.event(Symbol::Alloc, "alloc", size, zeroed.arena.at(start), note);
        cleared.push(bytes);
        stage.expect(
            &format!("zeroed_block_of_{size}_reads"),
            String::new(),
            read,
        );
        zeroed.arena.write(start, text.as_bytes());
        let mark = zeroed.high_water_mark;
        zeroed.arena.reset();
        let note = format!("high-water mark {mark}");
        stage.show(
            Line::new(Symbol::Plain, "reset")
                .at(zeroed.arena.at(0))
                .note(note),
        );
    }
    stage.expect("cleared_bytes", vec![0, BLOCK], cleared);
    stage.expect("high_water_mark", 96, zeroed.high_water_mark);
    Ok(())
}

/// The same on arena-core, where what a block contains is a policy.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: what a reused block contains is a policy");
    for (name, zeroing, reset, expected) in [
        ("FreshOnly", Zeroing::FreshOnly, Reset::Keep, Some(TEXTS[0])),
        ("Always", Zeroing::Always, Reset::Keep, Some("")),
        ("NeverPromised", Zeroing::NeverPromised, Reset::Keep, None),
        (
            "FreshOnly, Decommit",
            Zeroing::FreshOnly,
            Reset::Decommit,
            Some(""),
        ),
    ] {
        let fact = name.to_lowercase().replace(", ", "_");
        let policy = Policy::new()
            .reserve(CAPACITY)
            .zeroing(zeroing)
            .reset(reset);
        let mut arena = policy.build().during("building the arena")?;
        let base = arena.base().addr().get();
        arena.alloc_slice_fill_copy(BLOCK, 0_u8)[..TEXTS[0].len()]
            .copy_from_slice(TEXTS[0].as_bytes());
        arena.reset();
        let resident = arena.resident().during("mincore")?;
        let fresh = arena.alloc_layout(Layout::new::<[u8; BLOCK]>());
        let offset = offset_of(&arena, fresh)?;
        let read = read(fresh);
        let seen = match read.as_str() {
            "" => "zeros".to_owned(),
            text => quoted(text),
        };
        let note = match expected {
            Some(_) => format!("{name}: reads {seen}, {resident} B stayed resident"),
            None => format!("{name}: reads whatever is there"),
        };
        stage.event(
            Symbol::Alloc,
            "alloc",
            BLOCK,
            Place::new("base", base, offset),
            note,
        );
        match expected {
            Some(expected) => {
                stage.expect(&format!("crate_{fact}_reads"), expected.to_owned(), read)
            }
            None => stage.note(&format!("crate_{fact}_reads"), read),
        }
        stage.expect(
            &format!("crate_{fact}_high_water_mark"),
            BLOCK,
            arena.high_water_mark(),
        );
        let kept = if reset == Reset::Keep { CAPACITY } else { 0 };
        stage.expect(&format!("crate_{fact}_resident"), kept, resident);
    }
    zeroed_on_request(stage)
}

/// One call gives zeros under any policy.
fn zeroed_on_request(stage: &mut Stage) -> Result<(), Trouble> {
    // stamp: crate
    let mut arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    arena.alloc_str(TEXTS[0]);
    arena.reset();
    let fresh = arena.alloc_layout_zeroed(Layout::new::<[u8; BLOCK]>());
    // /stamp: crate
    let at = Place::new("base", arena.base().addr().get(), offset_of(&arena, fresh)?);
    let read = read(fresh);
    let seen = if read.is_empty() { "zeros" } else { &read };
    let note = format!("alloc_layout_zeroed: reads {seen} under any policy");
    stage.event(Symbol::Alloc, "alloc", BLOCK, at, note);
    stage.expect("crate_zeroed_reads", String::new(), read);
    stage.paragraph(
        "A reference from before the reset does not build: error E0502, for `reset` borrows the arena as mutable. \
         An offset borrows nothing.",
    );
    Ok(())
}

fn offset_of(arena: &Arena, block: NonNull<u8>) -> Result<usize, Trouble> {
    let offset = arena.offset_of(block.as_ptr());
    offset.ok_or_else(|| Trouble::new("a block outside of its arena"))
}

/// The text in a block that nobody has written to since it was handed out.
fn read(block: NonNull<u8>) -> String {
    // SAFETY: the block has that many bytes, nobody else uses them, and mapped memory always has values: the kernel's
    // zeros, or what was written last.
    let bytes = unsafe { block.cast::<[u8; BLOCK]>().as_ptr().read_volatile() };
    c_string(&bytes)
}

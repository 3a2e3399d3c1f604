//! Demo 16: growing is free at the end, a move elsewhere, and a move of everything when the region itself must grow.

mod remap;

use crate::by_hand::{HandArena, Sharing, full};
use crate::stage::line::in_words;
use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec as AnyVec;
use arena_core::Policy;
use std::process::ExitCode;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "16",
    binary: "16_resize",
    title: "a Vec that never moves, and a base that does",
    question: Question {
        text: "a million pushes into a Vec in an arena that has the room: how often do the bytes move?",
        answers: &[
            "at every doubling, about twenty times",
            "never, whoever else allocates",
            "never, until someone allocates after the Vec",
        ],
        right: 2,
        why: "The newest block ends where the room begins: to grow it is to move the offset. A block behind it takes \
              that away, and the Vec moves once, to be the newest again.",
    },
    next: "and when it cannot grow at all, who looks at the answer? (17)",
    run,
    child: None,
};

/// How many numbers are pushed.
const PUSHES: usize = 1_000_000;

/// The size of the regions: what the pushes need if a Vec moves at each growth, and to spare.
const CAPACITY: usize = 64 << 20;

/// The size of a neighbour.
const BLOCK: usize = 64;

/// After how many pushes the neighbour comes in that comes once.
const INTERRUPTED: usize = 1_000;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let moves = by_hand(stage)?;
    remap::story(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match moves {
        [0, 0] => answers[1],
        [0, _] => answers[2],
        _ => answers[0],
    });
    Ok(())
}

// stamp: vec
/// A growing array of numbers in an arena.
#[derive(Debug, Default)]
struct HandVec {
    start: usize,
    len: usize,
    capacity: usize,
    growths: usize,
    moves: usize,
    copied: usize,
}

const ITEM: usize = size_of::<u64>();

impl HandVec {
    fn push(&mut self, arena: &mut HandArena, value: u64) -> Option<()> {
        if self.len == self.capacity {
            self.grow(arena)?;
        }
        let at = arena.pointer(self.start + self.len * ITEM).cast::<u64>();
        // SAFETY: len < capacity, so the place lies in the block; blocks here are multiples of 8 bytes, so it is
        // aligned.
        unsafe { at.write(value) };
        self.len += 1;
        Some(())
    }

    /// Doubles the room: in place for the newest block of the arena, elsewhere by a move to the end.
    fn grow(&mut self, arena: &mut HandArena) -> Option<()> {
        let old = self.capacity * ITEM;
        let new = (2 * old).max(4 * ITEM);
        if self.capacity == 0 {
            self.start = arena.alloc(new)?;
        } else if self.start + old == arena.used() {
            arena.alloc(new - old)?; // the bytes right behind: one block, now longer
        } else {
            let start = arena.alloc(new)?;
            let from = arena.pointer(self.start);
            let to = arena.pointer(start);
            // SAFETY: two blocks of the arena, the old one written up to `old` bytes, the new one no smaller.
            unsafe { from.copy_to_nonoverlapping(to, old) };
            self.start = start;
            self.moves += 1;
            self.copied += old;
        }
        self.capacity = new / ITEM;
        self.growths += 1;
        Some(())
    }
}
// /stamp: vec

/// When another block is allocated behind the Vec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Neighbour {
    Never,
    Once,
    AfterEachGrowth,
}

/// Three runs of a million pushes. Returns the moves without a neighbour, and with one.
fn by_hand(stage: &mut Stage) -> Result<[usize; 2], Trouble> {
    stage.part("By hand: a million pushes, and nobody else allocates");
    let alone = million(stage, Neighbour::Never)?;
    stage.part("By hand: the same, and somebody allocates once, behind the Vec");
    let once = million(stage, Neighbour::Once)?;
    stage.part("By hand: the same, and somebody allocates after each growth");
    let always = million(stage, Neighbour::AfterEachGrowth)?;

    stage.expect("moves_alone", 0, alone.moves);
    stage.expect("copied_alone", 0, alone.copied);
    stage.expect("moves_with_one_neighbour", 1, once.moves);
    stage.expect(
        "moves_with_a_neighbour_each",
        always.growths - 1,
        always.moves,
    );
    stage.note("growths", alone.growths);
    stage.note("copied_with_one_neighbour", once.copied);
    stage.note("copied_with_a_neighbour_each", always.copied);
    Ok([alone.moves, once.moves])
}

fn million(stage: &mut Stage, neighbour: Neighbour) -> Result<HandVec, Trouble> {
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut vec = HandVec::default();
    for n in 0..PUSHES {
        let before = (vec.start, vec.capacity, vec.growths, vec.copied);
        vec.push(&mut arena, n as u64).ok_or_else(full)?;
        if neighbour == Neighbour::Once && vec.start != before.0 {
            let (size, copied) = (vec.capacity * ITEM, vec.copied - before.3);
            let note = format!("the Vec moves: {copied} B copied");
            stage.event(Symbol::Target, "grow", size, arena.at(vec.start), note);
            let note = "the hole it leaves: nobody's until the reset";
            stage.event(
                Symbol::Leak,
                "hole",
                before.1 * ITEM,
                arena.at(before.0),
                note,
            );
        }
        let comes = match neighbour {
            Neighbour::Never => false,
            Neighbour::Once => n + 1 == INTERRUPTED,
            Neighbour::AfterEachGrowth => vec.growths != before.2,
        };
        if comes {
            let start = arena.alloc(BLOCK).ok_or_else(full)?;
            if neighbour == Neighbour::Once {
                let size = vec.capacity * ITEM;
                let note = format!("the Vec, after {INTERRUPTED} pushes");
                stage.event(Symbol::Picture, "vec", size, arena.at(vec.start), note);
                stage.event(
                    Symbol::Alloc,
                    "alloc",
                    BLOCK,
                    arena.at(start),
                    "a neighbour",
                );
            }
        }
    }
    let (size, moves, growths) = (vec.capacity * ITEM, vec.moves, vec.growths);
    let s = if moves == 1 { "" } else { "s" };
    let note = format!("{PUSHES} pushes, {growths} growths, {moves} move{s}");
    stage.event(Symbol::Picture, "vec", size, arena.at(vec.start), note);
    let (copied, used) = (in_words(vec.copied), in_words(arena.used()));
    stage.say(&format!("   {copied} copied, {used} used"));
    check(&arena, &vec)?;
    Ok(vec)
}

/// What was pushed must be there, wherever it was moved.
fn check(arena: &HandArena, vec: &HandVec) -> Result<(), Trouble> {
    for n in [0, 1, INTERRUPTED, PUSHES / 2, PUSHES - 1] {
        let mut item = [0; ITEM];
        arena.read_into(vec.start + n * ITEM, &mut item);
        if u64::from_ne_bytes(item) != n as u64 {
            return Err(Trouble::new(format!("push {n} was lost: {item:?}")));
        }
    }
    Ok(())
}

/// The same on arena-core, with a Vec that was not written for it.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: an ordinary Vec that takes its bytes from the arena");
    // stamp: crate
    let arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    let mut vec = AnyVec::new_in(&arena);
    let alone = count_moves(&mut vec, PUSHES);
    let neighbour = arena.alloc([0_u8; BLOCK]);
    let after_neighbour = count_moves(&mut vec, PUSHES);
    // /stamp: crate
    let at = |offset: Option<usize>| {
        let base = arena.base().addr().get();
        Place::new("base", base, offset.unwrap_or(usize::MAX))
    };
    let note = format!("a neighbour, after {PUSHES} pushes and {alone} moves");
    let place = at(arena.offset_of(neighbour.as_ptr()));
    stage.event(Symbol::Alloc, "alloc", BLOCK, place, note);
    let note = format!("{PUSHES} more: {after_neighbour} move");
    let size = vec.capacity() * ITEM;
    stage.event(
        Symbol::Picture,
        "vec",
        size,
        at(arena.offset_of(vec.as_ptr())),
        note,
    );
    stage.expect("crate_moves_alone", 0, alone);
    stage.expect("crate_moves_with_one_neighbour", 1, after_neighbour);
    let kept = vec
        .iter()
        .copied()
        .eq((0..PUSHES as u64).chain(0..PUSHES as u64));
    stage.expect("crate_kept_every_number", true, kept);

    // How malloc does it depends on what else is in its heap.
    let mut on_malloc = AnyVec::new();
    stage.note("malloc_moves", count_moves(&mut on_malloc, PUSHES));
    stage.show(Line::new(Symbol::Plain, "malloc").note("moves as its heap allows: see --json"));
    Ok(())
}

/// Pushes so many numbers, and counts how often the Vec is then somewhere else than before.
fn count_moves<A: Allocator>(vec: &mut AnyVec<u64, A>, pushes: usize) -> usize {
    let mut moves = 0;
    for n in 0..pushes as u64 {
        let (before, held) = (vec.as_ptr(), vec.capacity() > 0);
        vec.push(n);
        moves += usize::from(held && vec.as_ptr() != before);
    }
    moves
}

//! Demo 11: two threads, one offset. The order of the steps is directed, not raced.
//!
//! With arena-core an arena is not shared by accident, for it is not `Sync`:
//!
//! ```compile_fail,E0277
//! let arena = arena_core::Arena::new();
//! std::thread::scope(|scope| {
//!     scope.spawn(|| arena.alloc(1).clone()); // cannot be shared between threads safely
//! });
//! ```
//!
//! One thread at a time may have it:
//!
//! ```
//! let arena = arena_core::Arena::new();
//! std::thread::spawn(move || arena.alloc(1).clone()).join().unwrap();
//! ```

mod player;
mod shared;

use crate::by_hand::{HandArena, Sharing, full};
use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use arena_core::{Policy, SyncArena};
use player::Player;
use shared::Shared;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "11",
    binary: "11_thread_safety",
    title: "two threads read one offset, and own one block",
    question: Question {
        text: "the offset is 128. Two threads read it, then each adds 64 and writes it back: what is the final \
              offset?",
        answers: &[
            "256, and each thread has a block of its own",
            "192, and the second thread is refused",
            "192, and both threads own byte 128",
        ],
        right: 2,
        why: "Reading and writing back are two steps. Whoever reads between them reads a past that is about to end, \
              and the second store wipes out the first.",
    },
    next: "both threads held the arena; what if its owner leaves while a pointer stays? (12)",
    run,
    child: None,
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;

/// The size of the region that two threads fill at full speed: enough work for them to meet.
const LARGE: usize = 8 << 20;

/// How many blocks each thread takes from arena-core at full speed.
const MANY: usize = 5_000;

/// Where the offset stands when the threads begin.
const START: usize = 128;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let seen = lost_update(stage)?;
    compare_exchange(stage)?;
    add_then_check(stage)?;
    at_full_speed(stage)?;
    with_the_crate(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match seen {
        (256, [a, b]) if a != b => answers[0],
        (192, [Some(a), Some(b)]) if a == b => answers[2],
        _ => answers[1],
    });
    Ok(())
}

/// Runs a story on a fresh shared arena that has handed out the first two blocks.
fn on_a_shared_arena<T>(
    stage: &mut Stage,
    capacity: usize,
    tell: impl FnOnce(&mut Stage, &Shared<'_>, usize) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut arena = HandArena::map(capacity, Sharing::Private)?;
    let base = arena.at(0).base;
    let at = |offset| Place::new("base", base, offset);
    stage.event(
        Symbol::Alloc,
        "map",
        capacity,
        at(0),
        format!("the offset is {START}"),
    );
    let shared = Shared {
        bytes: arena.as_atomics(),
        offset: AtomicUsize::new(START),
    };
    let told = tell(stage, &shared, base)?;
    stage.event(Symbol::Unmap, "unmap", capacity, at(0), "");
    Ok(told)
}

/// The final offset, and the blocks of the two threads.
type Seen = (usize, [Option<usize>; 2]);

/// Both threads look before either takes.
fn lost_update(stage: &mut Stage) -> Result<Seen, Trouble> {
    stage.part("By hand: load, then store; two threads in lock-step");
    on_a_shared_arena(stage, CAPACITY, |stage, arena, base| {
        let at = |offset| Place::new("base", base, offset);
        thread::scope(|scope| {
            let (a, b) = (Player::start(scope)?, Player::start(scope)?);
            // stamp: steps
            let seen_by_a = a.does(|| arena.look(BLOCK))?.ok_or_else(full)?;
            let seen_by_b = b.does(|| arena.look(BLOCK))?.ok_or_else(full)?;
            a.does(move || arena.take(seen_by_a, BLOCK))?;
            let after_a = arena.offset.load(Ordering::Relaxed);
            b.does(move || arena.take(seen_by_b, BLOCK))?;
            let after_b = arena.offset.load(Ordering::Relaxed);
            // /stamp: steps
            for (who, seen) in [("A", seen_by_a), ("B", seen_by_b)] {
                let note = format!("thread {who} sees offset {seen}");
                stage.show(Line::new(Symbol::Picture, "load").note(note));
            }
            for (who, start, after) in [("A", seen_by_a, after_a), ("B", seen_by_b, after_b)] {
                let note = format!("thread {who}; the offset is now {after}");
                stage.event(Symbol::Alloc, "alloc", BLOCK, at(start), note);
            }

            a.does(move || arena.write(seen_by_a, TEXTS[0]))?;
            show_write(stage, at(seen_by_a), TEXTS[0], "A");
            b.does(move || arena.write(seen_by_b, TEXTS[2]))?;
            show_write(stage, at(seen_by_b), TEXTS[2], "B");
            let read = c_string(&a.does(move || arena.read(seen_by_a))?);
            let note = format!("thread A reads {}", quoted(&read));
            stage.event(Symbol::Corrupted, "read", BLOCK, at(seen_by_a), note);

            stage.expect("final_offset", START + BLOCK, after_b);
            stage.expect("block_of_a", START, seen_by_a);
            stage.expect("block_of_b", START, seen_by_b);
            stage.expect("a_reads", TEXTS[2].to_owned(), read);
            Ok((after_b, [Some(seen_by_a), Some(seen_by_b)]))
        })
    })
}

/// The same order of steps, where the offset moves only if it is still where it was.
fn compare_exchange(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: the same steps with compare-exchange");
    on_a_shared_arena(stage, CAPACITY, |stage, arena, base| {
        let at = |offset| Place::new("base", base, offset);
        thread::scope(|scope| {
            let (a, b) = (Player::start(scope)?, Player::start(scope)?);
            let seen_by_a = a.does(|| arena.look(BLOCK))?.ok_or_else(full)?;
            let seen_by_b = b.does(|| arena.look(BLOCK))?.ok_or_else(full)?;
            let taken_by_a = a.does(move || arena.take_if_still(seen_by_a, BLOCK))?;
            let taken_by_b = b.does(move || arena.take_if_still(seen_by_b, BLOCK))?;
            for (who, seen) in [("A", seen_by_a), ("B", seen_by_b)] {
                let note = format!("thread {who} sees offset {seen}");
                stage.show(Line::new(Symbol::Picture, "load").note(note));
            }
            for (who, seen, taken) in [("A", seen_by_a, taken_by_a), ("B", seen_by_b, taken_by_b)] {
                match taken {
                    Ok(()) => stage.event(
                        Symbol::Alloc,
                        "alloc",
                        BLOCK,
                        at(seen),
                        format!("thread {who}"),
                    ),
                    Err(now) => {
                        let note =
                            format!("thread {who}: the offset is {now}, not {seen}; once more");
                        stage.event(Symbol::Refused, "alloc", BLOCK, at(seen), note);
                    }
                }
            }
            let again = b.does(|| arena.alloc(BLOCK))?.ok_or_else(full)?;
            stage.event(
                Symbol::Alloc,
                "alloc",
                BLOCK,
                at(again),
                "thread B, the whole way",
            );
            let last = arena.offset.load(Ordering::Relaxed);
            stage.say(&format!("   final offset: {last}"));
            stage.expect("exchange_of_a", true, taken_by_a.is_ok());
            stage.expect("exchange_of_b_finds", Some(START + BLOCK), taken_by_b.err());
            stage.expect("block_of_b_at_last", START + BLOCK, again);
            stage.expect("final_offset_exchanged", START + 2 * BLOCK, last);
            Ok(())
        })
    })
}

/// The tempting cure: one indivisible addition, and the bound looked at afterwards.
fn add_then_check(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: fetch_add, and the bound afterwards");
    on_a_shared_arena(stage, CAPACITY, |stage, arena, base| {
        let at = |offset| Place::new("base", base, offset);
        let owner = arena.add_then_check(BLOCK).ok_or_else(full)?;
        arena.write(owner, TEXTS[0]);
        stage.event(Symbol::Alloc, "alloc", BLOCK, at(owner), quoted(TEXTS[0]));
        // Two's complement: to add this is to subtract a block.
        let absurd = usize::MAX - BLOCK + 1;
        let granted = arena.add_then_check(absurd);
        let now = arena.offset.load(Ordering::Relaxed);
        let note = format!(
            "usize::MAX - {}: refused, but the offset is now {now}",
            BLOCK - 1
        );
        stage.show(Line::new(Symbol::Refused, "alloc").note(note));
        let next = arena.add_then_check(BLOCK).ok_or_else(full)?;
        arena.write(next, TEXTS[2]);
        stage.event(Symbol::Alloc, "alloc", BLOCK, at(next), quoted(TEXTS[2]));
        let read = c_string(&arena.read(owner));
        let note = format!("the first owner reads {}", quoted(&read));
        stage.event(Symbol::Corrupted, "read", BLOCK, at(owner), note);
        stage.expect("absurd_request_granted", None, granted);
        stage.expect("offset_after_refusal", START, now);
        stage.expect("block_given_twice", owner, next);
        stage.expect("first_owner_reads", TEXTS[2].to_owned(), read);
        Ok(())
    })
}

/// Both threads run free until the arena is full. The order differs from run to run, what holds of it does not.
fn at_full_speed(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: compare-exchange at full speed, until the region is full");
    on_a_shared_arena(stage, LARGE, |stage, arena, _| {
        let until_full = || std::iter::from_fn(|| arena.alloc(BLOCK)).collect::<Vec<_>>();
        let (of_a, of_b) = thread::scope(|scope| {
            let (a, b) = (Player::start(scope)?, Player::start(scope)?);
            // Both begin before either is asked.
            let (of_a, of_b) = (a.begins(until_full)?, b.begins(until_full)?);
            let wait = |told: Receiver<_>| told.recv().during("the answer of a thread");
            Ok((wait(of_a)?, wait(of_b)?))
        })?;
        let all: Vec<_> = of_a.iter().chain(&of_b).copied().collect();
        let distinct = distinct(all.clone());
        let last = arena.offset.load(Ordering::Relaxed);
        let (blocks, room) = (all.len(), (LARGE - START) / BLOCK);
        let note = format!("{blocks} by two threads, {distinct} of them distinct, room for {room}");
        stage.show(Line::new(Symbol::Picture, "blocks").note(note));
        stage.say(&format!("   final offset: {last}"));
        stage.expect("blocks_at_full_speed", room, blocks);
        stage.expect("distinct_at_full_speed", room, distinct);
        stage.expect("final_offset_at_full_speed", LARGE, last);
        Ok(())
    })
}

/// The same on arena-core, where the threads do not even meet at the offset for most of their blocks.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: SyncArena, a sub-block for each thread");
    // stamp: crate
    let arena = Policy::new()
        .reserve(LARGE)
        .build_sync()
        .during("building the arena")?;
    let arena = &arena;
    let blocks = thread::scope(|scope| {
        let (a, b) = (Player::start(scope)?, Player::start(scope)?);
        let alloc = || arena.alloc([0_u8; BLOCK]);
        Ok([
            a.does(alloc)?,
            b.does(alloc)?,
            a.does(alloc)?,
            b.does(alloc)?,
        ])
    })?;
    // /stamp: crate
    let base = arena.base().addr().get();
    let at = |offset| Place::new("base", base, offset);
    stage.event(Symbol::Alloc, "map", arena.capacity(), at(0), "");
    let mut offsets = Vec::new();
    for (who, block) in ["A", "B", "A", "B"].into_iter().zip(&blocks) {
        let offset = arena.offset_of(block.as_ptr());
        let offset = offset.ok_or_else(|| Trouble::new("a block outside of its arena"))?;
        stage.event(
            Symbol::Alloc,
            "alloc",
            BLOCK,
            at(offset),
            format!("thread {who}"),
        );
        offsets.push(offset);
    }
    let [a, b] = [[offsets[0], offsets[2]], [offsets[1], offsets[3]]];
    stage.expect("crate_blocks_of_a_are_neighbours", a[0] + BLOCK, a[1]);
    stage.expect("crate_blocks_of_b_are_neighbours", b[0] + BLOCK, b[1]);
    stage.expect(
        "crate_threads_are_apart",
        true,
        a[0].abs_diff(b[0]) > 2 * BLOCK,
    );
    stage.note("crate_offsets", offsets);

    let (whole, distinct) = fill_from_two_threads(arena)?;
    let note = format!(
        "{} more at full speed: {distinct} distinct, {whole} unspoilt",
        2 * MANY
    );
    stage.show(Line::new(Symbol::Picture, "blocks").note(note));
    stage.expect("crate_distinct", 2 * MANY, distinct);
    stage.expect("crate_unspoilt", 2 * MANY, whole);
    stage.event(Symbol::Unmap, "unmap", arena.capacity(), at(0), "");
    Ok(())
}

/// Two threads write their mark into many blocks each. Counts the blocks that kept it, and the distinct ones.
fn fill_from_two_threads(arena: &SyncArena) -> Result<(usize, usize), Trouble> {
    let fill = |mark: u8| {
        move || {
            let local = arena.local();
            let blocks = (0..MANY).map(|_| &*local.alloc([mark; BLOCK]));
            blocks.collect::<Vec<_>>()
        }
    };
    let both = thread::scope(|scope| {
        let (a, b) = (Player::start(scope)?, Player::start(scope)?);
        let (of_a, of_b) = (a.begins(fill(b'A'))?, b.begins(fill(b'B'))?);
        let wait = |told: Receiver<_>| told.recv().during("the answer of a thread");
        Ok([(b'A', wait(of_a)?), (b'B', wait(of_b)?)])
    })?;
    let mut whole = 0;
    let mut all = Vec::new();
    for (mark, blocks) in both {
        whole += blocks
            .iter()
            .filter(|block| ***block == [mark; BLOCK])
            .count();
        all.extend(blocks.iter().map(|block| block.as_ptr().addr()));
    }
    Ok((whole, distinct(all)))
}

fn distinct(mut places: Vec<usize>) -> usize {
    places.sort_unstable();
    places.dedup();
    places.len()
}

fn show_write(stage: &mut Stage, at: Place, text: &str, who: &str) {
    let note = format!("thread {who}: {}", quoted(text));
    stage.event(Symbol::Target, "write", text.len(), at, note);
}

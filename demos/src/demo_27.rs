//! Demo 27: blocks that move, a pointer that does not know, and a handle that does.
//!
//! Bytes are lent by a guard, and while somebody has the guard the block stays:
//!
//! ```
//! use tagheap::{Error, Options, Tag, TagHeap};
//!
//! let mut memory = vec![0; 8192];
//! let heap = TagHeap::create(&mut memory, &Options::new())?;
//! let block = heap.alloc(5, Tag::head(1)?)?;
//! let guard = heap.pin(block)?;
//! assert!(matches!(heap.free(block), Err(Error::Pinned { .. })));
//! drop(guard);
//! heap.free(block)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nor can its bytes outlive the heap:
//!
//! ```compile_fail,E0505
//! use tagheap::{Options, Tag, TagHeap};
//!
//! let mut memory = vec![0; 8192];
//! let heap = TagHeap::create(&mut memory, &Options::new()).unwrap();
//! let block = heap.alloc(5, Tag::head(1).unwrap()).unwrap();
//! let guard = heap.pin(block).unwrap();
//! drop(heap); // cannot move out of `heap` because it is borrowed
//! println!("{}", guard.len());
//! ```

use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::{Demo, During, Line, Options, Question, Stage, Symbol, Trouble, play};
use crate::tagged::{Memory, at, draw, head, place, put, text};
use std::process::ExitCode;
use tagheap::{Fragmentation, Handle, Offer, TagHeap, Verdict};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "27",
    binary: "27_tagheap_defrag",
    title: "a block moves; the pointer stays behind, the handle goes along",
    question: Question {
        text: "three blocks of 32 bytes, and you have a raw pointer to the second. The first is freed and the heap \
               defragmented: what does your pointer read?",
        answers: &["your bytes", "other bytes", "nothing: the read is refused"],
        right: 1,
        why: "Your block is where the first one was, and the third is where yours was. The pointer still leads there, \
              and nothing can tell it. The handle asks the heap each time.",
    },
    next: "an allocator of your own: will it hold?",
    run,
    child: None,
};

/// The size of each block.
const BLOCK: usize = 32;

/// How many bytes a step of a defragmentation may spend.
const STEP: usize = 500;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let read = pointer_and_handle(stage)?;
    veto(stage)?;
    worth_it(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(if read == TEXTS[1] {
        answers[0]
    } else {
        answers[1]
    });
    Ok(())
}

/// Three blocks, the first freed.
fn three_blocks(stage: &mut Stage, heap: &TagHeap<'_>) -> Result<[Handle; 2], Trouble> {
    let first = put(stage, heap, (BLOCK, head(1)?), TEXTS[0])?;
    let yours = put(stage, heap, (BLOCK, head(2)?), TEXTS[1])?;
    let third = put(stage, heap, (BLOCK, head(3)?), TEXTS[2])?;
    let hole = place(heap, first)?;
    heap.free(first).during("freeing")?;
    stage.event(Symbol::Plain, "free", BLOCK, at(heap, hole), "the first");
    Ok([yours, third])
}

/// Returns what the pointer reads after the move.
fn pointer_and_handle(stage: &mut Stage) -> Result<String, Trouble> {
    stage.part("A pointer from before, a handle from before");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let [yours, _] = three_blocks(stage, &heap)?;
    let pointer = place(&heap, yours)?; // what a raw pointer is: a place, and no more
    draw(
        stage,
        &heap,
        "layout_before",
        "FIRST [FREE 8dw] [2 8dw] [3 8dw] [FREE 74946dw] LAST",
    );
    let report = heap.defrag(|offer| {
        show_offer(stage, &heap, offer, "moves");
        Verdict::Move
    });
    stage.expect("moves", 2, report.during("defragmenting")?.moves);
    draw(
        stage,
        &heap,
        "layout_after",
        "FIRST [2 8dw] [3 8dw] [FREE 74960dw] LAST",
    );
    let by_pointer = bytes_at(&heap, pointer);
    let by_handle = text(&heap, yours)?;
    let note = format!("the pointer reads {}", quoted(&by_pointer));
    stage.event(Symbol::Corrupted, "read", BLOCK, at(&heap, pointer), note);
    let note = format!("the handle reads {}", quoted(&by_handle));
    stage.event(
        Symbol::Picture,
        "read",
        BLOCK,
        at(&heap, place(&heap, yours)?),
        note,
    );
    stage.expect("pointer_reads", TEXTS[2].to_owned(), by_pointer.clone());
    stage.expect("handle_reads", TEXTS[1].to_owned(), by_handle);
    Ok(by_pointer)
}

fn show_offer(stage: &mut Stage, heap: &TagHeap<'_>, offer: &Offer, verdict: &str) {
    let note = format!("{}, from base+{}: {verdict}", offer.tag, offer.from);
    stage.event(
        Symbol::Target,
        "offer",
        offer.requested,
        at(heap, offer.to),
        note,
    );
}

/// The bytes that are at a place now, whoever owns them: a comparison of bytes, no use of a stale pointer.
fn bytes_at(heap: &TagHeap<'_>, offset: usize) -> String {
    let from = heap.base().as_ptr().wrapping_add(offset);
    // SAFETY: the place was in a payload of the heap, whose memory is initialised and lives on, and nobody has a
    // reference into it now.
    let bytes = unsafe { from.cast::<[u8; BLOCK]>().read_volatile() };
    c_string(&bytes)
}

/// Who has a pointer can veto; who has a guard need not.
fn veto(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("A veto, and a guard");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let [_, third] = three_blocks(stage, &heap)?;
    // stamp: veto
    let vetoed = head(2)?;
    let report = heap.defrag(|offer| {
        if offer.tag == vetoed {
            Verdict::Veto
        } else {
            Verdict::Move
        }
    });
    // /stamp: veto
    let report = report.during("defragmenting")?;
    let note = format!(
        "{} veto, {} moves: nothing lies below the third but the second",
        report.vetoes, report.moves
    );
    stage.show(Line::new(Symbol::Refused, "move").note(note));
    stage.expect("vetoes", 1, report.vetoes);
    stage.expect("moves_with_veto", 0, report.moves);
    // stamp: guard
    let guard = heap.pin(third).during("pinning")?;
    let report = heap.defrag(|_| Verdict::Move).during("defragmenting")?;
    drop(guard);
    // /stamp: guard
    let note = format!(
        "the third is pinned: {} move, {} held",
        report.moves, report.pinned
    );
    stage.show(Line::new(Symbol::Plain, "defrag").note(note));
    stage.expect("moves_with_guard", 1, report.moves);
    stage.expect("held_by_guard", 1, report.pinned);
    draw(
        stage,
        &heap,
        "layout_guard",
        "FIRST [2 8dw] [FREE 8dw] [3 8dw] [FREE 74946dw] LAST",
    );
    Ok(())
}

/// A heap in pieces: what a defragmentation would gain, and what it did, a step at a time.
fn worth_it(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Was it worth it? Before, by plan, and after");
    let mut memory = Memory::new(4096);
    let heap = memory.heap()?;
    let mut number = 0;
    while heap.alloc(100, head(number % 2)?).is_ok() {
        number += 1;
    }
    heap.free_tags(head(1)?..=head(1)?).during("freeing")?;
    let asked = heap.free_bytes() / 2;
    let refused = heap.alloc(asked, head(2)?).is_err();
    stage.show(
        Line::new(Symbol::Refused, "alloc")
            .bytes(asked)
            .note("no hole is large enough"),
    );
    // stamp: plan
    let plan = heap.defrag_plan(|_| Verdict::Move).during("planning")?;
    let mut steps = 0;
    let report = loop {
        steps += 1;
        let report = heap
            .defrag_step(STEP, |_| Verdict::Move)
            .during("defragmenting")?; // once a frame
        if report.finished {
            break report;
        }
    };
    // /stamp: plan
    show_shapes(stage, [plan.before, plan.after, report.after]);
    stage.say(&format!(
        "   {} moves in {steps} steps of {STEP} B",
        plan.moves
    ));
    let block = heap
        .alloc(asked, head(2)?)
        .during("allocating after the defragmentation")?;
    stage.event(
        Symbol::Alloc,
        "alloc",
        asked,
        at(&heap, place(&heap, block)?),
        "the same request",
    );
    stage.expect("refused_before", true, refused);
    stage.expect("plan_came_true", true, plan.after == report.after);
    stage.expect("holes_after", 0, report.after.holes);
    Ok(())
}

/// How free space is shaped before, by plan, and after.
fn show_shapes(stage: &mut Stage, shapes: [Fragmentation; 3]) {
    for (name, shape) in ["before", "plan", "after"].into_iter().zip(shapes) {
        let share = 100.0 * shape.largest_share();
        stage.say(&format!(
            "   {name:<7}{:>2} holes, {:>4} B free, the largest {:>4} B: {share:.0} %",
            shape.holes, shape.free, shape.largest_free
        ));
    }
}

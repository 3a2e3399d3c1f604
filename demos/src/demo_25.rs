//! Demo 25: a block grows into the free space behind it, and moves only when it must.

use crate::demo_09a::TEXTS;
use crate::stage::{Demo, During, Line, Options, Question, Stage, Symbol, Trouble, play};
use crate::tagged::{Memory, at, draw, head, place, put, text};
use std::process::ExitCode;
use tagheap::{Handle, TagHeap};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "25",
    binary: "25_tagheap_realloc",
    title: "grow in place, or move",
    question: Question {
        text: "A, B and C have 100 bytes each, and B is freed. A grows to 150 bytes, then to 300: when does it move?",
        answers: &["both times", "only the second time", "never"],
        right: 1,
        why: "A and what B left are 224 bytes together. 150 fit, and the rest becomes a free block again; 300 do not.",
    },
    next: "must I free my blocks one by one? (26)",
    run,
    child: None,
};

/// The size of each block.
const BLOCK: usize = 100;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let moves = grow_twice(stage)?;
    shrink(stage)?;
    no_room(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match moves {
        [true, true] => answers[0],
        [false, true] => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// A grows twice. Returns whether it moved.
fn grow_twice(stage: &mut Stage) -> Result<[bool; 2], Trouble> {
    stage.part("Grow into what a neighbour left");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let a = put(stage, &heap, (BLOCK, head(1)?), TEXTS[0])?;
    let b = put(stage, &heap, (BLOCK, head(2)?), TEXTS[1])?;
    let c = put(stage, &heap, (BLOCK, head(3)?), TEXTS[2])?;
    let hole = place(&heap, b)?;
    heap.free(b).during("freeing")?;
    stage.event(Symbol::Plain, "free", BLOCK, at(&heap, hole), "B");
    draw(
        stage,
        &heap,
        "layout_before",
        "FIRST [1 25dw] [FREE 25dw] [3 25dw] [FREE 74895dw] LAST",
    );
    let first = grow(stage, &heap, a, 150)?;
    draw(
        stage,
        &heap,
        "layout_in_place",
        "FIRST [1 38dw] [FREE 12dw] [3 25dw] [FREE 74895dw] LAST",
    );
    let second = grow(stage, &heap, a, 300)?;
    draw(
        stage,
        &heap,
        "layout_moved",
        "FIRST [FREE 56dw] [3 25dw] [1 75dw] [FREE 74814dw] LAST",
    );
    stage.expect("a_reads", TEXTS[0].to_owned(), text(&heap, a)?);
    stage.expect("c_reads", TEXTS[2].to_owned(), text(&heap, c)?);
    Ok([first, second])
}

/// Grows a block, and says whether it moved.
fn grow(
    stage: &mut Stage,
    heap: &TagHeap<'_>,
    block: Handle,
    size: usize,
) -> Result<bool, Trouble> {
    let before = place(heap, block)?;
    // stamp: grow
    heap.realloc(block, size).during("growing")?; // the handle stays good, wherever the block goes
    let after = place(heap, block)?;
    // /stamp: grow
    let note = if after == before {
        "A, where it was".to_owned()
    } else {
        format!("A, moved from base+{before}: its handle is the same")
    };
    stage.event(Symbol::Target, "grow", size, at(heap, after), note);
    Ok(after != before)
}

/// A block made smaller keeps its place and its dwords.
fn shrink(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Make it smaller: nothing moves, nothing is given back");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let block = put(stage, &heap, (200, head(1)?), TEXTS[0])?;
    heap.realloc(block, 50).during("shrinking")?;
    let size = heap.size_of(block).during("asking for a size")?;
    stage.event(
        Symbol::Plain,
        "shrink",
        size,
        at(&heap, place(&heap, block)?),
        "the rest is slack",
    );
    draw(
        stage,
        &heap,
        "layout_slack",
        "FIRST [1 50dw] [FREE 74932dw] LAST",
    );
    stage.expect("size_after_shrink", 50, size);
    Ok(())
}

/// A block that cannot grow is as it was.
fn no_room(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("No room: the old block and its bytes are as they were");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let block = put(stage, &heap, (BLOCK, head(1)?), TEXTS[0])?;
    let rest = heap.largest_free();
    put(stage, &heap, (rest, head(2)?), "")?;
    let Err(refused) = heap.realloc(block, 5000) else {
        return Err(Trouble::new("a block grew where there is no room"));
    };
    stage.show(
        Line::new(Symbol::Refused, "grow")
            .bytes(5000)
            .at(at(&heap, place(&heap, block)?)),
    );
    stage.say(&format!("   {refused}"));
    stage.expect(
        "reads_after_refusal",
        TEXTS[0].to_owned(),
        text(&heap, block)?,
    );
    Ok(())
}

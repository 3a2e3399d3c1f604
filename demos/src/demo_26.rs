//! Demo 26: a lifetime for a whole group of blocks.

use crate::stage::{Demo, During, Line, Options, Question, Stage, Symbol, Trouble, play};
use crate::tagged::{Memory, draw, head, put, tail, text};
use std::process::ExitCode;
use tagheap::TagHeap;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "26",
    binary: "26_tagheap_tags",
    title: "one call frees a whole lifetime",
    question: Question {
        text: "four neighbours of 64 bytes have the tags 1001 to 1004. The tags 1002 to 1003 are freed: how many holes \
               are there?",
        answers: &["one", "two", "none: the blocks above move down"],
        right: 0,
        why: "The two blocks touch, so what they leave is one free block. Nothing moves unless it is asked to.",
    },
    next: "enough is free in total, and no hole is large enough: what now? (27)",
    run,
    child: None,
};

/// The size of each block.
const BLOCK: usize = 64;

/// Blocks in a level.
const LEVEL: usize = 200;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let holes = range(stage)?;
    level(stage)?;
    refused(stage)?;
    fragmented(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match holes {
        1 => answers[0],
        2 => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// Two of four neighbours. Returns the holes they leave.
fn range(stage: &mut Stage) -> Result<usize, Trouble> {
    stage.part("A range of tags");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let mut blocks = Vec::new();
    for number in 1001..=1004 {
        blocks.push(put(
            stage,
            &heap,
            (BLOCK, head(number)?),
            &format!("block {number}"),
        )?);
    }
    // stamp: range
    let freed = heap
        .free_tags(head(1002)?..=head(1003)?)
        .during("freeing tags")?;
    // /stamp: range
    let (count, bytes) = (freed.blocks, freed.bytes);
    stage.show(Line::new(Symbol::Plain, "free").note(format!(
        "HEAD 1002 to 1003: {count} blocks, {bytes} B recovered"
    )));
    draw(
        stage,
        &heap,
        "layout",
        "FIRST [1001 16dw] [FREE 38dw] [1004 16dw] [FREE 74900dw] LAST",
    );
    stage.expect("freed_blocks", 2, count);
    stage.expect("freed_bytes", 64 + 64 + 24, bytes);
    for (index, kept) in [(0, "block 1001"), (3, "block 1004")] {
        stage.expect(
            &format!("reads_{index}"),
            kept.to_owned(),
            text(&heap, blocks[index])?,
        );
    }
    let stale = heap.pin(blocks[1]).err().map(|error| error.to_string());
    stage.show(
        Line::new(Symbol::Refused, "read")
            .note(format!("block 1002: {}", stale.unwrap_or_default())),
    );
    Ok(heap.fragmentation().holes)
}

/// A level of a game on the TAIL side: loaded, played, gone.
fn level(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("A level on the TAIL side comes and goes; the caches on the HEAD side stay");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let cache = put(stage, &heap, (BLOCK, head(7)?), "a cache")?;
    for _ in 0..LEVEL {
        heap.alloc(40, tail(1)?).during("loading a level")?;
    }
    let stats = heap.tag_stats(tail(1)?..=tail(1)?).during("counting")?;
    stage.say(&format!(
        "   {} blocks of TAIL 1, {} B asked for",
        stats.blocks, stats.requested
    ));
    let freed = heap
        .free_tags(tail(1)?..=tail(1)?)
        .during("freeing a level")?;
    stage.show(
        Line::new(Symbol::Plain, "free")
            .note(format!("TAIL 1: {} blocks in one call", freed.blocks)),
    );
    draw(
        stage,
        &heap,
        "layout_after_level",
        "FIRST [7 16dw] [FREE 74966dw] LAST",
    );
    stage.expect("level_blocks", LEVEL, freed.blocks);
    stage.expect("cache_reads", "a cache".to_owned(), text(&heap, cache)?);
    Ok(())
}

/// What is no range, and what may not be freed.
fn refused(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Refused");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let block = heap.alloc(BLOCK, head(1)?).during("allocating")?;
    refuse(
        stage,
        &heap,
        "HEAD 2 to HEAD 1",
        heap.free_tags(head(2)?..=head(1)?).err(),
    );
    refuse(
        stage,
        &heap,
        "HEAD 1 to TAIL 1",
        heap.free_tags(head(1)?..=tail(1)?).err(),
    );
    let guard = heap.pin(block).during("pinning")?;
    refuse(
        stage,
        &heap,
        "a block in use",
        heap.free_tags(head(1)?..=head(1)?).err(),
    );
    drop(guard);
    Ok(())
}

fn refuse(stage: &mut Stage, heap: &TagHeap<'_>, what: &str, error: Option<tagheap::Error>) {
    stage.expect(
        &format!("refused_{}", what.to_lowercase().replace(' ', "_")),
        true,
        error.is_some(),
    );
    if let Some(error) = error {
        stage.show(Line::new(Symbol::Refused, "free").note(error.to_string()));
    }
    stage.expect("live_after_refusal", 1, heap.live());
}

/// Much is free, in pieces.
fn fragmented(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Every second block is freed: much is free, in pieces");
    let mut memory = Memory::new(4096);
    let heap = memory.heap()?;
    for number in 0.. {
        if heap.alloc(100, head(number % 2)?).is_err() {
            break;
        }
    }
    heap.free_tags(head(1)?..=head(1)?).during("freeing")?;
    let shape = heap.fragmentation();
    stage.say(&format!(
        "   {} B free in {} holes and the end; the largest has {} B",
        shape.free, shape.holes, shape.largest_free
    ));
    let asked = shape.free / 2;
    let Err(error) = heap.alloc(asked, head(2)?) else {
        return Err(Trouble::new("half of what is free fits into a hole"));
    };
    stage.show(Line::new(Symbol::Refused, "alloc").bytes(asked));
    stage.say(&format!("   {error}"));
    stage.expect("no_hole_is_large_enough", true, shape.largest_free < asked);
    stage.note("free_in_holes", shape.bytes_in_holes);
    Ok(())
}

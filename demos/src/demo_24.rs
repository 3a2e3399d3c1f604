//! Demo 24: a freed block becomes one with its free neighbours, and their headers come back too.

use crate::stage::{Demo, During, Options, Question, Stage, Symbol, Trouble, play};
use crate::tagged::{Memory, at, draw, head, place, put, show};
use std::process::ExitCode;
use tagheap::{Coalescing, Freed, Handle, TagHeap};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "24",
    binary: "24_tagheap_coalescing",
    title: "free blocks that touch become one",
    question: Question {
        text: "four blocks A, B, C and D of 16 bytes. A and C are free, and now B is freed: how many bytes does that \
               recover?",
        answers: &[
            "16: the payload",
            "40: the payload and a header",
            "64: the payload and two headers",
        ],
        right: 2,
        why: "Three free blocks become one, and one header is enough for it. The other two are 24 bytes each.",
    },
    next: "can a neighbour grow into it? (25)",
    run,
    child: None,
};

/// The size of each block.
const BLOCK: usize = 16;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Case 0: an island");
    case(
        stage,
        &[0],
        "FIRST [FREE 4dw] [2 4dw] [3 4dw] [4 4dw] [FREE 74948dw] LAST",
        (16, Coalescing::Isolated),
    )?;
    stage.part("Case 1: the next one is free");
    case(
        stage,
        &[1, 0],
        "FIRST [FREE 14dw] [3 4dw] [4 4dw] [FREE 74948dw] LAST",
        (40, Coalescing::WithNext),
    )?;
    stage.part("Case 2: the previous one is free");
    case(
        stage,
        &[0, 1],
        "FIRST [FREE 14dw] [3 4dw] [4 4dw] [FREE 74948dw] LAST",
        (40, Coalescing::WithPrevious),
    )?;
    stage.part("Case 3: both are");
    let last = case(
        stage,
        &[0, 2, 1],
        "FIRST [FREE 24dw] [4 4dw] [FREE 74948dw] LAST",
        (64, Coalescing::WithBoth),
    )?;
    everything(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match last.bytes {
        16 => answers[0],
        40 => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// Four blocks, some of them freed in this order. Returns what the last one gave back.
fn case(
    stage: &mut Stage,
    order: &[usize],
    drawing: &str,
    (bytes, case): (usize, Coalescing),
) -> Result<Freed, Trouble> {
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let mut blocks = Vec::new();
    for number in 1..=4 {
        blocks.push(heap.alloc(BLOCK, head(number)?).during("allocating")?);
    }
    let mut last = Freed {
        bytes: 0,
        case: Coalescing::Isolated,
    };
    for &index in order {
        last = free(stage, &heap, blocks[index], ["A", "B", "C", "D"][index])?;
    }
    let name = format!("{case:?}").to_lowercase();
    draw(stage, &heap, &format!("layout_{name}"), drawing);
    stage.expect(&format!("recovered_{name}"), bytes, last.bytes);
    stage.expect(&format!("case_{name}"), true, last.case == case);
    Ok(last)
}

fn free(
    stage: &mut Stage,
    heap: &TagHeap<'_>,
    block: Handle,
    name: &str,
) -> Result<Freed, Trouble> {
    let place = place(heap, block)?;
    // stamp: free
    let freed = heap.free(block).during("freeing")?;
    let (bytes, headers) = (freed.bytes, freed.case.headers_gone());
    // /stamp: free
    let note = match headers {
        0 => format!("{name}: {bytes} B recovered"),
        1 => format!("{name}: {bytes} B recovered, a header among them"),
        _ => format!("{name}: {bytes} B recovered, {headers} headers among them"),
    };
    stage.event(Symbol::Plain, "free", BLOCK, at(heap, place), note);
    Ok(freed)
}

/// Six blocks, the even ones first, then the odd ones: nothing is left of them.
fn everything(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("Six blocks: free the even ones, then the odd ones");
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let mut blocks = Vec::new();
    for number in 0..6 {
        blocks.push(put(stage, &heap, (BLOCK, head(number)?), "")?);
    }
    let mut recovered = 0;
    for start in [0, 1] {
        for block in blocks.iter().skip(start).step_by(2) {
            recovered += heap.free(*block).during("freeing")?.bytes;
        }
        let holes = heap.fragmentation().holes;
        stage.expect(
            &format!("holes_after_{start}"),
            if start == 0 { 3 } else { 0 },
            holes,
        );
        show(stage, &heap);
    }
    stage.say(&format!(
        "   {recovered} B recovered: six payloads of 16, six headers of 24"
    ));
    stage.expect("recovered_in_all", 6 * (16 + 24), recovered);
    Ok(())
}

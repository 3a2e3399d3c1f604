//! Demo 23: a heap with two sides, and 24 bytes before every block.

use crate::demo_09a::TEXTS;
use crate::stage::{Demo, During, Line, Options, Question, Stage, Symbol, Trouble, play};
use crate::tagged::{Memory, at, draw, head, place, put, tail};
use std::process::ExitCode;
use tagheap::{Handle, Tag, TagHeap};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "23",
    binary: "23_tagheap_layout",
    title: "two sides of one heap, and 24 bytes before every block",
    question: Question {
        text: "a fresh heap has one free block of 74,988 dwords (of 4 bytes). After 16 and 32 bytes for HEAD and 16 \
               for TAIL: how many dwords are free?",
        answers: &[
            "74,972: the payloads are gone",
            "74,954",
            "74,966: HEAD and TAIL pay for themselves",
        ],
        right: 1,
        why: "Each block takes its payload and a header of 6 dwords: 10 + 14 + 10 dwords are gone.",
    },
    next: "free one of them: what becomes of its header? (24)",
    run,
    child: None,
};

/// Bytes in a dword.
const DWORD: usize = 4;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let mut memory = Memory::of_the_source();
    let heap = memory.heap()?;
    let first = two_sides(stage, &heap)?;
    header(stage, &heap, first)?;
    cut_tag(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match heap.free_bytes() / DWORD {
        74_972 => answers[0],
        74_954 => answers[1],
        _ => answers[2],
    });
    Ok(())
}

/// Three blocks. Returns the first.
fn two_sides(stage: &mut Stage, heap: &TagHeap<'_>) -> Result<Handle, Trouble> {
    stage.part("HEAD grows up, TAIL grows down, and one free block lies between");
    stage.event(
        Symbol::Alloc,
        "heap",
        heap.capacity(),
        at(heap, 0),
        "75,000 dwords",
    );
    draw(stage, heap, "layout_fresh", "FIRST [FREE 74988dw] LAST");
    let first = put(stage, heap, (16, head(1001)?), TEXTS[0])?;
    put(stage, heap, (32, head(1002)?), TEXTS[1])?;
    let drawing = "FIRST [1001 4dw] [1002 8dw] [FREE 74964dw] LAST";
    draw(stage, heap, "layout_head", drawing);
    let level = put(stage, heap, (16, tail(1)?), "a level")?;
    let drawing = "FIRST [1001 4dw] [1002 8dw] [FREE 74954dw] [TAIL1 4dw] LAST";
    draw(stage, heap, "layout_both", drawing);
    stage.expect("first_payload", 24, place(heap, first)?);
    stage.expect(
        "tail_ends_at",
        heap.capacity() - 24,
        place(heap, level)? + 16,
    );
    Ok(first)
}

/// The header of the first block, as it is in memory.
fn header(stage: &mut Stage, heap: &TagHeap<'_>, block: Handle) -> Result<(), Trouble> {
    stage.part("The 24 bytes before a payload");
    let payload = place(heap, block)?;
    let dwords = dwords_before(heap, payload);
    stage.show(
        Line::new(Symbol::Picture, "header")
            .bytes(24)
            .at(at(heap, payload - 24)),
    );
    let tag = dwords[2] & 0x7fff;
    for (name, value) in [
        ("block before", none_or(dwords[0])),
        (
            "size",
            format!(
                "{} dwords: the next header is 6 + {} dwords on",
                dwords[1], dwords[1]
            ),
        ),
        (
            "tag, flags",
            format!("HEAD {tag}, and a check byte over this and the size"),
        ),
        ("tag list", format!("previous {}", none_or(dwords[3]))),
        ("", format!("next {}", none_or(dwords[4]))),
        ("handle", format!("slot {}", dwords[5])),
    ] {
        stage.say(&format!("   {name:<14}{value}"));
    }
    stage.expect("header_size", 4, dwords[1]);
    stage.expect("header_tag", 1001, tag);
    stage.paragraph(
        "Links are distances from the heap's base, not addresses: the heap can be saved, and mapped elsewhere.",
    );
    Ok(())
}

// stamp: header
/// The six dwords before a payload.
fn dwords_before(heap: &TagHeap<'_>, payload: usize) -> [u32; 6] {
    let header = heap.base().as_ptr().wrapping_add(payload - 24);
    // SAFETY: the header of a live block is in the heap's memory, at a multiple of 4, and nobody writes to it now.
    unsafe { header.cast::<[u32; 6]>().read() }
}
// /stamp: header

fn none_or(link: u32) -> String {
    match link {
        u32::MAX => "none".to_owned(),
        link => format!("base+{}", link as usize * DWORD),
    }
}

/// Two spellings of TAIL, and what cutting does to one of them.
fn cut_tag(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("A tag is a type: nothing is cut");
    // stamp: tags
    let spelled = Tag::from_bits(0x8001).during("reading a tag")?; // TAIL 1, as old code writes it
    let cut = Tag::from_bits(0x8001 & 0x7fff).during("reading a tag")?; // what 15 bits would leave of it
    // /stamp: tags
    stage.say(&format!(
        "   0x8001 is {spelled}; cut to 15 bits it would be {cut}: the wrong side"
    ));
    stage.expect("spelled", "TAIL 1".to_owned(), spelled.to_string());
    stage.expect("cut", "HEAD 1".to_owned(), cut.to_string());
    for bits in [0x7fff, 0xc000] {
        let refused = Tag::from_bits(bits).err().map(|error| error.to_string());
        let refused =
            refused.ok_or_else(|| Trouble::new("a number that is no tag was taken for one"))?;
        stage.show(Line::new(Symbol::Refused, "tag").note(refused));
    }
    Ok(())
}

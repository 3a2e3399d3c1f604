//! What the demos of the tagged heap share: the heap of 75,000 dwords, and how it is shown.

use crate::stage::bytes::{c_string, quoted};
use crate::stage::{During, Line, Place, Stage, Symbol, Trouble};
use heap_view::{Span, State};
use tagheap::{BlockState, DEFAULT_LEN, Handle, Options, Tag, TagHeap};

/// Memory for a heap: one part for its control block, one for nothing but blocks.
#[derive(Debug)]
pub(crate) struct Memory {
    control: Vec<u8>,
    blocks: Vec<u8>,
}

impl Memory {
    /// Memory for so many bytes of blocks.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            control: vec![0; Options::new().control_len(len)],
            blocks: vec![0; len],
        }
    }

    /// Memory for the heap of the source.
    pub(crate) fn of_the_source() -> Self {
        Self::new(DEFAULT_LEN)
    }

    /// Makes a heap in it.
    pub(crate) fn heap(&mut self) -> Result<TagHeap<'_>, Trouble> {
        let options = Options::new();
        TagHeap::create_apart(&mut self.control, &mut self.blocks, &options)
            .during("making the heap")
    }
}

/// A HEAD tag.
pub(crate) fn head(number: u16) -> Result<Tag, Trouble> {
    Tag::head(number).during("naming a HEAD tag")
}

/// A TAIL tag.
pub(crate) fn tail(number: u16) -> Result<Tag, Trouble> {
    Tag::tail(number).during("naming a TAIL tag")
}

/// A place in a heap.
pub(crate) fn at(heap: &TagHeap<'_>, offset: usize) -> Place {
    Place::new("base", heap.base().addr().get(), offset)
}

/// Where the payload of a block is.
pub(crate) fn place(heap: &TagHeap<'_>, block: Handle) -> Result<usize, Trouble> {
    heap.payload_of(block).during("asking where a block is")
}

/// Allocates a block, writes a text into it, and shows it.
pub(crate) fn put(
    stage: &mut Stage,
    heap: &TagHeap<'_>,
    (size, tag): (usize, Tag),
    text: &str,
) -> Result<Handle, Trouble> {
    // stamp: put
    let block = heap.alloc(size, tag).during("allocating")?;
    heap.with_mut(block, |bytes| {
        bytes.fill(0);
        bytes[..text.len()].copy_from_slice(text.as_bytes());
    })
    .during("writing to a block")?;
    // /stamp: put
    let note = match text {
        "" => format!("{tag}"),
        text => format!("{tag}, {}", quoted(text)),
    };
    stage.event(
        Symbol::Alloc,
        "alloc",
        size,
        at(heap, place(heap, block)?),
        note,
    );
    Ok(block)
}

/// The text in a block.
pub(crate) fn text(heap: &TagHeap<'_>, block: Handle) -> Result<String, Trouble> {
    heap.with(block, c_string).during("reading a block")
}

/// Draws the heap, and compares it with the chapter.
pub(crate) fn draw(stage: &mut Stage, heap: &TagHeap<'_>, fact: &str, expected: &str) {
    let drawing = show(stage, heap);
    stage.expect(fact, expected.to_owned(), drawing);
}

/// Draws the heap, and returns the drawing.
pub(crate) fn show(stage: &mut Stage, heap: &TagHeap<'_>) -> String {
    let drawing = heap.drawing().to_string();
    stage.show(Line::new(Symbol::Picture, "heap").note(&drawing));
    stage.record(|recording| recording.snapshot(at(heap, 0), &drawing, spans(heap)));
    drawing
}

/// What the bytes of the heap are. The one large free block is left out: most of the heap was never used.
fn spans(heap: &TagHeap<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    for block in heap.walk() {
        let tag = block.is_live().then(|| u32::from(block.tag_bits()));
        let mut push = |from: usize, to: usize, state| {
            if from < to {
                let span = Span::new(from as u64, (to - from) as u64, state);
                spans.push(Span { tag, ..span });
            }
        };
        let end = block.payload + block.size;
        match block.state {
            BlockState::Live { requested, .. } => {
                push(block.offset, block.payload, State::Margin);
                push(block.payload, block.payload + requested, State::Live);
                push(block.payload + requested, end, State::Margin);
            }
            BlockState::Free if block.size < heap.capacity() / 2 => {
                push(block.offset, block.payload, State::Margin);
                push(block.payload, end, State::Freed);
            }
            BlockState::Free | BlockState::Last => {}
        }
    }
    spans
}

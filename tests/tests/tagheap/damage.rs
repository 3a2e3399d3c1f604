//! Every byte of a heap's image changed in turn: it is reported, or it was harmless.

use tagheap::{Handle, Options, Tag, TagHeap, Verdict};

use crate::memory::Memory;

const LEN: usize = 2048;

const HANDLES: u32 = 20;

const TAG_SLOTS: u32 = 4;

fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

/// A heap with blocks of both sides, holes, handles in use and free, and large slack.
fn populate(heap: &TagHeap<'_>) -> Vec<Handle> {
    let mut handles = Vec::new();
    for n in 0..8 {
        handles.push(heap.alloc(20 + 7 * usize::from(n), head(n % 3)).unwrap());
        let tail = Tag::tail(n % 3).unwrap();
        handles.push(heap.alloc(10 + usize::from(n), tail).unwrap());
    }
    for index in [2, 3, 8, 9] {
        heap.free(handles[index]).unwrap();
    }
    heap.realloc(handles[14], 5).unwrap();
    heap.alloc_raw(30, head(1)).unwrap();
    handles
}

/// Use all there is, and say whether anything was reported.
fn use_up(heap: &TagHeap<'_>, handles: &[Handle]) -> bool {
    let mut reported = heap.validate().is_err();
    let drawing = heap.drawing().to_string();
    assert!(drawing.len() < 10_000, "a walk that does not end");
    reported |= heap.defrag_plan(|_| Verdict::Move).is_err();
    for (index, handle) in handles.iter().enumerate() {
        reported |= heap.with(*handle, |bytes| bytes.len()).is_err();
        reported |= heap.realloc(*handle, 5 + 13 * index).is_err();
    }
    reported |= heap.tag_stats(head(0)..=head(9)).is_err();
    reported |= heap.defrag(|_| Verdict::Move).is_err();
    for size in [1, 40, 200] {
        reported |= heap.alloc(size, head(4)).is_err();
        reported |= heap.alloc_raw(size, Tag::tail(4).unwrap()).is_err();
    }
    for handle in handles.iter().step_by(2) {
        reported |= heap.free(*handle).is_err();
    }
    reported |= heap.free_tags(head(0)..=head(9)).is_err();
    reported | heap.validate().is_err()
}

/// The bytes that a sound heap has in free blocks and payloads may be anything.
fn is_metadata(heap: &TagHeap<'_>, blocks_at: usize) -> impl Fn(usize) -> bool + use<> {
    let headers: Vec<_> = heap.walk().map(|block| block.offset).collect();
    move |byte| {
        let in_header = |at: &usize| (blocks_at + at..blocks_at + at + 24).contains(&byte);
        byte < blocks_at || headers.iter().any(in_header)
    }
}

#[test]
fn any_changed_byte_is_reported_or_harmless() {
    for canaries in [false, true] {
        let options = Options::new()
            .handles(HANDLES)
            .tag_slots(TAG_SLOTS)
            .canaries(canaries);
        let mut memory = Memory::new(LEN);
        let first = memory.bytes().as_ptr().addr();
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let blocks_at = heap.base().addr().get() - first;
        let capacity = heap.capacity();
        let handles = populate(&heap);
        let is_metadata = is_metadata(&heap, blocks_at);
        let image = memory.bytes().to_vec();
        let mut silent = Vec::new();
        for byte in (0..LEN).filter(|byte| is_metadata(*byte)) {
            for flip in [1, 0x80, 0xff] {
                memory.bytes().copy_from_slice(&image);
                // Changed under an open heap.
                let heap = TagHeap::open(memory.bytes()).unwrap();
                let at = heap
                    .base()
                    .as_ptr()
                    .wrapping_add(byte)
                    .wrapping_sub(blocks_at);
                // SAFETY: within the memory that the heap was opened in; nobody has a reference to it.
                unsafe { *at ^= flip };
                if heap.validate().is_ok() {
                    silent.push(byte);
                }
                use_up(&heap, &handles);
                // Changed while nobody looked.
                memory.bytes().copy_from_slice(&image);
                memory.bytes()[byte] ^= flip;
                if let Ok(heap) = TagHeap::open(memory.bytes()) {
                    use_up(&heap, &handles);
                }
            }
        }
        silent.dedup();
        // What `validate` cannot know: generations and pins, slots that were never used, and up to
        // three bytes that fill the table of first blocks up to a dword.
        let table_at = options.control_len(capacity) - HANDLES as usize * 12;
        let elsewhere: Vec<_> = silent.iter().filter(|byte| **byte < table_at).collect();
        assert!(elsewhere.len() <= 3, "changed in silence: {elsewhere:?}");
        assert!(
            elsewhere
                .iter()
                .all(|byte| **byte > table_at - TAG_SLOTS as usize * 4 - 4)
        );
        assert!(
            silent.iter().all(|byte| *byte < blocks_at),
            "a header changed in silence"
        );
    }
}

//! Bytes as a heap's image: opened or refused, and used as far as it goes. Needs a nightly toolchain:
//! `cd tagheap && cargo +nightly fuzz run image`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagheap::{Options, Tag, TagHeap, Verdict};

const LEN: usize = 2048;

fuzz_target!(|bytes: &[u8]| {
    // The first byte says which index.
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let mut words = [0_u64; LEN / 8];
    // SAFETY: any bytes are bytes.
    let (_, memory, _) = unsafe { words.align_to_mut::<u8>() };
    let options = Options::new()
        .handles(16)
        .tag_slots(4)
        .table(first % 2 == 0);
    let heap = TagHeap::create(memory, &options).unwrap();
    let tag = Tag::head(1).unwrap();
    let handles = [10, 200, 30, 4].map(|size| heap.alloc(size, tag).unwrap());
    heap.free(handles[1]).unwrap();
    heap.alloc_raw(50, Tag::tail(1).unwrap()).unwrap();
    let (changes, _) = bytes.as_chunks::<3>();
    // SAFETY: any bytes are bytes.
    let (_, memory, _) = unsafe { words.align_to_mut::<u8>() };
    let heap = TagHeap::open(memory).unwrap();
    let start = heap
        .base()
        .as_ptr()
        .wrapping_sub(LEN - heap.capacity())
        .addr();
    let first = heap.base().as_ptr().with_addr(start);
    for &[low, high, value] in changes {
        let at = usize::from(u16::from_le_bytes([low, high])) % LEN;
        // SAFETY: within the memory that the heap was opened in; nobody has a reference to it.
        unsafe { first.add(at).write(value) };
    }
    let _ = heap.validate();
    for handle in handles {
        let _ = heap.with(handle, |bytes| bytes.len());
        let _ = heap.realloc(handle, 77);
    }
    let _ = heap.defrag_plan(|_| Verdict::Move);
    let _ = heap.defrag(|_| Verdict::Move);
    let _ = heap.alloc(40, tag);
    let _ = heap.alloc_raw_aligned(40, 8, Tag::tail(2).unwrap());
    let _ = heap.free_tags(tag..=tag);
    let _ = heap.free(handles[0]);
    let _ = heap.validate();
});

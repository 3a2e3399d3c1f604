//! A heap whose chain of blocks is checked after every step.

use std::ptr::NonNull;
use std::sync::Mutex;

use tagheap::{
    BlockState, DEFAULT_LEN, DefragReport, Error, Freed, Offer, Options, Tag, TagHeap, TagsFreed,
    Verdict,
};

/// The default heap, checked after each operation.
pub(crate) struct Checked(pub(crate) TagHeap<'static>);

/// HEAD tag by number.
pub(crate) fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

/// A TAIL tag in the spelling of the source.
pub(crate) fn tail(bits: u16) -> Tag {
    let tag = Tag::from_bits(bits).unwrap();
    assert_eq!(tag.side(), tagheap::Side::Tail);
    tag
}

/// Zeroed memory that lives as long as the tests do, aligned to 8 bytes.
fn memory(len: usize) -> &'static mut [u8] {
    // Known to the end, so that leak checkers do not take it for lost.
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let words = vec![0_u64; len.div_ceil(8)].leak();
    KEPT.lock().unwrap().push(words.as_ptr().addr());
    // SAFETY: any bytes are bytes.
    let (_, bytes, _) = unsafe { words.align_to_mut::<u8>() };
    &mut bytes[..len]
}

impl Checked {
    pub(crate) fn new() -> Self {
        let options = Options::new().table(super::has_table());
        let control = memory(options.control_len(DEFAULT_LEN));
        let heap = TagHeap::create_apart(control, memory(DEFAULT_LEN), &options).unwrap();
        let checked = Self(heap);
        checked.check();
        checked
    }

    /// Compare the whole heap with a drawing.
    #[track_caller]
    pub(crate) fn assert_drawing(&self, expected: &str) {
        assert_eq!(self.0.drawing().to_string(), expected);
    }

    /// Walk the chain forward and backward, and compare what it adds up to with what the heap says.
    #[track_caller]
    pub(crate) fn check(&self) {
        self.0.validate().unwrap();
        let blocks: Vec<_> = self.0.walk().collect();
        let (mut end, mut previous, mut free) = (0, None, 0);
        let mut largest = 0;
        for (index, block) in blocks.iter().enumerate() {
            assert_eq!(block.offset, end, "blocks tile the heap");
            assert_eq!(block.previous, previous, "the link back");
            assert_eq!(block.payload, block.offset + 24, "the header");
            assert_eq!(block.size % 4, 0, "whole dwords");
            let is_free = block.state == BlockState::Free;
            let free_before = index > 0 && blocks[index - 1].state == BlockState::Free;
            assert!(!(is_free && free_before), "free blocks touch");
            if is_free {
                free += block.size;
                largest = largest.max(block.size);
            }
            (end, previous) = (block.payload + block.size, Some(block.offset));
        }
        assert_eq!(end, DEFAULT_LEN, "blocks tile the heap to its end");
        let last = blocks.last().unwrap();
        assert_eq!((last.state, last.size), (BlockState::Last, 0));
        assert_eq!(
            (self.0.free_bytes(), self.0.largest_free()),
            (free, largest)
        );
    }

    #[track_caller]
    pub(crate) fn alloc(&self, size: usize, tag: Tag) -> NonNull<u8> {
        self.try_alloc(size, tag).unwrap()
    }

    #[track_caller]
    pub(crate) fn try_alloc(&self, size: usize, tag: Tag) -> Result<NonNull<u8>, Error> {
        let block = self.0.alloc_raw(size, tag);
        self.check();
        block
    }

    #[track_caller]
    pub(crate) fn free(&self, block: NonNull<u8>) -> Freed {
        // SAFETY: the tests do not use what they freed.
        let freed = unsafe { self.0.free_raw(block) }.unwrap();
        self.check();
        freed
    }

    #[track_caller]
    pub(crate) fn realloc(&self, block: NonNull<u8>, size: usize) -> NonNull<u8> {
        // SAFETY: the tests go on with what is returned.
        let block = unsafe { self.0.realloc_raw(block, size) }.unwrap();
        self.check();
        block
    }

    #[track_caller]
    pub(crate) fn free_tags(&self, low: Tag, high: Tag) -> TagsFreed {
        let freed = self.0.free_tags(low..=high).unwrap();
        self.check();
        freed
    }

    #[track_caller]
    pub(crate) fn defrag(&self, decide: impl FnMut(&Offer) -> Verdict) -> DefragReport {
        let report = self.0.defrag(decide).unwrap();
        self.check();
        report
    }

    /// Where a payload is, in bytes from the base.
    pub(crate) fn place(&self, block: NonNull<u8>) -> usize {
        self.0.offset_of(block.as_ptr()).unwrap()
    }

    /// Write dwords to the start of a payload.
    pub(crate) fn write(&self, block: NonNull<u8>, words: impl IntoIterator<Item = u32>) {
        for (index, word) in words.into_iter().enumerate() {
            // SAFETY: the tests write no more than they asked for.
            let at = unsafe { block.cast::<u32>().add(index) };
            // SAFETY: as above; payloads are aligned to 4.
            unsafe { at.write(word) };
        }
    }

    /// Read dwords from the start of a payload.
    pub(crate) fn read(&self, block: NonNull<u8>, words: usize) -> Vec<u32> {
        let slice = NonNull::slice_from_raw_parts(block.cast::<u32>(), words);
        // SAFETY: the tests read what they have written.
        unsafe { slice.as_ref() }.to_vec()
    }

    /// Write bytes to the start of a payload.
    pub(crate) fn fill(&self, block: NonNull<u8>, bytes: impl IntoIterator<Item = u8>) {
        for (index, byte) in bytes.into_iter().enumerate() {
            // SAFETY: the tests write no more than they asked for.
            let at = unsafe { block.add(index) };
            // SAFETY: as above.
            unsafe { at.write(byte) };
        }
    }

    /// Read bytes from the start of a payload.
    pub(crate) fn bytes(&self, block: NonNull<u8>, len: usize) -> Vec<u8> {
        let slice = NonNull::slice_from_raw_parts(block, len);
        // SAFETY: the tests read what they have written.
        unsafe { slice.as_ref() }.to_vec()
    }

    /// A payload by its place, once its block was moved.
    pub(crate) fn at(&self, place: usize) -> NonNull<u8> {
        // SAFETY: the place is in the heap.
        unsafe { self.0.base().add(place) }
    }
}

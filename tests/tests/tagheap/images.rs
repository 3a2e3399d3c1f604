//! A heap has no address in it.

use std::fs::File;

use arena_core::Region;
use tagheap::{Handle, OpenError, Options, RegionHeap, Tag, TagHeap, Verdict};

use crate::memory::Memory;

fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

/// Blocks with known bytes; each second one is freed.
fn populate(heap: &TagHeap<'_>) -> Vec<(Handle, u8)> {
    let mut kept = Vec::new();
    for n in 0..40_u8 {
        let tag = if n % 3 == 0 {
            Tag::tail(5).unwrap()
        } else {
            head(n.into())
        };
        let handle = heap.alloc(usize::from(n) * 3 + 1, tag).unwrap();
        heap.with_mut(handle, |bytes| bytes.fill(n)).unwrap();
        if n % 2 == 0 {
            kept.push((handle, n));
        } else {
            heap.free(handle).unwrap();
        }
    }
    kept
}

fn verify(heap: &TagHeap<'_>, kept: &[(Handle, u8)]) {
    heap.validate().unwrap();
    for (handle, n) in kept {
        heap.with(*handle, |bytes| assert!(bytes.iter().all(|byte| byte == n)))
            .unwrap();
    }
}

#[test]
fn a_copy_at_another_address_is_the_same_heap() {
    let mut memory = Memory::new(32 * 1024);
    let heap = TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let kept = populate(&heap);
    let drawing = heap.drawing().to_string();
    let mut copy = Memory::new(64 * 1024);
    // 256 bytes further on within a page: no address is a multiple of what it was.
    copy.bytes()[256..][..32 * 1024].copy_from_slice(memory.bytes());
    let moved = TagHeap::open(&mut copy.bytes()[256..]).unwrap();
    assert_eq!(moved.drawing().to_string(), drawing);
    verify(&moved, &kept);
    moved.defrag(|_| Verdict::Move).unwrap();
    verify(&moved, &kept);
}

#[test]
fn a_heap_in_a_file_is_there_when_it_is_mapped_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let again = || -> Region {
        let file = File::options()
            .read(true)
            .write(true)
            .open(file.path())
            .unwrap();
        // SAFETY: nobody else has the temporary file, and one region of it is open at a time.
        unsafe { Region::file(file, 64 * 1024) }.unwrap()
    };
    let heap = RegionHeap::create(again(), &Options::new()).unwrap();
    let base = heap.base();
    let kept = populate(&heap);
    drop(heap);
    // Somebody else has the address now.
    let _elsewhere = Region::anonymous(64 * 1024).unwrap();
    let heap = RegionHeap::open(again()).unwrap();
    verify(&heap, &kept);
    assert_ne!(heap.base(), base, "it is mapped elsewhere");
    heap.free_tags(head(0)..=head(0x3fff)).unwrap();
    assert!(heap.live() > 0);
}

#[test]
fn a_reserved_region_is_committed() {
    let heap = RegionHeap::create(Region::reserve(1 << 20).unwrap(), &Options::new()).unwrap();
    let kept = populate(&heap);
    verify(&heap, &kept);
    assert!(
        heap.region().resident().unwrap() < 1 << 18,
        "untouched memory costs nothing"
    );
}

#[test]
fn a_heap_whose_blocks_would_be_misaligned_is_not_opened() {
    let mut memory = Memory::new(32 * 1024);
    let heap = TagHeap::create(memory.bytes(), &Options::new().base_align(256).unwrap()).unwrap();
    heap.alloc_aligned(8, 256, head(1)).unwrap();
    let mut copy = Memory::new(64 * 1024);
    copy.bytes()[64..][..32 * 1024].copy_from_slice(memory.bytes());
    let refused = TagHeap::open(&mut copy.bytes()[64..]).unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
    assert_eq!(refused.to_string(), "misaligned block at base+232");
}

#[test]
fn an_image_cut_short_is_not_opened() {
    let mut memory = Memory::new(32 * 1024);
    TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    for len in [0, 4, 60, 71, 72, 100, 5000, 32 * 1024 - 16] {
        assert!(
            TagHeap::open(&mut memory.bytes()[..len]).is_err(),
            "{len} bytes"
        );
    }
}

#[test]
fn an_image_with_a_flag_that_nobody_knows_is_not_opened() {
    let mut memory = Memory::new(4096);
    TagHeap::create(memory.bytes(), &Options::new()).unwrap();
    let words = |bytes: &[u8]| -> Vec<u32> {
        let (words, _) = bytes.as_chunks();
        words.iter().copied().map(u32::from_le_bytes).collect()
    };
    let sum = |words: &[u32]| {
        let constants = words[..8].iter();
        constants.fold(0x1234_5678_u32, |sum, word| sum.rotate_left(5) ^ word)
    };
    let said = words(memory.bytes());
    assert_eq!(sum(&said), said[8], "the constants are summed up so");
    // The flags, and the sum, which agrees.
    memory.bytes()[24] |= 4;
    let sum = sum(&words(memory.bytes()));
    memory.bytes()[32..36].copy_from_slice(&sum.to_le_bytes());
    let refused = TagHeap::open(memory.bytes()).unwrap_err();
    let said = "corrupt control block: it is not this heap's";
    assert_eq!(refused.to_string(), said);
}

//! Bytes as a program on two heaps: every block where the walker puts it. Needs a nightly toolchain:
//! `cd tagheap && cargo +nightly fuzz run walker`.
#![no_main]

use std::ptr::NonNull;

use libfuzzer_sys::fuzz_target;
use tagheap::walker::Walker;
use tagheap::{BlockState, Options, Tag, TagHeap, Verdict};

const LEN: usize = 16 * 1024;

#[repr(align(4096))]
struct Memory([u8; LEN]);

fuzz_target!(|bytes: &[u8]| {
    // The first byte says which index.
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let options = Options::new().table(first % 2 == 0);
    let mut control = vec![0_u64; options.control_len(LEN).div_ceil(8)];
    // SAFETY: any bytes are bytes.
    let (_, control, _) = unsafe { control.align_to_mut::<u8>() };
    let mut blocks = Box::new(Memory([0; LEN]));
    let heap = TagHeap::create_apart(control, &mut blocks.0, &options).unwrap();
    let mut walker = Walker::new(LEN);
    let mut live: Vec<usize> = Vec::new();
    let (ops, _) = bytes.as_chunks::<4>();
    for &[kind, tag, size, pick] in ops {
        perform(
            &heap,
            &mut walker,
            &mut live,
            (kind, tag, usize::from(size), usize::from(pick)),
        );
        compare(&heap, &walker);
    }
    heap.validate().unwrap();
});

fn perform(
    heap: &TagHeap<'_>,
    walker: &mut Walker,
    live: &mut Vec<usize>,
    (kind, tag, size, pick): (u8, u8, usize, usize),
) {
    let number = u16::from(tag >> 1) % 8;
    let side = [Tag::head(number), Tag::tail(number)][usize::from(tag & 1)].unwrap();
    let size = size << (kind >> 5);
    let place = |block: NonNull<u8>| heap.offset_of(block.as_ptr()).unwrap();
    // SAFETY: places are in the heap.
    let block = |place: usize| unsafe { heap.base().add(place) };
    match kind % 8 {
        0..=3 => {
            let align = 4 << (pick % 8);
            let expected = walker.alloc(size, align, side);
            assert_eq!(
                heap.alloc_raw_aligned(size, align, side).map(place),
                expected
            );
            live.extend(expected);
        }
        4 if !live.is_empty() => {
            let at = live.swap_remove(pick % live.len());
            // SAFETY: blocks are used by their place only.
            let freed = unsafe { heap.free_raw(block(at)) };
            assert_eq!(freed, Ok(walker.free(at)));
        }
        5 if !live.is_empty() => {
            let index = pick % live.len();
            let expected = walker.realloc(live[index], size);
            // SAFETY: blocks are used by their place only.
            let grown = unsafe { heap.realloc_raw(block(live[index]), size) };
            assert_eq!(grown.map(place), expected);
            live[index] = expected.unwrap_or(live[index]);
        }
        6 => {
            let freed = heap.free_tags(side..=side).unwrap();
            assert_eq!(freed, walker.free_tags(side, side));
            let kept: Vec<_> = heap
                .walk()
                .filter(|block| block.is_live())
                .map(|block| block.payload)
                .collect();
            live.retain(|at| kept.contains(at));
        }
        7 => {
            let mut moved = Vec::new();
            walker.defrag(|tag, from, to| {
                let moves = tag != side;
                if moves {
                    moved.push((from, to));
                }
                moves
            });
            let verdict = |moves| if moves { Verdict::Move } else { Verdict::Veto };
            heap.defrag(|offer| verdict(offer.tag != side)).unwrap();
            for at in live {
                if let Some((_, to)) = moved.iter().find(|(from, _)| from == at) {
                    *at = *to;
                }
            }
        }
        _ => {}
    }
}

fn compare(heap: &TagHeap<'_>, walker: &Walker) {
    let mut expected = walker.chain().into_iter();
    for block in heap.walk() {
        let requested = match block.state {
            BlockState::Live { requested, .. } => requested,
            BlockState::Free | BlockState::Last => 0,
        };
        let seen = (block.offset, block.tag_bits(), block.size, requested);
        assert_eq!(Some(seen), expected.next());
    }
    assert_eq!(expected.next(), None);
    assert_eq!(heap.count_free_head(), walker.count_free_head());
}

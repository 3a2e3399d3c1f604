//! What a defragmentation costs beside the copying alone, and what freeing a tag costs.

use std::hint::black_box;

use tagheap::{Block, Options, Tag, Verdict};

use crate::clock::Moment;
use crate::peers::{memory, tag_heap};

/// The area that is defragmented.
const AREA: usize = 64 << 20;

/// Returns bytes a nanosecond: of a defragmentation of blocks of this size, every third one freed, and
/// of moving the same bytes by the same distances with nothing else done.
pub(crate) fn defrag(size: usize) -> (f64, f64) {
    let heap = tag_heap(AREA, &Options::new());
    let tags = [0, 1].map(|n| Tag::head(n).expect("a tag"));
    let mut index = 0_usize;
    while heap
        .alloc_raw(size, tags[usize::from(index.is_multiple_of(3))])
        .is_ok()
    {
        index += 1;
    }
    heap.free_tags(tags[1]..=tags[1])
        .expect("a tag of this heap");
    let mut moves = Vec::with_capacity(index);
    heap.defrag_plan(|offer| {
        moves.push((offer.from, offer.to, offer.requested));
        Verdict::Move
    })
    .expect("a sound heap");
    let plain = plain_moves(&moves);
    // As the plain moves' bytes were: written just now, the last of them still in the caches.
    for block in heap.walk().filter(Block::is_live) {
        let payload = heap.base().as_ptr().wrapping_add(block.payload);
        // SAFETY: the payload of a live block, to which nobody has a reference.
        unsafe { payload.write_bytes(1, block.size) };
    }
    let start = Moment::now();
    let report = heap.defrag(|_| Verdict::Move).expect("a sound heap");
    let time = start.elapsed();
    assert_eq!(report.moves, moves.len());
    (report.bytes as f64 / time, plain)
}

fn plain_moves(moves: &[(usize, usize, usize)]) -> f64 {
    let area = memory(AREA);
    area.fill(1);
    let start = Moment::now();
    for &(from, to, len) in moves {
        black_box(&mut *area).copy_within(from..from + len, to);
    }
    let time = start.elapsed();
    moves.iter().map(|(.., len)| len).sum::<usize>() as f64 / time
}

/// Returns nanoseconds for each block freed: `blocks` of one tag among 100,000 in all.
pub(crate) fn free_tag(blocks: usize) -> f64 {
    const ALL: usize = 100_000;
    let heap = tag_heap(ALL * 200, &Options::new());
    let tags = [1, 2].map(|n| Tag::head(n).expect("a tag"));
    let every = ALL / blocks;
    for index in 0..ALL {
        let tag = tags[usize::from(index.is_multiple_of(every))];
        heap.alloc_raw(100, tag).expect("room for all");
    }
    let start = Moment::now();
    let freed = heap
        .free_tags(tags[1]..=tags[1])
        .expect("a tag of this heap");
    let time = start.elapsed();
    assert_eq!(freed.blocks, blocks);
    time / blocks as f64
}

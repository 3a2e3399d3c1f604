use std::vec;
use std::vec::Vec;

use super::*;
use crate::header::Unsound;
use crate::heap::TagHeap;
use crate::options::Options;
use crate::tag::Tag;

const HOLES: usize = 2_000;

/// Make a heap with so many holes, freed in this order, and look at its tree.
fn depths(order: impl Fn(usize) -> usize) -> Vec<u32> {
    let handles = 2 * HOLES as u32;
    let options = Options::new().handles(handles).table(false);
    let mut memory = vec![0_u32; HOLES * 26 + 1000];
    // SAFETY: any dwords are bytes.
    let (_, memory, _) = unsafe { memory.align_to_mut::<u8>() };
    let heap = TagHeap::create(memory, &options).unwrap();
    let blocks: Vec<_> = (0..2 * HOLES)
        .map(|_| heap.alloc(16, Tag::head(1).unwrap()).unwrap())
        .collect();
    for index in 0..HOLES {
        heap.free(blocks[2 * order(index)]).unwrap();
    }
    heap.validate().unwrap();
    let core = &heap.core;
    let mut depths = Vec::new();
    let mut next = vec![(core.control.root(), NONE, 1)];
    while let Some((at, parent, depth)) = next.pop() {
        if let Ok(Some(node)) = core.node_or_none::<Unsound>(at, parent) {
            depths.push(depth);
            next.extend(node.children.map(|child| (child, at, depth + 1)));
        }
    }
    depths
}

#[test]
fn the_tree_is_not_deep_whatever_the_order() {
    let scattered = |index| index * 791 % HOLES;
    for order in [
        &(|index| index) as &dyn Fn(usize) -> usize,
        &|index| HOLES - 1 - index,
        &scattered,
    ] {
        let depths = depths(order);
        // What is left at the end is one more.
        assert_eq!(depths.len(), HOLES + 1);
        // Twice the mean of a tree that is as flat as can be, and five times its depth.
        let mean = f64::from(depths.iter().sum::<u32>()) / depths.len() as f64;
        assert!(mean < 20.0, "a mean depth of {mean}");
        let most = depths.into_iter().max().unwrap();
        assert!(most < 55, "a depth of {most}");
    }
}

#[test]
fn half_as_many_have_each_rank_as_the_one_before() {
    let options = Options::new().handles(0).table(false);
    let mut memory = vec![0_u32; 1000];
    // SAFETY: any dwords are bytes.
    let (_, memory, _) = unsafe { memory.align_to_mut::<u8>() };
    let heap = TagHeap::create(memory, &options).unwrap();
    let mut counts = [0_u32; 32];
    for _ in 0..1 << 16 {
        counts[heap.core.control.draw_rank() as usize] += 1;
    }
    for (rank, count) in counts.into_iter().enumerate().take(8) {
        let expected = f64::from(1_u32 << (15 - rank));
        let off = (f64::from(count) - expected).abs() / expected.sqrt();
        assert!(off < 5.0, "{count} of rank {rank}, {expected} are expected");
    }
}

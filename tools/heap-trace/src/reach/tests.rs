use std::alloc::Layout;

use crate::{Class, Roots, TracedArena};

/// An arena of nodes that are all pointer; `links` says which leads to which.
fn classes(len: usize, links: &[(usize, usize)], roots: &[usize]) -> Vec<Class> {
    let arena = TracedArena::new(arena_core::Arena::new());
    let nodes: Vec<_> = (0..len)
        .map(|size| {
            let layout = Layout::array::<usize>(size + 1).unwrap();
            arena.alloc_layout_zeroed(layout).cast::<usize>()
        })
        .collect();
    for &(from, to) in links {
        // SAFETY: a node of the arena, of a word at least.
        unsafe { nodes[from].write(nodes[to].addr().get()) };
    }
    let held: Vec<usize> = roots.iter().map(|&root| nodes[root].addr().get()).collect();
    let report = arena.report(&Roots::new().none().value(&held[..]));
    let mut blocks = report.blocks;
    blocks.sort_by_key(|(_, block)| block.id);
    blocks.into_iter().map(|(class, _)| class).collect()
}

use Class::{DefinitelyLost as D, IndirectlyLost as I, StillReachable as S};

#[test]
fn a_chain_from_a_root_is_reachable() {
    assert_eq!(classes(4, &[(0, 1), (1, 2)], &[0]), [S, S, S, D]);
}

#[test]
fn only_the_head_of_a_lost_chain_is_definitely_lost() {
    assert_eq!(classes(3, &[(0, 1), (1, 2)], &[]), [D, I, I]);
    assert_eq!(classes(3, &[(2, 1), (1, 0)], &[]), [I, I, D]);
}

#[test]
fn one_block_of_a_lost_ring_is_definitely_lost() {
    assert_eq!(classes(3, &[(0, 1), (1, 2), (2, 0)], &[]), [D, I, I]);
    assert_eq!(classes(1, &[(0, 0)], &[]), [D]);
}

#[test]
fn what_a_lost_block_points_to_is_reachable_if_a_root_does_too() {
    assert_eq!(classes(2, &[(0, 1)], &[1]), [D, S]);
}

#[test]
fn a_pointer_behind_the_last_byte_reaches_nothing() {
    let arena = TracedArena::new(arena_core::Arena::new());
    let block = arena.alloc_layout(Layout::new::<[u8; 8]>());
    let behind = block.addr().get() + 8;
    assert_eq!(arena.report(&Roots::new().value(&behind)).lost().blocks, 1);
    let last = block.addr().get() + 7;
    let report = arena.report(&Roots::new().value(&last));
    assert_eq!(report.sum(Class::PossiblyLost).blocks, 1);
}

#[test]
fn a_pointer_on_the_stack_is_a_root_of_the_process() {
    let arena = TracedArena::new(arena_core::Arena::new());
    let held = std::hint::black_box(arena.alloc_layout(Layout::new::<[u8; 8]>()));
    let report = arena.report(&Roots::new().of_process());
    assert_eq!(report.sum(Class::StillReachable).blocks, 1, "{report}");
    assert!(std::hint::black_box(held).addr().get() > 0);
}

#[test]
fn a_root_that_is_not_mapped_is_skipped() {
    let arena = TracedArena::new(arena_core::Arena::new());
    arena.alloc(1_u8);
    let report = arena.report(&Roots::new().range(4096, 1 << 20));
    assert_eq!(report.lost().blocks, 1);
}

use std::collections::HashSet;

use super::*;
use crate::bill::Malloc;

#[test]
fn what_is_freed_is_a_leaf_and_what_is_written_is_the_link_to_it() {
    let work = Workload {
        blocks: 400,
        deeds: 100,
        ..Workload::default()
    };
    let mut tree = Tree::build(&mut Malloc, &work).unwrap();
    let steps = tree.steps(Deed::Free, &work);
    assert_eq!(steps.len(), 100);
    for step in &steps {
        let (block, _) = step.free.unwrap();
        // SAFETY: a node of the tree begins with two links.
        assert_eq!(unsafe { block.cast::<[u64; 2]>().read() }, [0, 0]);
        // SAFETY: a link of another node.
        assert_eq!(unsafe { step.write.read() }, block.addr().get() as u64);
    }
    let blocks: HashSet<_> = steps.iter().map(|step| step.block).collect();
    assert_eq!(blocks.len(), steps.len(), "no block is freed twice");
    tree.free(&mut Malloc);
}

#[test]
fn the_same_seed_draws_the_same_deeds_and_another_draws_others() {
    let deeds = |seed| {
        let work = Workload {
            blocks: 400,
            deeds: 50,
            seed,
        };
        let mut tree = Tree::build(&mut Malloc, &work).unwrap();
        let steps = tree.steps(Deed::Mutate, &work);
        tree.free(&mut Malloc);
        steps.iter().map(|step| step.block).collect::<Vec<_>>()
    };
    assert_eq!(deeds(7), deeds(7));
    assert_ne!(deeds(7), deeds(8));
}

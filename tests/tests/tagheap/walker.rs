//! The same placement as the walker, block for block, after every operation.

use proptest::prelude::*;
use tagheap::Options;

use crate::memory::Memory;
use crate::model::{Op, Pair, ops};

fn run(ops: impl IntoIterator<Item = Op>, len: usize, options: &Options, check_each: usize) {
    let mut control = Memory::new(options.control_len(len));
    let mut blocks = Memory::new(len);
    let mut pair = Pair::new(control.bytes(), blocks.bytes(), options);
    for (step, op) in ops.into_iter().enumerate() {
        pair.perform(op);
        if step % check_each == 0 {
            pair.compare();
            pair.compare_bytes();
            pair.heap.validate().unwrap();
        }
    }
    pair.compare();
    pair.heap.validate().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_program_has_the_same_blocks_as_on_the_walker(
        ops in prop::collection::vec(ops(), 0..120), len in 64..6000_usize, slots in 0..20_u32, table: bool,
    ) {
        run(ops, len, &Options::new().tag_slots(slots).table(table), 1);
    }
}

#[test]
fn a_long_program_in_a_large_heap_has_the_same_blocks_as_on_the_walker() {
    for table in [true, false] {
        run(
            long_program(),
            200_000,
            &Options::new().handles(4096).table(table),
            97,
        );
    }
}

fn long_program() -> Vec<Op> {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let strategy = ops();
    let mut next = || strategy.new_tree(&mut runner).unwrap().current();
    (0..12_000)
        .map(|_| next())
        // Freeing whole ranges would keep the heap nearly empty.
        .filter(|op| !matches!(op, Op::FreeTags { .. }))
        .collect()
}

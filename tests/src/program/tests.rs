use std::collections::BTreeSet;

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Alloc { .. } => "alloc",
        Op::Grow { .. } => "grow",
        Op::Shrink { .. } => "shrink",
        Op::Free { .. } => "free",
        Op::Checkpoint => "checkpoint",
        Op::Rewind { .. } => "rewind",
        Op::Reset => "reset",
        Op::Defrag => "defrag",
    }
}

const KINDS: [&str; 8] = [
    "alloc",
    "checkpoint",
    "defrag",
    "free",
    "grow",
    "reset",
    "rewind",
    "shrink",
];

#[test]
fn bytes_reach_every_operation_and_both_ends_of_the_sizes() {
    let mut kinds = BTreeSet::new();
    let mut sizes = BTreeSet::new();
    for a in 0..=255 {
        for b in 0..=255 {
            let op = Program::from_bytes(&[a, b, a ^ b, b]).0[0];
            kinds.insert(kind(&op));
            if let Op::Alloc { layout, .. } = op {
                sizes.insert(layout.size());
            }
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KINDS);
    assert_eq!(sizes.first(), Some(&0));
    assert!(sizes.last() > Some(&edges::IMPOSSIBLE_LEN));
}

#[test]
fn bytes_that_make_no_whole_operation_are_left_out() {
    assert_eq!(Program::from_bytes(&[]), Program::default());
    assert_eq!(Program::from_bytes(&[1, 2, 3]), Program::default());
    assert_eq!(Program::from_bytes(&[0; 9]).0.len(), 2);
}

#[test]
fn strategy_reaches_every_operation() {
    let mut runner = TestRunner::deterministic();
    let strategy = Program::strategy(64);
    let kinds: BTreeSet<_> = (0..64)
        .flat_map(|_| strategy.new_tree(&mut runner).unwrap().current().0)
        .map(|op| kind(&op))
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KINDS);
}

#[test]
fn program_reads_as_numbered_sentences() {
    let program = Program(vec![
        Op::Alloc {
            layout: edges::layout(24, 8),
            contents: Contents::Zeroed,
        },
        Op::Grow {
            block: 0,
            extra: 8,
            align: NewAlign::To(16),
            contents: Contents::Uninit,
        },
        Op::Rewind { scope: 1 },
    ]);
    assert_eq!(
        program.to_string(),
        "  step 0: alloc 24 bytes, align 8, zeroed\n  \
         step 1: grow live block 0 by 8 bytes, align 16\n  \
         step 2: rewind scope 1\n"
    );
}

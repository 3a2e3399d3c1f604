//! Written, read again, made from a recording; and what is refused, with its line.

use super::*;
use crate::event::{Action, BlockId, Event, Extent, RegionId};
use proptest::prelude::*;

const TEXT: &str = "20000\n2\n5\n1\na 0 512\na 1 128\nr 0 640\nf 1\nf 0\n";

#[test]
fn what_is_read_is_written_the_same() {
    let rep = Rep::read(TEXT.as_bytes()).expect("a workload");
    assert_eq!((rep.heap_size, rep.ids, rep.weight), (20_000, 2, 1));
    assert_eq!(rep.operations[2], Operation::Realloc { id: 0, size: 640 });
    assert_eq!(rep.to_string(), TEXT);
    // Blanks and empty lines are no fault: other writers leave some.
    let loose = TEXT.replace('\n', " \r\n") + "\n\n";
    assert_eq!(Rep::read(loose.as_bytes()).expect("a workload"), rep);
}

#[test]
fn a_line_that_is_wrong_is_said() {
    let header =
        "a .rep file begins with heap size, ids, operations and weight, a number on each line";
    for (old, new, said) in [
        ("20000\n", "", "line 4: not a weight"),
        ("20000", "x", "line 1: not a heap size"),
        ("\n2\n", "\n-2\n", "line 2: not a number of ids"),
        ("\n2\n", "\n4294967296\n", "line 2: not a number of ids"),
        (
            "a 1 128",
            "a 2 128",
            "line 6: id 2: the file says that there are 2",
        ),
        ("a 1 128", "a 0 128", "line 6: id 0 is allocated already"),
        (
            "f 1",
            "f 1\nf 1",
            "line 9: id 1 is not allocated, or is freed",
        ),
        (
            "a 1 128\nr 0",
            "r 1 128\nr 0",
            "line 6: id 1 is not allocated, or is freed",
        ),
        (
            "a 1 128",
            "a 1",
            "line 6: \"a 1\" is no operation: `a id bytes`, `r id bytes` or `f id`",
        ),
        (
            "a 1 128",
            "a 1 128 9",
            "line 6: \"a 1 128 9\" is no operation",
        ),
        ("a 1 128", "x 1 128", "line 6: \"x 1 128\" is no operation"),
        (
            "f 1\nf 0\n",
            "",
            "line 7: the file says 5 operations, and has 3",
        ),
        ("f 0\n", "", "line 8: the file says 5 operations, and has 4"),
    ] {
        let text = TEXT.replacen(old, new, 1);
        let refused = Rep::read(text.as_bytes()).expect_err(&text).to_string();
        assert!(refused.starts_with(said), "{text}: {refused}");
        if said.contains("not a ") {
            assert!(refused.ends_with(header), "{refused}");
        }
    }
    let refused = Rep::read(&b""[..]).expect_err("empty").to_string();
    assert!(refused.starts_with("line 1: not a heap size"), "{refused}");
    assert!(Rep::read(&b"\xff\n"[..]).is_err());
}

#[test]
fn a_recording_becomes_a_workload() {
    let region = RegionId(0);
    let mut trace = Trace::default();
    let alloc = |block, at, size| Action::Alloc {
        region,
        block: BlockId(block),
        to: Extent::new(at, size),
        align: 8,
        tag: None,
    };
    let (base, size) = (0, 0);
    let (block, to) = (BlockId(7), Extent::new(0, 80));
    for action in [
        Action::Map { region, base, size },
        alloc(7, 0, 64),
        alloc(9, 100, 32),
        Action::Note,
        Action::Realloc { region, block, to },
        Action::Move {
            region,
            block,
            to: 8,
        },
        Action::Rewind { region, to: 100 },
        alloc(9, 100, 16),
        Action::Unmap { region },
    ] {
        trace.record(Event::new(action));
    }
    let rep = Rep::of(&trace).expect("it fits");
    let text = rep.to_string();
    assert_eq!(
        text,
        "112\n3\n7\n1\na 0 64\na 1 32\nr 0 80\nf 1\na 2 16\nf 0\nf 2\n"
    );
    assert_eq!(Rep::read(text.as_bytes()).expect("its own"), rep);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "([0-9]{1,3}\n){4}([arf] [0-9]{1,2}( [0-9]{1,4})?\n){0,9}") {
        if let Ok(rep) = Rep::read(text.as_bytes()) {
            prop_assert_eq!(Rep::read(rep.to_string().as_bytes()).expect("its own"), rep);
        }
    }
}

use tagheap::{BlockState, Error};

use super::checked::{Checked, head, tail};

#[test]
fn initialization() {
    let heap = Checked::new();
    let blocks: Vec<_> = heap.0.walk().collect();
    let [first, last] = blocks[..] else {
        panic!("{} blocks after init", blocks.len());
    };
    assert_eq!((first.offset, last.offset), (0, 299_976));
    assert_eq!((first.tag_bits(), last.tag_bits()), (0x7fff, 0x7fff));
    assert_eq!((first.size, last.size), (74_988 * 4, 0));
    assert_eq!((first.previous, last.previous), (None, Some(0)));
    assert_eq!(
        (first.state, last.state),
        (BlockState::Free, BlockState::Last)
    );
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
    assert_eq!((heap.0.live(), heap.0.capacity()), (0, 300_000));
}

#[test]
fn simple_head_allocation() {
    let heap = Checked::new();
    let a = heap.alloc(16, head(1001));
    let b = heap.alloc(32, head(1002));
    assert_ne!(a, b);
    assert_eq!((heap.place(a), heap.place(b)), (24, 64));
    heap.assert_drawing("FIRST [1001 4dw] [1002 8dw] [FREE 74964dw] LAST");
    assert_eq!(heap.0.live(), 2);
}

#[test]
fn simple_tail_allocation() {
    let heap = Checked::new();
    let a = heap.alloc(16, tail(0x8001));
    let b = heap.alloc(32, tail(0x8002));
    assert_ne!(a, b);
    assert!(b < a, "TAIL grows downward");
    assert_eq!(heap.place(a) + 16, 299_976);
    heap.assert_drawing("FIRST [FREE 74964dw] [TAIL2 8dw] [TAIL1 4dw] LAST");
}

#[test]
fn mixed_head_tail_allocation() {
    let heap = Checked::new();
    let heads = [heap.alloc(16, head(1)), heap.alloc(16, head(2))];
    let tails = [heap.alloc(16, tail(0x8001)), heap.alloc(16, tail(0x8002))];
    assert!(heads.iter().max() < tails.iter().min());
    let free = heap
        .0
        .walk()
        .find(|block| block.state == BlockState::Free)
        .unwrap();
    assert!(free.offset > heap.place(heads[1]) && free.offset < heap.place(tails[1]));
    heap.assert_drawing("FIRST [1 4dw] [2 4dw] [FREE 74948dw] [TAIL2 4dw] [TAIL1 4dw] LAST");
    assert_eq!(heap.0.count_free_head(), 74_948 * 4);
}

#[test]
fn countfreehead() {
    let heap = Checked::new();
    let fresh = heap.0.count_free_head();
    assert_eq!(fresh, 299_952);
    let a = heap.alloc(256, head(7));
    assert_eq!(heap.0.count_free_head(), fresh - 256 - 24);
    // A hole between TAIL blocks is not HEAD's.
    let t = [1, 2, 3].map(|n| heap.alloc(64, tail(0x8000 | n)));
    heap.free(t[1]);
    assert_eq!(heap.0.count_free_head(), fresh - (256 + 24) - 3 * (64 + 24));
    assert_eq!(heap.0.free_bytes(), heap.0.count_free_head() + 64);
    heap.free(t[2]);
    assert_eq!(heap.0.count_free_head(), fresh - (256 + 24) - (64 + 24));
    heap.free(t[0]);
    heap.free(a);
    assert_eq!(heap.0.count_free_head(), fresh);
}

#[test]
fn alloc_at_capacity() {
    let heap = Checked::new();
    let pristine = heap.0.drawing().to_string();
    let refused = heap.try_alloc(10_000_000, head(1));
    let largest_free = 299_952;
    assert_eq!(
        refused,
        Err(Error::NoRoom {
            requested: 10_000_000,
            largest_free
        })
    );
    heap.assert_drawing(&pristine);
    for impossible in [usize::MAX, usize::MAX - 3, isize::MAX as usize, 1 << 33] {
        assert!(heap.try_alloc(impossible, tail(0x8001)).is_err());
    }
    let nearly = heap.alloc(largest_free - 1024, head(1));
    assert_eq!(heap.0.free_bytes(), 1024 - 24);
    heap.free(nearly);
    let exact = heap.alloc(largest_free, head(1));
    heap.assert_drawing("FIRST [1 74988dw] LAST");
    assert_eq!(heap.0.free_bytes(), 0);
    assert!(heap.try_alloc(0, head(1)).is_err());
    assert!(heap.try_alloc(0, tail(0x8001)).is_err());
    heap.free(exact);
    assert!(heap.try_alloc(largest_free + 1, head(1)).is_err());
    heap.alloc(largest_free, tail(0x8001));
    heap.assert_drawing("FIRST [TAIL1 74988dw] LAST");
}

#[test]
fn rapid_alloc_free_cycles() {
    let heap = Checked::new();
    for cycle in 0..100 {
        let blocks = [0; 10].map(|_| heap.0.alloc_raw(32, head(cycle)).unwrap());
        heap.check();
        for block in blocks.into_iter().rev() {
            heap.free(block);
        }
    }
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
    assert_eq!(heap.0.live(), 0);
}

#[test]
fn allocation_alignment() {
    let heap = Checked::new();
    for size in [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 100, 256, 1000] {
        for tag in [head(3), tail(0x8003)] {
            let block = heap.alloc(size, tag);
            assert_eq!(block.addr().get() % 4, 0, "{size} bytes, {tag}");
            heap.fill(block, vec![0xaa; size]);
        }
        let of_size =
            |block: &tagheap::Block| block.is_live() && block.size < size.next_multiple_of(4);
        assert!(
            !heap
                .0
                .walk()
                .any(|block| block.size == 0 && block.is_live())
        );
        assert!(heap.0.walk().filter(of_size).count() < 28);
    }
    assert_eq!(heap.0.live(), 28);
}

#[test]
fn a_split_leaves_16_bytes_or_nothing() {
    for (size, drawing) in [
        (76, "FIRST [1 19dw] [FREE 11dw] [2 1dw] [FREE 74939dw] LAST"),
        (80, "FIRST [1 20dw] [FREE 10dw] [2 1dw] [FREE 74939dw] LAST"),
        (104, "FIRST [1 26dw] [FREE 4dw] [2 1dw] [FREE 74939dw] LAST"),
        (108, "FIRST [1 36dw] [2 1dw] [FREE 74939dw] LAST"),
        (144, "FIRST [1 36dw] [2 1dw] [FREE 74939dw] LAST"),
    ] {
        let heap = Checked::new();
        let hole = heap.alloc(144, head(1));
        heap.alloc(1, head(2));
        heap.free(hole);
        let block = heap.alloc(size, head(1));
        heap.assert_drawing(drawing);
        assert!(heap.free(block).bytes >= size);
        heap.assert_drawing("FIRST [FREE 36dw] [2 1dw] [FREE 74939dw] LAST");
    }
}

#[test]
fn head_never_uses_a_hole_between_tail_blocks_nor_tail_one_of_head() {
    let heap = Checked::new();
    let h = [1, 2, 3].map(|n| heap.alloc(1000, head(n)));
    let t = [1, 2, 3].map(|n| heap.alloc(1000, tail(0x8000 | n)));
    let rest = heap.alloc(heap.0.largest_free(), head(9));
    heap.free(h[1]);
    heap.free(t[1]);
    let in_head = heap.alloc(1000, head(4));
    assert_eq!(in_head, h[1]);
    assert!(heap.try_alloc(1000, head(5)).is_err());
    let in_tail = heap.alloc(1000, tail(0x8004));
    assert_eq!(in_tail, t[1]);
    heap.free(in_head);
    assert!(heap.try_alloc(1000, tail(0x8005)).is_err());
    heap.free(rest);
}

#[test]
fn first_fit_is_from_the_bottom_for_head_and_from_the_top_for_tail() {
    let heap = Checked::new();
    let h = [0; 6].map(|_| heap.alloc(100, head(1)));
    let t = [0; 6].map(|_| heap.alloc(100, tail(0x8001)));
    for i in [1, 3] {
        heap.free(h[i]);
        heap.free(t[i]);
    }
    assert_eq!(heap.alloc(100, head(2)), h[1]);
    assert_eq!(heap.alloc(100, tail(0x8002)), t[1]);
    assert_eq!(heap.alloc(100, head(2)), h[3]);
    assert_eq!(heap.alloc(100, tail(0x8002)), t[3]);
}

#[test]
fn a_hole_too_small_is_found_again_for_what_fits() {
    let heap = Checked::new();
    let blocks = [16, 4, 32, 200].map(|size| heap.alloc(size, head(1)));
    heap.free(blocks[0]);
    heap.free(blocks[2]);
    // All of them start in one granule, and nothing else does: the larger hole goes, the smaller one stays known.
    assert_eq!(heap.alloc(32, head(2)), blocks[2]);
    assert_eq!(heap.alloc(16, head(3)), blocks[0]);
    heap.assert_drawing("FIRST [3 4dw] [1 1dw] [2 8dw] [1 50dw] [FREE 74901dw] LAST");
}

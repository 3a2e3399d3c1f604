//! The calls of the source.

use std::ptr::null_mut;

use tagheap::{Error, Side, TagError, th};

use super::checked::Checked;

/// `th::realloc`, with the chain checked.
fn realloc(heap: &Checked, p: *mut u8, size: i32) -> Result<*mut u8, Error> {
    // SAFETY: the tests go on with what is returned.
    let result = unsafe { th::realloc(&heap.0, p, size) };
    heap.check();
    result
}

/// `th::free`, with the chain checked.
fn free(heap: &Checked, p: *mut u8) -> Result<i32, Error> {
    // SAFETY: the tests do not use what they freed.
    let result = unsafe { th::free(&heap.0, p) };
    heap.check();
    result
}

#[test]
fn realloc_null_ptr() {
    let heap = Checked::new();
    assert_eq!(realloc(&heap, null_mut(), 100), Ok(null_mut()));
    assert_eq!(realloc(&heap, null_mut(), 0), Ok(null_mut()));
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
}

#[test]
fn realloc_zero_size() {
    let heap = Checked::new();
    for size in [0, -1, i32::MIN] {
        let p = th::alloc(&heap.0, 100, 2000).unwrap().as_ptr();
        heap.assert_drawing("FIRST [2000 25dw] [FREE 74957dw] LAST");
        assert_eq!(realloc(&heap, p, size), Ok(null_mut()), "size {size}");
        heap.assert_drawing("FIRST [FREE 74988dw] LAST");
        assert!(matches!(
            realloc(&heap, p, 0),
            Err(Error::DoubleFree { .. })
        ));
    }
}

#[test]
fn sizes_and_tags_of_c_are_read_or_refused() {
    let heap = Checked::new();
    let zero = th::alloc(&heap.0, 0, 1).unwrap();
    assert_eq!(free(&heap, zero.as_ptr()), Ok(4 + 24));
    let negative = th::alloc(&heap.0, -1, 1).unwrap_err();
    assert_eq!(th::errno(&negative), 12);
    for bits in [
        0x7fff,
        0xbfff,
        0xc000,
        0xffff,
        0x1_0000,
        0x8000_3fff,
        0x8000_4000,
        u32::MAX,
    ] {
        let refused = th::alloc(&heap.0, 4, bits).unwrap_err();
        assert!(matches!(refused, Error::BadTag(_)), "{bits:#x}");
        assert_eq!(th::errno(&refused), 22);
    }
    assert_eq!(th::tag(0x8000_0001), th::tag(0x8001));
    assert_eq!(th::tag(0x4001).unwrap().side(), Side::Tail);
    assert_eq!(
        th::tag(0x1_0000),
        Err(TagError::InvalidTag { bits: 0x1_0000 })
    );
    assert_eq!(heap.0.live(), 0);
}

#[test]
fn the_calls_of_the_source_do_what_it_says() {
    let heap = Checked::new();
    assert_eq!(th::count_free_head(&heap.0), 299_952);
    let a = th::alloc(&heap.0, 16, 1001).unwrap();
    let b = th::alloc(&heap.0, 16, 1002).unwrap();
    th::alloc(&heap.0, 16, 0x8001).unwrap();
    assert_eq!(free(&heap, a.as_ptr()), Ok(16));
    let mut offered = Vec::new();
    th::defrag(&heap.0, |tag, proposed| {
        offered.push((tag, proposed));
        true
    })
    .unwrap();
    assert_eq!(offered, [(1002, a.as_ptr())]);
    heap.assert_drawing("FIRST [1002 4dw] [FREE 74968dw] [TAIL1 4dw] LAST");
    assert!(matches!(
        free(&heap, b.as_ptr()),
        Err(Error::DoubleFree { .. })
    ));
    assert_eq!(free(&heap, null_mut()), Ok(0));
    let blocks: Vec<_> = th::walk(&heap.0)
        .map(|block| (block.tag, block.free, block.size))
        .collect();
    assert_eq!(
        blocks,
        [
            (1002, false, 16),
            (0x7fff, true, 74_968 * 4),
            (0x4001, false, 16),
            (0x7fff, true, 0)
        ]
    );
    let mut report = String::new();
    th::check_health(&heap.0, &mut report).unwrap();
    assert_eq!(report.lines().count(), 5);
    assert!(report.ends_with("healthy: 2 live, 299872 bytes free, 299872 of them for HEAD\n"));
    assert!(th::free_tags(&heap.0, 1002, 0x8001).is_err());
    assert!(th::free_tags(&heap.0, 0x7fff, 0x7fff).is_err());
    th::free_tags(&heap.0, 0x8000, 0xbffe).unwrap();
    th::free_tags(&heap.0, 1002, 1002).unwrap();
    heap.assert_drawing("FIRST [FREE 74988dw] LAST");
}

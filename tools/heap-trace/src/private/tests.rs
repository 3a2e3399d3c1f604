use super::*;

fn block(size: usize, align: usize) -> (NonNull<u8>, Layout) {
    let layout = Layout::from_size_align(size, align).unwrap();
    (NonNull::new(alloc(layout)).unwrap(), layout)
}

#[test]
fn freed_blocks_are_used_again_in_any_order() {
    let blocks: Vec<_> = (0..100).map(|_| block(3 << 10, 8)).collect();
    let mut first: Vec<usize> = blocks.iter().map(|(at, _)| at.addr().get()).collect();
    for &(at, layout) in &blocks {
        free(at, layout);
    }
    let again: Vec<_> = (0..100).map(|_| block(4 << 10, 4096)).collect();
    let mut second: Vec<usize> = again.iter().map(|(at, _)| at.addr().get()).collect();
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, second);
    assert!(second.iter().all(|at| at % 4096 == 0));
}

#[test]
fn a_shelf_that_somebody_is_at_is_left_alone() {
    let (lost, layout) = block(1 << 20, 1);
    let shelf = shelf(layout).unwrap().1.unwrap();
    let kept = shelf.at(|_| {
        // As a signal handler would, in the middle of it.
        free(lost, layout);
        block(1 << 20, 1).0
    });
    assert_ne!(kept, Some(lost));
    assert_ne!(block(1 << 20, 1).0, lost);
}

#[test]
fn large_alignments_are_kept_and_impossible_sizes_refused() {
    let (at, layout) = block(1, 1 << 16);
    assert_eq!(at.addr().get() % (1 << 16), 0);
    free(at, layout);
    let largest = Layout::from_size_align(isize::MAX as usize, 1).unwrap();
    assert!(alloc(largest).is_null());
}

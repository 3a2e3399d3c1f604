use super::FaultAlloc;
use crate::plan::FaultPlan;
use crate::scoped::with_faults;
use std::alloc::{GlobalAlloc, Layout, System};

const HEAP: FaultAlloc<System> = FaultAlloc::new(System);

#[test]
fn a_global_allocator_fails_by_the_plan_and_counts_what_is_live() {
    let layout = Layout::new::<[u64; 4]>();
    let plan = FaultPlan::parse("schedule=0101").expect("a plan");
    let (blocks, tally) = with_faults(plan, || {
        // SAFETY: the layout has a size.
        let first = unsafe { HEAP.alloc(layout) };
        // SAFETY: as above.
        let second = unsafe { HEAP.alloc_zeroed(layout) };
        // SAFETY: the block is live and has this layout.
        let grown = unsafe { HEAP.realloc(first, layout, 64) };
        // SAFETY: as above.
        let refused = unsafe { HEAP.realloc(grown, Layout::new::<[u64; 8]>(), 128) };
        (grown, second, refused)
    });
    let (grown, second, refused) = blocks;
    assert!(!grown.is_null() && second.is_null() && refused.is_null());
    assert_eq!((tally.calls, tally.failures), (4, 2));
    assert_eq!((tally.live_blocks, tally.live_bytes), (1, 64));
    // SAFETY: the block is live; its last successful size was 64.
    unsafe { HEAP.dealloc(grown, Layout::new::<[u64; 8]>()) };
}

#[cfg(feature = "allocator-api2-02")]
#[test]
fn an_allocator_of_0_2_fails_in_a_vec() {
    use allocator_api2_02::{alloc::Global, vec::Vec};
    let plan = FaultPlan::new(2, 1).expect("a plan");
    let (seen, tally) = with_faults(plan, || {
        let mut numbers: Vec<u64, _> = Vec::new_in(FaultAlloc::new(Global));
        [
            numbers.try_reserve_exact(4).is_ok(),
            numbers.try_reserve_exact(8).is_ok(),
            numbers.try_reserve_exact(8).is_ok(),
        ]
    });
    assert_eq!(seen, [true, false, true]);
    assert_eq!((tally.live_blocks, tally.live_bytes), (0, 0));
}

#[cfg(feature = "allocator-api2-04")]
#[test]
fn an_allocator_of_0_4_fails_in_a_vec() {
    use allocator_api2_04::{alloc::Global, vec::Vec};
    let plan = FaultPlan::persistent(2).expect("a plan");
    let (seen, tally) = with_faults(plan, || {
        let mut numbers: Vec<u64, _> = Vec::new_in(FaultAlloc::new(Global));
        [
            numbers.try_reserve_exact(4).is_ok(),
            numbers.try_reserve_exact(8).is_ok(),
        ]
    });
    assert_eq!(seen, [true, false]);
    assert_eq!((tally.live_blocks, tally.live_bytes), (0, 0));
}

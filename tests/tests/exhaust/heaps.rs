//! heap-trace around an allocator that fails, tagheap in a region whose kernel calls fail.

use super::{assert_orderly, exhaust_regions};
use allocator_api2_02::{alloc::Global, vec::Vec};
use arena_core::Region;
use arena_core::region::page_size;
use heap_trace::{Roots, Traced};
use malloc_fault::{FaultAlloc, exhaust};
use tagheap::{Options, RegionHeap};

/// Grows a list on a traced allocator; what could not be had must not be in the ledger.
fn grow_list() -> Result<(), &'static str> {
    let heap = Traced::new(FaultAlloc::new(Global));
    let mut numbers = Vec::new_in(&heap);
    let mut result = Ok(());
    for number in 0..100_u32 {
        if numbers.try_reserve(1).is_err() {
            result = Err("no memory");
            break;
        }
        numbers.push(number);
    }
    assert!(numbers.iter().copied().eq(0..numbers.len() as u32));
    drop(numbers);
    assert!(heap.report(&Roots::new().none()).is_clean());
    result
}

#[test]
fn a_traced_allocator_passes_each_refusal_on() {
    exhaust(grow_list).assert_propagated();
}

#[test]
fn a_traced_allocator_whose_ledger_gets_no_memory_refuses() {
    assert_orderly(&exhaust_regions(grow_list));
}

#[test]
fn a_tagheap_in_a_region_passes_each_refusal_on() {
    exhaust_regions(|| {
        let region = Region::reserve(64 * page_size()).map_err(|error| error.to_string())?;
        let heap =
            RegionHeap::create(region, &Options::default()).map_err(|error| error.to_string())?;
        heap.validate().map_err(|fault| fault.to_string())
    })
    .assert_propagated();
}

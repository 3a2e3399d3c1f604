//! Sound allocators pass all of the suite.

use std::alloc::System;

use tests::adapters::{ViaGlobalAlloc, v02, v04};
use tests::conformance::{Outcome, Property};
use tests::{Driver, Program, Promises, Watch};

use crate::toys::{ArenaFault, HeapFault, ToyArena, ToyHeap};

tests::conformance!(system, || ViaGlobalAlloc::new(System, Promises::malloc()));

tests::conformance!(global_of_02, || {
    v02::ViaAllocator::new(allocator_api2_02::alloc::Global, Promises::malloc())
});

tests::conformance!(global_of_04, || {
    v04::ViaAllocator::new(allocator_api2_04::alloc::Global, Promises::malloc())
});

tests::conformance!(toy_arena, || ToyArena::new(ArenaFault::None));

tests::conformance!(toy_heap_that_moves_on_defrag, || ToyHeap::new(
    HeapFault::None
));

tests::conformance!(toy_heap_that_moves_anytime, ToyHeap::restless);

#[test]
fn every_property_is_checked_on_some_toy() {
    for property in Property::ALL {
        let arena = property.check(|| ToyArena::new(ArenaFault::None));
        let heap = property.check(|| ToyHeap::new(HeapFault::None));
        let held = [arena, heap].contains(&Ok(Outcome::Held));
        assert!(held, "{} was passed over by both toys", property.name());
    }
}

#[test]
fn programs_decoded_from_bytes_hold_too() {
    let bytes: Vec<u8> = (0..4000_u32).map(|i| ((i * i) >> 3) as u8).collect();
    for chunk in bytes.chunks(400) {
        let program = Program::from_bytes(chunk);
        for watch in [Watch::EveryOperation, Watch::LifetimeEnds] {
            let mut driver = Driver::new(ToyArena::new(ArenaFault::None), watch);
            driver.run(&program).and_then(|()| driver.finish()).unwrap();
            let mut driver = Driver::new(ToyHeap::new(HeapFault::None), watch);
            driver.run(&program).and_then(|()| driver.finish()).unwrap();
        }
    }
}

//! arena-core: regions and arenas of every policy, and the growth of collections in them.

use super::{assert_orderly, exhaust_regions};
use allocator_api2_04::vec::Vec as VecOf04;
use arena_core::policy::{Commit, Guard, Reset};
use arena_core::region::page_size;
use arena_core::{Arena, Policy, Region, RegionError};
use malloc_fault::{FaultAlloc, exhaust};
use std::alloc::Layout;

/// A failure to build.
#[derive(Debug)]
struct Refused;

fn page() -> Layout {
    Layout::from_size_align(page_size(), 1).expect("a layout")
}

#[test]
fn a_region_of_each_kind_passes_each_refusal_on() {
    let kinds: [fn(usize) -> Result<Region, RegionError>; 4] = [
        Region::anonymous,
        Region::anonymous_shared,
        |len| Region::memfd("exhaust", len),
        Region::reserve,
    ];
    for make in kinds {
        exhaust_regions(|| {
            let region = make(4 * page_size())?;
            region.commit(0..page_size())?;
            Ok::<_, RegionError>(region)
        })
        .assert_propagated();
    }
}

/// Allocates to the end, resets, and allocates again.
fn fill_twice(policy: &Policy) -> Result<Arena, Refused> {
    let mut arena = policy.build().map_err(|_| Refused)?;
    for _ in 0..2 {
        for _ in 0..8 {
            let before = arena.used();
            if arena.try_alloc_layout(page()).is_err() {
                assert_eq!(arena.used(), before, "a refusal changes nothing");
                return Err(Refused);
            }
        }
        arena.reset();
    }
    Ok(arena)
}

#[test]
fn an_arena_of_each_policy_refuses_in_order() {
    let step = 2 * page_size();
    let plain = Policy::new().reserve(16 * page_size());
    let policies = [
        plain,
        plain.commit(Commit::Stepwise { step }),
        plain.guard(Guard::Ends),
        plain.guard(Guard::Ends).commit(Commit::Stepwise { step }),
        plain
            .commit(Commit::Stepwise { step })
            .reset(Reset::Decommit),
    ];
    for policy in policies {
        assert_orderly(&exhaust_regions(|| fill_twice(&policy)));
    }
}

#[test]
fn an_arena_that_commits_step_by_step_passes_each_refusal_on() {
    let policy = Policy::new()
        .reserve(16 * page_size())
        .commit(Commit::Stepwise { step: page_size() });
    let seen = exhaust_regions(|| fill_twice(&policy));
    assert!(seen.calls >= 8, "one commit for each page: {seen}");
    seen.assert_propagated();
}

#[test]
fn a_vec_in_an_arena_keeps_what_it_has_when_growth_fails() {
    let arena = Arena::new();
    exhaust(|| {
        let mut numbers = VecOf04::new_in(FaultAlloc::new(&arena));
        for number in 0..100_u32 {
            let len = numbers.len();
            if numbers.try_reserve(1).is_err() {
                assert!(numbers.iter().copied().eq(0..len as u32));
                return Err(Refused);
            }
            numbers.push(number);
        }
        Ok(())
    })
    .assert_propagated();
}

#[test]
fn a_map_in_an_arena_keeps_what_it_has_when_growth_fails() {
    let arena = Arena::new();
    exhaust(|| {
        let mut map = hashbrown::HashMap::new_in(FaultAlloc::new(&arena));
        for number in 0..100_u32 {
            if map.try_reserve(1).is_err() {
                assert!((0..number).all(|known| map.get(&known) == Some(&known)));
                return Err(Refused);
            }
            map.insert(number, number);
        }
        Ok(())
    })
    .assert_propagated();
}

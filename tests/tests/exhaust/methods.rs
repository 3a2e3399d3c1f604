//! Every fallible call of arena-core and heap-trace that takes memory, one by one: the refusal comes out as an error, what was
//! used before is used after, and the next request is served.

use super::exhaust_regions;
use allocator_api2_02::alloc::Global;
use arena_core::policy::Commit;
use arena_core::region::page_size;
use arena_core::{AllocError, Arena, Policy, Region, RegionError, SyncArena};
use heap_trace::TracedArena;
use malloc_fault::{FaultAlloc, exhaust};
use std::alloc::Layout;

const LEN: usize = 1 << 14;

fn stepwise() -> Policy {
    let commit = Commit::Stepwise { step: page_size() };
    Policy::new().reserve(1 << 20).commit(commit)
}

type Call = fn(&Arena) -> Result<(), AllocError>;

/// Each asks for more than was committed before.
const CALLS: [(&str, Call); 15] = [
    ("try_alloc", |arena| arena.try_alloc([1_u8; LEN]).map(drop)),
    ("try_alloc_leaky", |arena| {
        arena.try_alloc_leaky([1_u8; LEN]).map(drop)
    }),
    ("try_alloc_box", |arena| {
        arena.try_alloc_box([1_u8; LEN]).map(drop)
    }),
    ("try_alloc_drop", |arena| {
        arena
            .try_alloc_drop((String::from("dropped"), [1_u8; LEN]))
            .map(drop)
    }),
    ("try_alloc_with", |arena| {
        arena.try_alloc_with(|| [1_u8; LEN]).map(drop)
    }),
    ("try_alloc_uninit", |arena| {
        arena.try_alloc_uninit::<[u8; LEN]>().map(drop)
    }),
    ("try_alloc_slice_uninit", |arena| {
        arena.try_alloc_slice_uninit::<u8>(LEN).map(drop)
    }),
    ("try_alloc_slice_copy", |arena| {
        arena.try_alloc_slice_copy(&[1_u8; LEN]).map(drop)
    }),
    ("try_alloc_slice_clone", |arena| {
        arena.try_alloc_slice_clone(&[1_u8; LEN]).map(drop)
    }),
    ("try_alloc_slice_fill_copy", |arena| {
        arena.try_alloc_slice_fill_copy(LEN, 1_u8).map(drop)
    }),
    ("try_alloc_slice_fill_with", |arena| {
        arena.try_alloc_slice_fill_with(LEN, |_| 1_u8).map(drop)
    }),
    ("try_alloc_slice_from_iter", |arena| {
        arena
            .try_alloc_slice_from_iter((0..LEN).map(|_| 1_u8))
            .map(drop)
    }),
    ("try_alloc_str", |arena| {
        arena.try_alloc_str(&"a".repeat(LEN)).map(drop)
    }),
    ("try_alloc_fmt", |arena| {
        arena.try_alloc_fmt(format_args!("{:LEN$}", 1)).map(drop)
    }),
    ("try_alloc_layout_zeroed", |arena| {
        let layout = Layout::array::<u8>(LEN).expect("a layout");
        arena.try_alloc_layout_zeroed(layout).map(drop)
    }),
];

#[test]
fn each_request_of_an_arena_passes_a_refusal_on() {
    for (name, call) in CALLS {
        let seen = exhaust_regions(|| {
            let arena = stepwise().build().map_err(|error| error.to_string())?;
            let before = arena.used();
            let result = call(&arena).map_err(|error| error.to_string());
            if result.is_err() {
                assert_eq!(arena.used(), before, "{name}: a refusal changes nothing");
            }
            result
        });
        assert!(seen.calls >= 2, "{name}: built, then committed: {seen}");
        seen.assert_propagated();
    }
}

#[test]
fn each_way_to_an_arena_passes_a_refusal_on() {
    exhaust_regions(Arena::try_new).assert_propagated();
    exhaust_regions(SyncArena::try_new).assert_propagated();
    exhaust_regions(|| {
        let arena = stepwise().build_sync().map_err(|error| error.to_string())?;
        let local = arena.try_local().map_err(|error| error.to_string())?;
        let taken = local.try_alloc([1_u8; LEN]).map(drop);
        taken.map_err(|error| error.to_string())
    })
    .assert_propagated();
    // The pool is this thread's: what the test before has left there is asked of nobody.
    let seen = exhaust_regions(|| {
        let [a, b] = [Arena::try_pooled(), Arena::try_pooled()];
        a.and(b).map(drop)
    });
    super::assert_orderly(&seen);
}

#[test]
fn each_request_of_a_region_passes_a_refusal_on() {
    type Request = fn(&mut Region, usize) -> Result<(), RegionError>;
    let page = page_size();
    let requests: [Request; 4] = [
        |region, page| region.commit(0..page),
        |region, page| region.populate(0..page),
        |region, page| region.decommit(0..page),
        |region, _| region.second_view().map(drop),
    ];
    let kinds: [fn(usize) -> Result<Region, RegionError>; 5] = [
        |len| Region::memfd("exhaust", len),
        |len| Region::memfd_private("exhaust", len),
        |len| Region::memfd("exhaust", len)?.sealed(),
        |len| Region::anonymous(len)?.with_guarded_ends(),
        Region::anonymous,
    ];
    for make in kinds {
        exhaust_regions(|| make(4 * page)).assert_propagated();
    }
    for request in requests {
        exhaust_regions(|| {
            let mut region = Region::memfd("exhaust", 4 * page)?;
            request(&mut region, page)
        })
        .assert_propagated();
    }
}

#[test]
fn each_request_of_a_traced_arena_passes_a_refusal_on() {
    type Call = fn(&TracedArena) -> Result<(), AllocError>;
    let calls: [Call; 3] = [
        |arena| arena.try_alloc([1_u8; LEN]).map(drop),
        |arena| arena.try_alloc_slice_uninit::<u8>(LEN).map(drop),
        |arena| {
            let layout = Layout::array::<u8>(LEN).expect("a layout");
            arena.try_alloc_layout(layout).map(drop)
        },
    ];
    for call in calls {
        let seen = exhaust_regions(|| {
            let arena = stepwise().build().map_err(|error| error.to_string())?;
            let traced = TracedArena::new(arena);
            call(&traced).map_err(|error| error.to_string())
        });
        super::assert_orderly(&seen);
    }
}

#[test]
fn a_failing_allocator_below_fails_each_way_to_grow() {
    use allocator_api2_02::alloc::Allocator as _;
    let (small, large) = (Layout::new::<[u8; 64]>(), Layout::new::<[u8; 256]>());
    exhaust(|| {
        let heap = FaultAlloc::new(Global);
        let block = heap.allocate(small)?.cast();
        // SAFETY: the block has this layout, and is larger after it.
        let grown = unsafe { heap.grow(block, small, large) };
        let (block, layout) = match &grown {
            Ok(grown) => (grown.cast(), large),
            Err(_) => (block, small),
        };
        // SAFETY: the block's layout.
        unsafe { heap.deallocate(block, layout) };
        grown.map(drop)
    })
    .assert_propagated();
}

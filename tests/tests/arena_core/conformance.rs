//! Every policy, minimum alignment and backing passes the whole suite.

use std::mem::MaybeUninit;

use arena_core::policy::{Commit, Fork, Guard, HugePages, Reset, Zeroing};
use arena_core::{Arena, Policy, Region, SyncArena};
use tests::adapters::{v02, v04};
use tests::subject::{Promises, Rewind};

/// What every arena here has; the suite fills it to the last byte, many times.
const LEN: usize = 1 << 20;

/// Say what an arena can do besides allocating, for either version of the adapter.
macro_rules! subject {
    ($version:ident, $arena:expr) => {
        $version::ViaAllocator::new($arena, Promises::arena(LEN))
            .reset_with(|arena| arena.reset())
            .rewind_with(
                Rewind::OlderBlocksRest,
                |arena| arena.checkpoint(),
                // SAFETY: the suite uses no block born since the checkpoint.
                |arena, checkpoint| unsafe { arena.rewind(checkpoint) },
            )
            .within(|arena| {
                let base = arena.base().addr().get();
                base..base + arena.capacity()
            })
            .check_with(|arena| {
                arena.check();
                Ok(())
            })
    };
}

fn policy() -> Policy {
    Policy::new().reserve(LEN)
}

fn with_min_align<const MIN_ALIGN: usize>() -> Arena<MIN_ALIGN> {
    policy().build_with_min_align().unwrap()
}

tests::conformance!(min_align_1, || subject!(v02, with_min_align::<1>()));
tests::conformance!(min_align_8, || subject!(v02, with_min_align::<8>()));
tests::conformance!(min_align_16, || subject!(v02, with_min_align::<16>()));
tests::conformance!(min_align_64, || subject!(v02, with_min_align::<64>()));
tests::conformance!(allocator_api2_04, || subject!(v04, with_min_align::<8>()));

tests::conformance!(stepwise, || {
    subject!(
        v02,
        policy()
            .commit(Commit::Stepwise { step: 1 << 14 })
            .build()
            .unwrap()
    )
});
tests::conformance!(ahead, || {
    subject!(
        v02,
        policy()
            .commit(Commit::Ahead { step: 1 << 16 })
            .build()
            .unwrap()
    )
});
tests::conformance!(huge_pages_from_the_middle, || {
    subject!(
        v02,
        policy()
            .huge_pages(HugePages::From(LEN / 2))
            .build()
            .unwrap()
    )
});
tests::conformance!(guarded, || subject!(
    v02,
    policy().guard(Guard::Ends).build().unwrap()
));
tests::conformance!(always_zeroed, || {
    subject!(v02, policy().zeroing(Zeroing::Always).build().unwrap())
});
tests::conformance!(never_zeroed, || {
    subject!(
        v02,
        policy().zeroing(Zeroing::NeverPromised).build().unwrap()
    )
});
tests::conformance!(decommitted_stepwise, || {
    let policy = policy()
        .commit(Commit::Stepwise { step: 1 << 14 })
        .reset(Reset::Decommit);
    subject!(v02, policy.build().unwrap())
});
tests::conformance!(trimmed, || {
    subject!(v02, policy().reset(Reset::Trim(LEN / 4)).build().unwrap())
});
tests::conformance!(shared, || subject!(
    v02,
    policy().fork(Fork::Share).build().unwrap()
));

tests::conformance!(limited, || {
    // Three quarters of what is reserved, ending between two multiples of 8.
    let arena = Policy::new()
        .reserve(2 * LEN)
        .limit(LEN + LEN / 2 + 5)
        .build()
        .unwrap();
    subject!(v02, arena)
});

tests::conformance!(in_a_memfd, || {
    let region = Region::memfd("conformance", LEN).unwrap();
    let arena: Arena = Policy::new().fork(Fork::Share).build_in(region).unwrap();
    subject!(v02, arena)
});

tests::conformance!(in_a_file, || {
    let file = tempfile::tempfile().unwrap();
    // SAFETY: nobody else has the unlinked temporary file.
    let region = unsafe { Region::file(file, LEN) }.unwrap();
    let arena: Arena = Policy::new().fork(Fork::Share).build_in(region).unwrap();
    subject!(v02, arena)
});

tests::conformance!(in_a_buffer, || {
    let buffer: &'static mut [MaybeUninit<u8>] =
        tests::forever(vec![MaybeUninit::new(0xdd); LEN + 16].into());
    subject!(v02, Arena::in_buffer(&mut buffer[1..]))
});

tests::conformance!(from_the_pool, || {
    // A pooled arena has a gigabyte: the limit keeps the suite from filling all of it.
    let arena = Arena::pooled();
    arena.set_limit(LEN + LEN / 2);
    subject!(v02, arena)
});

/// An arena that threads share; the suite drives it from one.
macro_rules! shared_subject {
    ($arena:expr) => {
        // A sub-block may be left behind at any request that does not fit it.
        v02::ViaAllocator::new($arena, Promises::arena(LEN))
            .reset_with(|arena| arena.reset())
            .within(|arena| {
                let base = arena.base().addr().get();
                base..base + arena.capacity()
            })
    };
}

fn twice() -> Policy {
    Policy::new().reserve(2 * LEN)
}

tests::conformance!(sync, || shared_subject!(twice().build_sync().unwrap()));
tests::conformance!(sync_stepwise, || {
    shared_subject!(
        twice()
            .commit(Commit::Stepwise { step: 1 << 14 })
            .build_sync()
            .unwrap()
    )
});
tests::conformance!(sync_between_processes, || {
    shared_subject!(twice().fork(Fork::Share).build_sync().unwrap())
});
tests::conformance!(local_handle, || {
    let arena: &'static SyncArena = tests::forever(Box::new(twice().build_sync().unwrap()));
    let base = arena.base().addr().get();
    let range = base..base + arena.capacity();
    v02::ViaAllocator::new(arena.local(), Promises::arena(LEN)).within(move |_| range.clone())
});

#[test]
fn collections_of_the_ecosystem_live_in_an_arena_and_in_a_scope() {
    let mut arena = Arena::new();
    let mut map = hashbrown::HashMap::new_in(&arena);
    for n in 0..1000_u64 {
        map.insert(n, n * n);
    }
    assert_eq!(map.len(), 1000);
    assert_eq!(map[&31], 961);
    drop(map);
    arena.scope(|scope| {
        let mut vec = allocator_api2_02::vec::Vec::new_in(&*scope);
        vec.push(0_u64);
        let place = vec.as_ptr();
        vec.extend(1..100_000);
        // It was the only one to allocate, so it never moved.
        assert_eq!(vec.as_ptr(), place);
        assert!(vec.iter().copied().eq(0..100_000));
    });
    arena.reset();
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_vec_that_allocates_alone_never_moves() {
    let arena = Arena::new();
    let mut vec = allocator_api2_02::vec::Vec::new_in(&arena);
    vec.push(0_u64);
    let place = vec.as_ptr();
    vec.extend(1..1_000_000);
    assert_eq!(vec.as_ptr(), place);
    arena.alloc(1_u8);
    vec.reserve(vec.capacity() - vec.len() + 1);
    assert_ne!(vec.as_ptr(), place);
    assert!(vec.iter().copied().eq(0..1_000_000));
}

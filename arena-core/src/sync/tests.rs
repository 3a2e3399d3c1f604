use std::alloc::Layout;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use super::*;
use crate::policy::{Commit, Fork, HugePages, Reset, Zeroing};
use crate::region::page_size;

fn small(bytes: usize) -> SyncArena {
    Policy::new().reserve(bytes).build_sync().unwrap()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Panics if two blocks overlap.
fn assert_disjoint(blocks: impl IntoIterator<Item = (usize, usize)>) {
    let mut by_start = BTreeMap::new();
    for (start, len) in blocks {
        assert!(
            by_start.insert(start, start + len).is_none(),
            "two blocks at {start:#x}"
        );
    }
    let ends = by_start.values();
    for (end, start) in ends.zip(by_start.keys().skip(1)) {
        assert!(
            end <= start,
            "a block ends at {end:#x}, the next begins at {start:#x}"
        );
    }
}

#[test]
fn threads_never_get_the_same_bytes() {
    let arena = SyncArena::new();
    let blocks = Mutex::new(Vec::new());
    thread::scope(|threads| {
        for thread in 0..4_usize {
            let (arena, blocks) = (&arena, &blocks);
            threads.spawn(move || {
                let local = arena.local();
                let mut mine = Vec::new();
                for round in 0..2000_usize {
                    let (size, align) = (round * 37 % 600 + 1, 1 << (round % 8));
                    // One in seven is larger than what a sub-block serves.
                    let size = if round % 7 == 0 { size + 20_000 } else { size };
                    let block = match round % 3 {
                        0 => local.alloc_layout(layout(size, align)),
                        _ => arena.alloc_layout(layout(size, align)),
                    };
                    assert!(block.addr().get().is_multiple_of(align));
                    // SAFETY: the block is this thread's and has this size.
                    unsafe { block.write_bytes(thread as u8, size) };
                    mine.push((block, size));
                }
                for &(block, size) in &mine {
                    // SAFETY: as above, and written.
                    let bytes = unsafe { NonNull::slice_from_raw_parts(block, size).as_ref() };
                    assert!(bytes.iter().all(|&byte| byte == thread as u8));
                }
                blocks
                    .lock()
                    .unwrap()
                    .extend(mine.iter().map(|(block, size)| (block.addr().get(), *size)));
            });
        }
    });
    let blocks = blocks.into_inner().unwrap();
    assert!(
        blocks
            .iter()
            .all(|&(at, _)| arena.contains(core::ptr::without_provenance::<u8>(at)))
    );
    assert_disjoint(blocks);
}

#[test]
fn a_small_arena_is_used_to_its_last_byte() {
    let arena = small(page_size());
    let local = arena.local();
    let mut bytes = 0;
    while arena.try_alloc(1_u64).is_ok() {
        bytes += 8;
    }
    while local.try_alloc(1_u64).is_ok() {
        bytes += 8;
    }
    assert_eq!(arena.used(), arena.capacity());
    // All but the handle itself, and what two sub-blocks may have kept.
    assert!(bytes >= page_size() - 256, "{bytes}");
    let error = arena.try_alloc(1_u64).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "arena exhausted: 8 bytes (align 8) requested, {0} used, limit {0}, capacity {0}: \
             reserve more, or reset",
            page_size()
        )
    );
}

#[test]
fn a_limit_holds_for_the_last_byte() {
    let arena = Policy::new()
        .reserve(1 << 20)
        .limit(100_001)
        .build_sync()
        .unwrap();
    assert!(arena.try_alloc_slice_fill_copy(100_002, 0_u8).is_err());
    assert!(arena.try_alloc_slice_fill_copy(100_001, 0_u8).is_ok());
    assert!(arena.try_alloc(0_u8).is_err());
}

#[test]
fn reset_starts_over_and_no_thread_keeps_its_old_sub_block() {
    let mut arena = small(1 << 20);
    let first = arena.base().addr();
    for _ in 0..3 {
        assert_eq!(NonNull::from(arena.alloc(1_u64)).addr(), first);
        thread::scope(|threads| {
            threads.spawn(|| assert_ne!(NonNull::from(arena.alloc(1_u64)).addr(), first));
        });
        arena.reset();
        assert_eq!(arena.used(), 0);
    }
    arena.alloc_slice_fill_copy(1 << 19, 1_u8);
    arena.reset_and_decommit(page_size()).unwrap();
    assert_eq!(arena.region().resident().unwrap(), page_size());
}

#[test]
fn an_arena_made_where_another_was_does_not_inherit_its_sub_blocks() {
    for _ in 0..20 {
        let arena = small(1 << 16);
        let value = arena.alloc(7_u64);
        assert!(arena.contains(value));
    }
}

#[test]
fn two_arenas_in_turn_do_not_leave_a_sub_block_at_every_turn() {
    let (one, two) = (SyncArena::new(), SyncArena::new());
    for n in 0..10_000_u64 {
        one.alloc(n);
        two.alloc(n);
    }
    for arena in [&one, &two] {
        assert!(arena.used() < 400_000, "{} bytes for 80,000", arena.used());
    }
}

#[test]
fn a_block_passed_to_another_thread_grows_and_is_freed_there() {
    use allocator_api2_02::vec::Vec as ApiVec;
    let arena = SyncArena::new();
    let mut vec = ApiVec::new_in(&arena);
    vec.extend(0..100_u64);
    let vec = thread::scope(|threads| {
        let grown = threads.spawn(|| {
            arena.alloc(1_u8);
            vec.extend(100..100_000);
            vec
        });
        grown.join().unwrap()
    });
    assert!(vec.iter().copied().eq(0..100_000));
    let mut more = ApiVec::new_in(&arena);
    more.extend(0..10);
    drop(vec);
    assert!(more.iter().copied().eq(0..10));
}

#[test]
fn the_newest_block_of_a_thread_is_used_again() {
    let arena = SyncArena::new();
    arena.alloc(1_u64);
    let before = NonNull::from(arena.alloc(2_u64)).cast::<u8>();
    // SAFETY: the block was handed out for this layout, and is not used again.
    unsafe { arena.raw().deallocate(before, layout(8, 8)) };
    assert_eq!(NonNull::from(arena.alloc(3_u64)).cast::<u8>(), before);
}

#[test]
fn a_block_that_ends_where_another_threads_sub_block_begins_is_passed_on_whole() {
    // Sub-blocks of 64 bytes: every fourth block of 16 ends where the next begins.
    let arena = small(page_size());
    struct Sent(NonNull<u8>);
    // SAFETY: a block that one thread gives to another, and does not use again.
    unsafe impl Send for Sent {}
    let handed: Vec<Sent> = (0..8)
        .map(|_| Sent(arena.alloc_layout(layout(16, 8))))
        .collect();
    thread::scope(|threads| {
        let arena = &arena;
        threads.spawn(move || {
            // This thread's sub-block begins behind the last of those it was handed.
            arena.alloc_layout(layout(16, 8));
            let mut seen = Vec::new();
            for Sent(block) in handed.into_iter().rev() {
                // SAFETY: handed over, live, made for this layout, and not used again.
                unsafe { arena.raw().deallocate(block, layout(16, 8)) };
                let again = arena.alloc_layout(layout(16, 8));
                seen.push((again.addr().get(), 16));
            }
            assert_disjoint(seen);
        });
    });
}

#[test]
fn zeroed_blocks_are_zero_after_a_reset() {
    let mut arena = small(1 << 20);
    arena.alloc_slice_fill_copy(1 << 16, 0xff_u8);
    arena.reset();
    let block = arena.alloc_layout_zeroed(layout(1 << 16, 1));
    // SAFETY: the block has this size and is zero.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, 1 << 16).as_ref() };
    assert!(bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn reserved_memory_is_committed_as_it_is_taken_by_several() {
    let policy = Policy::new()
        .reserve(1 << 24)
        .commit(Commit::Stepwise { step: 1 << 16 });
    let arena = policy.build_sync().unwrap();
    thread::scope(|threads| {
        for byte in 0..4_u8 {
            let arena = &arena;
            threads.spawn(move || {
                for size in 1..500 {
                    assert!(
                        arena
                            .alloc_slice_fill_copy(size, byte)
                            .iter()
                            .all(|&b| b == byte)
                    );
                }
            });
        }
    });
    let plan = crate::region::failure::fail(crate::Operation::Commit, 1, libc::ENOMEM);
    let used = arena.used();
    assert!(matches!(
        arena.try_alloc([0_u8; 100_000]),
        Err(AllocError::Commit { .. })
    ));
    assert_eq!((plan.fired(), arena.used()), (1, used));
    assert!(arena.try_alloc([0_u8; 100_000]).is_ok());
}

#[test]
fn what_threads_cannot_share_is_refused() {
    for policy in [
        Policy::new().commit(Commit::Ahead { step: 4096 }),
        Policy::new().zeroing(Zeroing::Always),
        Policy::new().reset(Reset::Decommit),
    ] {
        assert!(
            policy
                .build_sync()
                .unwrap_err()
                .to_string()
                .contains("threads share")
        );
    }
    assert!(
        Policy::new()
            .huge_pages(HugePages::Always)
            .build_sync()
            .is_ok()
    );
}

#[test]
fn in_a_shared_region_the_cursor_lies_in_the_region_and_nothing_is_kept_by_threads() {
    let arena = Policy::new()
        .reserve(1 << 16)
        .fork(Fork::Share)
        .build_sync()
        .unwrap();
    assert_eq!((arena.used(), arena.capacity()), (8, 1 << 16));
    arena.alloc(1_u64);
    assert_eq!(arena.used(), 16);
    let region = Region::memfd("sync", 1 << 16).unwrap();
    let view = region.second_view().unwrap();
    let mut arena = Policy::new()
        .fork(Fork::Share)
        .build_sync_in(region)
        .unwrap();
    arena.alloc(1_u64);
    // SAFETY: the view is mapped; the arena changes these bytes by atomic operations, not now.
    let seen = unsafe { view.base().cast::<usize>().read() };
    assert_eq!(seen, arena.base().addr().get() + 16);
    arena.reset();
    assert_eq!(arena.used(), 8);
    arena.reset_and_decommit(0).unwrap();
    assert_eq!((arena.used(), *arena.alloc(5_u64)), (8, 5));
}

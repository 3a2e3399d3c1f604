//! What a forked child finds in an arena, by policy. Each test forks in a process of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use arena_core::policy::Fork;
use arena_core::region::Advice;
use arena_core::{Arena, Policy};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::own_process;

/// Fork; let the child end with the exit status that `child` returns; say how it ended.
fn forked(child: impl FnOnce() -> u8) -> WaitStatus {
    // SAFETY: the child reads and writes memory that is its own, or shared for that purpose, and
    // leaves by `_exit` before anything else of the parent's could run.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = child();
            // SAFETY: ends the process and touches nothing.
            unsafe { libc::_exit(i32::from(code)) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
    }
}

fn exited(status: WaitStatus) -> i32 {
    match status {
        WaitStatus::Exited(_, code) => code,
        other => panic!("the child did not exit: {other:?}"),
    }
}

fn arena(policy: Fork) -> Arena {
    Policy::new().reserve(1 << 16).fork(policy).build().unwrap()
}

/// Read the arena's first byte, also when it is no longer what the parent wrote.
fn first_byte(arena: &Arena) -> u8 {
    // SAFETY: the first byte of the region; a fault is one of the answers.
    unsafe { arena.base().as_ptr().read_volatile() }
}

#[test]
fn copy_gives_the_child_its_own_bytes_at_the_same_offset() {
    own_process::run(|| {
        let arena = arena(Fork::Copy);
        let value = arena.alloc(7_u64);
        let status = forked(|| {
            let seen = first_byte(&arena);
            let mine = arena.alloc(9_u64);
            assert_eq!(arena.offset_of(mine), Some(8));
            *value = 8;
            seen
        });
        assert_eq!(exited(status), 7);
        assert_eq!(first_byte(&arena), 7, "the child wrote to its own copy");
        assert_eq!(arena.used(), 8, "and moved its own bump pointer");
    })
    .well();
}

/// Tells that it was dropped.
struct Noted<'a>(&'a AtomicBool);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A child does something with an arena that was wiped, and no destructor runs; the parent's does.
fn child_of_a_wiped_arena(dropped: &'static AtomicBool, end: impl Fn(Arena)) {
    let wiped = arena(Fork::Wipe);
    wiped.alloc_drop(Noted(dropped));
    let mut inherited = Some(wiped);
    let status = forked(|| {
        end(inherited.take().unwrap());
        u8::from(dropped.load(Ordering::Relaxed))
    });
    assert_eq!(exited(status), 0);
    drop(inherited);
    assert!(dropped.load(Ordering::Relaxed), "the parent's has run");
}

#[test]
fn a_child_that_takes_the_region_out_of_a_wiped_arena_runs_no_destructor() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    own_process::run(|| {
        child_of_a_wiped_arena(&DROPPED, |arena| {
            let region = arena.into_region();
            assert_eq!(region.len(), 1 << 16);
        });
    })
    .well();
}

#[test]
fn advice_in_a_child_does_not_bring_back_what_was_wiped() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    own_process::run(|| {
        child_of_a_wiped_arena(&DROPPED, |arena| {
            let whole = 0..arena.region().len();
            arena.region().advise(whole, Advice::WipeOnFork).unwrap();
            drop(arena);
        });
    })
    .well();
}

#[test]
fn a_child_may_build_an_arena_of_its_own_where_one_was_wiped() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    own_process::run(|| {
        let mut inherited = Some(arena(Fork::Wipe));
        let status = forked(|| {
            let region = inherited.take().unwrap().into_region();
            let own: Arena = Policy::new().build_in(region).unwrap();
            own.alloc_drop(Noted(&DROPPED));
            drop(own);
            u8::from(DROPPED.load(Ordering::Relaxed))
        });
        assert_eq!(exited(status), 1, "what the child owes it runs");
    })
    .well();
}

#[test]
fn share_shows_each_side_what_the_other_writes() {
    own_process::run(|| {
        let arena = arena(Fork::Share);
        let value = arena.alloc(7_u64);
        let status = forked(|| {
            let seen = first_byte(&arena);
            *value = 8;
            seen
        });
        assert_eq!(exited(status), 7);
        assert_eq!(first_byte(&arena), 8);
    })
    .well();
}

#[test]
fn wipe_shows_the_child_zeroes() {
    own_process::run(|| {
        let arena = arena(Fork::Wipe);
        arena.alloc(7_u64);
        assert_eq!(exited(forked(|| first_byte(&arena))), 0);
        assert_eq!(first_byte(&arena), 7);
    })
    .well();
}

#[test]
fn absent_kills_a_child_that_touches_it() {
    own_process::run(|| {
        let arena = arena(Fork::Absent);
        arena.alloc(7_u64);
        let status = forked(|| first_byte(&arena));
        assert!(
            matches!(status, WaitStatus::Signaled(_, Signal::SIGSEGV, _)),
            "{status:?}"
        );
        assert_eq!(first_byte(&arena), 7);
    })
    .well();
}

#[test]
fn dropping_an_arena_in_the_child_leaves_the_parents_alone() {
    own_process::run(|| {
        for policy in [Fork::Copy, Fork::Share, Fork::Wipe, Fork::Absent] {
            let arena = arena(policy);
            arena.alloc(7_u64);
            arena.alloc_drop(String::from("the parent's"));
            let base = arena.base();
            let status = forked(|| {
                // SAFETY: the child's own copy of the value, never used again by the child.
                drop(unsafe { std::ptr::read(&arena) });
                0
            });
            assert_eq!(exited(status), 0);
            assert_eq!(first_byte(&arena), 7, "{policy:?} at {base:p}");
        }
    })
    .well();
}

#[test]
fn a_child_forked_while_threads_allocate_can_use_its_arena() {
    own_process::run(|| {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut arena = arena(Fork::Copy);
                    while !stop.load(Ordering::Relaxed) {
                        arena.alloc([1_u8; 100]);
                        arena.reset();
                    }
                });
            }
            let arena = arena(Fork::Copy);
            arena.alloc(1_u64);
            for round in 1..=50_u64 {
                let status = forked(|| {
                    let mine = arena.alloc([round; 16]);
                    u8::from(mine.iter().any(|&n| n != round))
                });
                assert_eq!(exited(status), 0, "round {round}");
            }
            stop.store(true, Ordering::Relaxed);
        });
    })
    .well();
}

#[test]
fn two_processes_take_from_one_arena_and_never_the_same_bytes() {
    own_process::run(|| {
        const ROUNDS: usize = 20_000;
        let arena = Policy::new()
            .reserve(1 << 22)
            .fork(Fork::Share)
            .build_sync()
            .unwrap();
        // Each side writes its own number into every block, and finds it there when all is taken.
        let work = |number: u64| {
            let blocks: Vec<_> = (0..ROUNDS).map(|_| arena.alloc([number; 4])).collect();
            blocks
                .iter()
                .all(|block| block.iter().all(|&n| n == number))
        };
        // SAFETY: one thread, so the child may allocate; it leaves by `_exit`.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let code = i32::from(!work(1));
                // SAFETY: ends the process and touches nothing.
                unsafe { libc::_exit(code) }
            }
            ForkResult::Parent { child } => {
                let ours = work(2);
                assert_eq!(exited(waitpid(child, None).unwrap()), 0);
                assert!(ours);
            }
        }
        assert_eq!(arena.used(), 8 + 2 * ROUNDS * 32);
    })
    .well();
}

#[test]
fn a_pool_in_a_forked_child_is_the_childs_own() {
    own_process::run(|| {
        drop(arena_core::Arena::pooled());
        let status = forked(|| {
            for round in 0..100_u64 {
                let (a, b) = (Arena::pooled(), Arena::pooled());
                if *a.alloc(round) != *b.alloc(round) {
                    return 1;
                }
            }
            0
        });
        assert_eq!(exited(status), 0);
        let arena = Arena::pooled();
        assert_eq!(*arena.alloc(7_u64), 7);
    })
    .well();
}

#[test]
fn a_private_shared_arena_is_copied_for_the_child() {
    own_process::run(|| {
        let arena = arena_core::SyncArena::new();
        let value = arena.alloc(7_u64);
        let status = forked(|| {
            *value = 8;
            let mine = arena.alloc([9_u64; 100]);
            u8::from(mine.iter().any(|&n| n != 9))
        });
        assert_eq!(exited(status), 0);
        assert_eq!(*value, 7);
        assert!(arena.alloc([1_u64; 100]).iter().all(|&n| n == 1));
    })
    .well();
}

#[test]
fn dropping_an_absent_arena_leaves_what_the_child_mapped_there() {
    own_process::run(|| {
        let arena = arena(Fork::Absent);
        let (base, len) = (arena.base(), arena.capacity());
        let mut arena = Some(arena);
        let status = forked(|| {
            let flags = rustix::mm::MapFlags::PRIVATE | rustix::mm::MapFlags::FIXED_NOREPLACE;
            let access = rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE;
            let at = base.as_ptr().cast();
            // SAFETY: NOREPLACE: the range is free in this process, or nothing is mapped.
            let mine = unsafe { rustix::mm::mmap_anonymous(at, len, access, flags) };
            if mine.is_err() {
                return 1;
            }
            // SAFETY: mapped just now.
            unsafe { base.write_volatile(5) };
            drop(arena.take());
            // SAFETY: as above, if nobody has unmapped it.
            unsafe { base.read_volatile() }
        });
        assert_eq!(exited(status), 5);
        assert_eq!(*arena.unwrap().alloc(7_u64), 7);
    })
    .well();
}

#[test]
fn fork_advice_does_not_outlive_its_policy() {
    own_process::run(|| {
        for before in [Fork::Wipe, Fork::Absent] {
            let region = arena(before).into_region();
            let arena: Arena = Policy::new().build_in(region).unwrap();
            arena.alloc(7_u64);
            assert_eq!(exited(forked(|| first_byte(&arena))), 7, "after {before:?}");
        }
        // Nor does advice given to a region of the pool.
        let arena = Arena::pooled();
        let whole = 0..arena.region().len();
        arena
            .region()
            .advise(whole, arena_core::region::Advice::WipeOnFork)
            .unwrap();
        drop(arena);
        let arena = Arena::pooled();
        arena.alloc(7_u64);
        assert_eq!(exited(forked(|| first_byte(&arena))), 7);
    })
    .well();
}

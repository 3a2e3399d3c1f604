//! An arena is a guest in its process: what it takes, and what it leaves.

use std::process::Command;
use std::thread;

use arena_core::policy::{BuildError, Commit};
use arena_core::{AllocError, Arena, Policy};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::own_process;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

fn limit(resource: Resource, bytes: usize) {
    let bytes = Some(bytes as u64);
    setrlimit(
        resource,
        Rlimit {
            current: bytes,
            maximum: bytes,
        },
    )
    .unwrap();
}

/// The bytes this process has resident, by the kernel's count.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * arena_core::region::page_size()
}

#[test]
fn an_idle_default_arena_has_less_than_16_kib_resident() {
    own_process::run(|| {
        const COUNT: usize = 200;
        let mut arenas = Vec::with_capacity(COUNT);
        let before = resident();
        arenas.extend((0..COUNT).map(|_| Arena::new()));
        let each = resident().saturating_sub(before) / COUNT;
        assert!(each < 16 << 10, "{each} bytes each");
        assert!(
            arenas
                .iter()
                .all(|arena| arena.resident().unwrap() == 0 && arena.capacity() == GIB)
        );
    })
    .well();
}

#[test]
fn ten_thousand_default_arenas_work_at_once() {
    own_process::run(|| {
        let arenas: Vec<Arena> = (0..10_000).map(|_| Arena::new()).collect();
        let values: Vec<&mut usize> = arenas
            .iter()
            .enumerate()
            .map(|(n, arena)| arena.alloc(n))
            .collect();
        assert!(values.iter().enumerate().all(|(n, value)| **value == n));
        assert!(arenas.iter().all(|arena| arena.capacity() == GIB));
    })
    .well();
}

#[test]
fn sixteen_arenas_in_4_gib_leave_room_for_malloc_and_threads() {
    own_process::run(|| {
        limit(Resource::As, 4 * GIB);
        let arenas: Vec<Arena> = (0..16).map(|_| Arena::new()).collect();
        for arena in &arenas {
            assert!(arena.capacity() >= 64 * MIB, "{} bytes", arena.capacity());
            arena.alloc([1_u8; 1000]);
        }
        let malloc = vec![1_u8; 512 * MIB];
        let threads: Vec<_> = (0..16)
            .map(|_| thread::spawn(|| vec![1_u8; MIB].len()))
            .collect();
        assert!(
            threads
                .into_iter()
                .all(|thread| thread.join().unwrap() == MIB)
        );
        assert_eq!(malloc.len(), 512 * MIB);
    })
    .well();
}

#[test]
fn too_little_address_space_is_an_error_with_the_number_and_an_explicit_size_still_works() {
    own_process::run(|| {
        limit(Resource::As, 120 * MIB);
        let error = Arena::try_new().unwrap_err().to_string();
        assert!(
            error.starts_with("no memory for the arena: map of 67108864 bytes"),
            "{error}"
        );
        assert!(
            error.ends_with("choose a size with Policy::reserve"),
            "{error}"
        );
        let arena = Policy::new().reserve(MIB).build().unwrap();
        assert!(arena.try_alloc([1_u8; 1000]).is_ok());
        assert!(matches!(
            Policy::new().reserve(GIB).build(),
            Err(BuildError::Region(_))
        ));
    })
    .well();
}

#[test]
fn under_rlimit_data_memory_is_charged_as_it_is_used_and_refused_cleanly() {
    own_process::run(|| {
        limit(Resource::Data, 64 * MIB);
        let arena = Arena::new();
        assert_eq!((arena.capacity(), arena.stats().committed), (GIB, 0));
        let first = arena.alloc_slice_fill_copy(16 * MIB, 1_u8);
        let error = arena.try_alloc_slice_uninit::<u8>(64 * MIB).unwrap_err();
        assert!(matches!(error, AllocError::Commit { .. }), "{error}");
        assert!(
            error.to_string().contains("Cannot allocate memory"),
            "{error}"
        );
        arena.check();
        assert!(first.iter().all(|&byte| byte == 1));
        assert!(arena.try_alloc_slice_fill_copy(MIB, 2_u8).is_ok());
        // On touch, all of it would be charged at once: refused.
        assert!(
            Policy::new()
                .reserve(GIB)
                .commit(Commit::OnTouch)
                .build()
                .is_err()
        );
    })
    .well();
}

#[test]
fn a_fragmented_address_space_gives_what_it_has() {
    own_process::run(|| {
        // Take every hole of half a gigabyte and more: only smaller ones are left.
        let mut taken = Vec::new();
        let mut size = 1_usize << 46;
        while size >= GIB / 2 {
            match arena_core::Region::reserve(size) {
                Ok(region) => taken.push(region),
                Err(_) => size /= 2,
            }
        }
        let arena = Arena::new();
        assert!(
            [256 * MIB, 64 * MIB].contains(&arena.capacity()),
            "{}",
            arena.capacity()
        );
        arena.alloc([1_u8; 1000]);
        assert!(Policy::new().reserve(GIB).build().is_err());
    })
    .well();
}

#[test]
fn a_reservation_larger_than_the_address_space_is_refused() {
    for size in [1 << 47, 1 << 62, isize::MAX as usize, usize::MAX] {
        let error = Policy::new().reserve(size).build().unwrap_err();
        assert!(matches!(error, BuildError::Region(_)), "{size}: {error}");
    }
}

#[test]
fn forty_default_arenas_work_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return tests::skip("valgrind");
    }
    let valgrind = [
        "valgrind",
        "--quiet",
        "--leak-check=no",
        "--error-exitcode=9",
    ];
    own_process::run_under(&valgrind, || {
        let mut arenas: Vec<Arena> = (0..40).map(|_| Arena::new()).collect();
        for arena in &mut arenas {
            assert_eq!(arena.capacity(), 64 * MIB, "valgrind was not noticed");
            let values = arena.alloc_slice_fill_with(1000, |n| n);
            assert_eq!(values.iter().sum::<usize>(), 499_500);
            arena.reset();
        }
    })
    .well();
}

#[test]
fn without_proc_an_arena_works_the_same() {
    let ended = own_process::run(|| {
        // A mount namespace of our own, with nothing on /proc.
        let flags = CloneFlags::CLONE_NEWNS;
        if unshare(flags)
            .or_else(|_| unshare(flags | CloneFlags::CLONE_NEWUSER))
            .is_err()
        {
            println!("no namespace");
            return;
        }
        // What covers it stays here. (The root is no mount point where a user has changed it.)
        let private = MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/proc", None::<&str>, private, None::<&str>).unwrap();
        mount(
            Some("none"),
            "/proc",
            Some("tmpfs"),
            MsFlags::empty(),
            None::<&str>,
        )
        .unwrap();
        assert!(std::fs::read("/proc/self/statm").is_err());
        let arena = Arena::new();
        assert_eq!(arena.capacity(), GIB);
        arena.alloc_str("Hello arena");
        limit(Resource::As, 4 * GIB);
        let limited = Arena::new();
        assert!(limited.capacity() >= 64 * MIB && limited.capacity() <= 2 * GIB);
    });
    ended.well();
    if ended.said.contains("no namespace") {
        tests::skip("a mount namespace");
    }
}

//! One test per misuse: *violation, where, variant*; each asserts the exact signal.
//!
//! Every pointer is derived from the arena's own region and every touch is volatile, so what happens
//! is the processor's doing, not the compiler's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use arena_core::policy::{Commit, Guard};
use arena_core::region::{Access, page_size};
use arena_core::{Arena, Policy, Region};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;

use crate::own_process;

/// Touch a byte, as a misbehaving program would.
fn write(base: NonNull<u8>, offset: isize) {
    let at = base.as_ptr().wrapping_offset(offset);
    // SAFETY: not valid, on purpose, in a process that exists to be killed by it.
    unsafe { at.write_volatile(1) }
}

fn read(base: NonNull<u8>, offset: isize) -> u8 {
    let at = base.as_ptr().wrapping_offset(offset);
    // SAFETY: as in `write`.
    unsafe { at.read_volatile() }
}

fn guarded() -> Arena {
    Policy::new()
        .reserve(4 * page_size())
        .guard(Guard::Ends)
        .build()
        .unwrap()
}

#[test]
fn overflow_guard_page_1_byte() {
    let ended = own_process::run(|| {
        let arena = guarded();
        write(arena.base(), arena.capacity() as isize - 1);
        println!("the last byte is ours");
        write(arena.base(), arena.capacity() as isize);
    });
    ended.by_signal(Signal::SIGSEGV);
    assert!(ended.said.contains("the last byte is ours"));
}

#[test]
fn underflow_guard_page_1_byte_read() {
    let ended = own_process::run(|| {
        let arena = guarded();
        assert_eq!(read(arena.base(), 0), 0);
        println!("the first byte is ours");
        read(arena.base(), -1);
    });
    ended.by_signal(Signal::SIGSEGV);
    assert!(ended.said.contains("the first byte is ours"));
}

#[test]
fn overflow_guard_page_by_mprotect() {
    own_process::run(|| {
        // A shared mapping takes guard markers only on newer kernels; either way it must fault.
        let region = Region::anonymous_shared(3 * page_size())
            .unwrap()
            .with_guarded_ends()
            .unwrap();
        write(region.base(), region.len() as isize);
    })
    .by_signal(Signal::SIGSEGV);
}

#[test]
fn use_after_unmap_arena_dropped() {
    own_process::run(|| {
        let arena = guarded();
        let base = arena.base();
        write(base, 0);
        drop(arena);
        write(base, 0);
    })
    .by_signal(Signal::SIGSEGV);
}

#[test]
fn overflow_uncommitted_step() {
    let ended = own_process::run(|| {
        let step = 4 * page_size();
        let policy = Policy::new()
            .reserve(16 * step)
            .commit(Commit::Stepwise { step });
        let arena = policy.build().unwrap();
        arena.alloc(1_u8);
        write(arena.base(), step as isize - 1);
        println!("the step is ours");
        write(arena.base(), step as isize);
    });
    ended.by_signal(Signal::SIGSEGV);
    assert!(ended.said.contains("the step is ours"));
}

#[test]
fn use_after_decommit_stepwise() {
    own_process::run(|| {
        let step = 4 * page_size();
        let policy = Policy::new()
            .reserve(16 * step)
            .commit(Commit::Stepwise { step });
        let mut arena = policy.build().unwrap();
        arena.alloc(1_u8);
        arena.reset_and_decommit(0).unwrap();
        write(arena.base(), 0);
    })
    .by_signal(Signal::SIGSEGV);
}

#[test]
fn write_to_read_only_region() {
    let ended = own_process::run(|| {
        let mut region = Region::anonymous(page_size()).unwrap();
        write(region.base(), 0);
        // SAFETY: nobody has a reference into the region.
        unsafe { region.protect(0..page_size(), Access::ReadOnly) }.unwrap();
        assert_eq!(read(region.base(), 0), 1);
        println!("still readable");
        write(region.base(), 0);
    });
    ended.by_signal(Signal::SIGSEGV);
    assert!(ended.said.contains("still readable"));
}

#[test]
fn touch_of_file_truncated_under_the_map() {
    own_process::run(|| {
        let file = tempfile::tempfile().unwrap();
        let other = file.try_clone().unwrap();
        // SAFETY: broken below, on purpose: the contract forbids to truncate the file.
        let region = unsafe { Region::file(file, 2 * page_size()) }.unwrap();
        write(region.base(), page_size() as isize);
        other.set_len(page_size() as u64).unwrap();
        write(region.base(), page_size() as isize);
    })
    .by_signal(Signal::SIGBUS);
}

/// A file on a disk of our own that has room for eight pages, or nothing without the right to mount.
fn file_on_a_small_disk() -> Option<std::fs::File> {
    let flags = CloneFlags::CLONE_NEWNS;
    unshare(flags)
        .or_else(|_| unshare(flags | CloneFlags::CLONE_NEWUSER))
        .ok()?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).ok()?;
    let size = format!("size={}", 8 * page_size());
    mount(
        Some("none"),
        "/tmp",
        Some("tmpfs"),
        MsFlags::empty(),
        Some(&*size),
    )
    .ok()?;
    let options = std::fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .clone();
    options.open("/tmp/region").ok()
}

#[test]
fn touch_of_file_on_full_disk() {
    let ended = own_process::run(|| {
        let Some(file) = file_on_a_small_disk() else {
            println!("no disk");
            return;
        };
        // SAFETY: nobody else has the file.
        let region = unsafe { Region::file(file, 64 * page_size()) }.unwrap();
        write(region.base(), 0);
        // Asked first, the kernel says so without a signal.
        let refused = region.populate(0..region.len()).unwrap_err();
        println!("populate: {refused}");
        write(region.base(), 63 * page_size() as isize);
    });
    if ended.said.contains("no disk") {
        return tests::skip("a mount namespace");
    }
    ended.by_signal(Signal::SIGBUS);
    assert!(
        ended
            .said
            .contains("populate: populate of 262144 bytes (file) refused"),
        "{}",
        ended.said
    );
}

#[test]
fn exhaustion_panics_with_the_numbers_in_the_message() {
    let ended = own_process::run(|| {
        let arena = Policy::new().reserve(4096).build().unwrap();
        arena.alloc([0_u8; 4000]);
        arena.alloc([0_u8; 100]);
    });
    assert_ne!(ended.code, Some(0));
    let message = "arena exhausted: 100 bytes (align 1) requested, 4000 used, limit 4096, \
                   capacity 4096: reserve more, or reset";
    assert!(ended.said.contains(message), "{}", ended.said);
    assert!(
        ended.said.contains("faults.rs"),
        "the panic names the caller's line:\n{}",
        ended.said
    );
}

#[test]
fn exhaustion_panics_at_the_callers_line() {
    let first = line!() + 5;
    let ended = own_process::run(|| {
        let arena = Policy::new().reserve(4096).build().unwrap();
        // One call a line.
        let calls: [&dyn Fn(); 5] = [
            &|| assert_ne!(arena.alloc([0_u8; 5000]).len(), 0),
            &|| assert_ne!(arena.alloc_str(&"x".repeat(5000)).len(), 0),
            &|| assert_ne!(arena.alloc_slice_fill_copy(5000, 0_u8).len(), 0),
            &|| assert_ne!(arena.alloc_drop([0_u8; 5000]).len(), 0),
            &|| assert_ne!(arena.alloc_slice_from_iter(0..5000_u64).len(), 0),
        ];
        for call in calls {
            assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        }
    });
    ended.well();
    for line in first..first + 5 {
        assert!(
            ended.said.contains(&format!("faults.rs:{line}:")),
            "line {line}:\n{}",
            ended.said
        );
    }
}

#[test]
fn write_to_frozen_arena() {
    arena_core::root!(Number<'a> = u64);
    let ended = own_process::run(|| {
        let arena = Arena::new();
        let base = arena.base();
        let frozen = arena.freeze::<Number>(|arena| arena.alloc(7)).unwrap();
        assert_eq!((*frozen.get(), read(base, 0)), (7, 7));
        println!("still readable");
        write(base, 0);
    });
    ended.by_signal(Signal::SIGSEGV);
    assert!(ended.said.contains("still readable"));
}

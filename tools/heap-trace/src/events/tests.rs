use std::alloc::Layout;

use arena_core::{Arena, Policy};
use heap_view::{Action, BlockId, Violation as Seen};

use crate::{Method, Settings, TracedArena, Violation};

fn bytes(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap()
}

#[test]
fn a_recording_is_what_was_done() {
    for method in [Method::Canary, Method::GuardAfter] {
        let settings = Settings::new().quiet(true).method(method).record(100);
        let mut arena =
            TracedArena::with(Policy::new().reserve(1 << 16).build().unwrap(), settings);
        let block = arena.alloc_layout(bytes(64));
        let free = |block| {
            // SAFETY: not used any more; freed twice, which is the fault to be found.
            unsafe { arena.free(block, bytes(64)) }
        };
        assert_eq!(free(block), Ok(()));
        assert_eq!(free(block), Err(Violation::DoubleFree));
        arena.scope(|scope| *scope.alloc(7_u8));
        assert!(arena.try_alloc_layout(bytes(1 << 20)).is_err());
        arena.reset();
        let recording = arena.recording();
        let names = recording.events.iter().map(|event| match event.action {
            Action::Map { size, .. } => ("map", size),
            Action::Alloc {
                block: BlockId(id), ..
            } => ("alloc", id),
            Action::Free {
                block: BlockId(id), ..
            } => ("free", id),
            Action::Fault {
                violation: Seen::DoubleFree,
                ..
            } => ("double free", 0),
            Action::Rewind { .. } => ("rewind", 0),
            Action::Reset { .. } => ("reset", 0),
            Action::Refuse { size, .. } => ("refuse", size),
            _ => ("?", 0),
        });
        let rewound = match method {
            // What is freed stays where it is, so the scope begins behind it.
            Method::Canary => "rewind",
            _ => "reset",
        };
        let expected = [
            ("map", 1 << 16),
            ("alloc", 0),
            ("free", 0),
            ("double free", 0),
            ("alloc", 1),
            (rewound, 0),
            ("refuse", 1 << 20),
            ("reset", 0),
        ];
        assert_eq!(names.collect::<Vec<_>>(), expected, "{method:?}");
        let site = recording.events[1]
            .site
            .and_then(|site| recording.site_of(site));
        assert!(site.unwrap().to_string().contains("tests.rs:"));
        let mut file = Vec::new();
        heap_view::json_lines::write(&recording, &mut file).unwrap();
        assert_eq!(heap_view::json_lines::read(&file[..]).unwrap(), recording);
        let mut page = Vec::new();
        heap_view::html::write(&recording, &mut page).unwrap();
        assert!(page.starts_with(b"<!doctype html>") || page.starts_with(b"<!DOCTYPE html>"));
    }
}

#[test]
fn events_beyond_those_kept_are_counted_and_a_full_disk_is_said() {
    let settings = Settings::new().record(3);
    let arena = TracedArena::with(Arena::new(), settings);
    for n in 0..10_u64 {
        arena.alloc(n);
    }
    let recording = arena.recording();
    assert_eq!((recording.events.len(), recording.dropped), (1 + 3, 7));
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let refused = heap_view::json_lines::write(&recording, full).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn nothing_is_recorded_unless_it_is_asked_for() {
    let arena = TracedArena::new(Arena::new());
    arena.alloc(1_u8);
    assert_eq!(arena.recording().events.len(), 1, "the map alone");
}

#[test]
fn a_free_is_of_the_block_that_was_freed_whatever_its_mark_says() {
    let settings = Settings::new().quiet(true).record(100);
    let arena = TracedArena::with(Arena::new(), settings);
    let mine = arena.alloc_layout(bytes(40));
    let other = arena.alloc_layout(bytes(40));
    // SAFETY: the mark, in the front zone.
    let to = unsafe { mine.sub(16) };
    // SAFETY: as above.
    let from = unsafe { other.sub(16) };
    // SAFETY: both have 8 bytes: the fault to be found.
    unsafe { to.copy_from_nonoverlapping(from, 8) };
    // SAFETY: not used any more.
    assert_eq!(unsafe { arena.free(mine, bytes(40)) }, Ok(()));
    let freed = arena.recording().events.into_iter();
    let freed = freed.filter_map(|event| match event.action {
        Action::Free { block, .. } => Some(block),
        _ => None,
    });
    assert_eq!(Vec::from_iter(freed), [BlockId(0)]);
}

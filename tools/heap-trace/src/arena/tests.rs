use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use arena_core::policy::{Reset, Zeroing};
use arena_core::{Arena, Policy};

use crate::{Class, Method, Off, Roots, Settings, TracedArena, Violation};

fn quiet() -> TracedArena {
    TracedArena::with(Arena::new(), Settings::new().quiet(true))
}

pub(super) fn bytes(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap()
}

/// Writes one byte near a block: the fault to be found.
pub(super) fn write(block: NonNull<u8>, offset: isize, byte: u8) {
    // SAFETY: within the arena's memory, which no reference of the tests leads into.
    let at = unsafe { block.offset(offset) };
    // SAFETY: as above.
    unsafe { at.write_volatile(byte) };
}

pub(super) fn free(arena: &TracedArena, block: NonNull<u8>, len: usize) -> Option<Violation> {
    // SAFETY: the tests use no block after this, but on purpose.
    unsafe { arena.free(block, bytes(len)) }.err()
}

fn seen(arena: &TracedArena) -> Vec<&'static str> {
    let report = arena.report(&Roots::new());
    report
        .faults
        .iter()
        .map(|fault| fault.violation.name())
        .collect()
}

#[test]
fn overflow_red_zone_1_byte() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(24));
    write(block, 24, 0x41);
    assert_eq!(arena.check(), 1);
    let report = arena.report(&Roots::new());
    let text = report.faults[0].to_string();
    let line =
        "overflow: block #0 (24 bytes): red zone byte 0 is 0x41, expected 0xfd\n    allocated at ";
    assert!(text.starts_with(line), "{text}");
    assert_eq!(report.faults[0].allocated_at().unwrap().file(), file!());
    assert_eq!(arena.check(), 1, "told once, not at every check");
}

#[test]
fn overflow_red_zone_at_free_has_the_bytes() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(30));
    for (at, byte) in (30..).zip(*b"abc") {
        write(block, at, byte);
    }
    assert_eq!(free(&arena, block, 30), None);
    let report = arena.report(&Roots::new());
    assert!(
        report.to_string().contains("3 bytes are wrong: 61 62 63"),
        "{report}"
    );
    assert!(
        report.to_string().contains("seen when it was freed at"),
        "{report}"
    );
}

#[test]
fn underflow_red_zone_1_byte_and_mark() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(8));
    write(block, -1, 0);
    assert_eq!(seen(&arena), ["underflow"]);
    let far = arena.alloc_layout(bytes(8));
    write(far, -9, 0);
    assert_eq!(
        free(&arena, far, 8),
        None,
        "found although its mark is gone"
    );
    let report = arena.report(&Roots::new());
    let Violation::Underflow(wrong) = report.faults[1].violation else {
        panic!("{report}")
    };
    assert_eq!((wrong.first, report.faults[1].block()), (-9, Some(1)));
}

#[test]
fn every_alignment_has_both_zones() {
    for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
        for side in [-1, 5] {
            let arena = quiet();
            let layout = Layout::from_size_align(5, align).unwrap();
            let block = arena.alloc_layout(layout);
            assert!(block.addr().get().is_multiple_of(align));
            arena.alloc(1_u8);
            assert_eq!(arena.check(), 0);
            write(block, side, 7);
            assert_eq!(arena.check(), 1, "{align} {side}");
        }
    }
}

#[test]
fn use_after_free_in_quarantine() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, block, 40), None);
    write(block, 3, 9);
    assert_eq!(seen(&arena), ["use after free"]);
    let text = arena.report(&Roots::new()).to_string();
    assert!(text.contains("byte 3 is 0x09, expected 0xdd"), "{text}");
    assert!(text.contains("\n    freed at "), "{text}");
}

#[test]
fn use_after_free_when_the_bytes_are_used_again() {
    let arena = TracedArena::with(Arena::new(), Settings::new().quiet(true).quarantine(0));
    let block = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, block, 40), None);
    assert_eq!(arena.used(), 0, "no quarantine");
    write(block, 0, 9);
    arena.alloc_layout(bytes(8));
    assert_eq!(seen(&arena), ["use after free"]);
}

#[test]
fn use_after_reset_names_block_and_generation() {
    let mut arena = quiet();
    arena.alloc(1_u64);
    let block = arena.alloc_layout(bytes(40));
    arena.reset();
    write(block, 39, 9);
    assert_eq!(seen(&arena), ["use after reset"]);
    let text = arena.report(&Roots::new()).to_string();
    assert!(text.contains("block #1 (40 bytes): byte 39"), "{text}");
    assert!(text.contains("given up with generation 1"), "{text}");
    write(block, 0, 9);
    arena.alloc_layout(bytes(100));
    assert_eq!(
        seen(&arena).len(),
        2,
        "noticed when the bytes are used again"
    );
}

#[test]
fn use_after_rewind_and_after_scope() {
    let mut arena = quiet();
    let kept = arena.alloc_layout(bytes(40));
    let checkpoint = arena.checkpoint();
    let lost = arena.alloc_layout(bytes(40));
    // SAFETY: broken below, on purpose.
    unsafe { arena.rewind(checkpoint) };
    write(kept, 0, 1);
    assert_eq!(arena.check(), 0);
    write(lost, 0, 1);
    assert_eq!(arena.check(), 1);
    let lost = arena.scope(|scope| scope.scope(|inner| inner.alloc_layout(bytes(16))));
    write(lost, 15, 1);
    assert_eq!(arena.check(), 2);
}

#[test]
fn overflow_of_a_block_is_seen_when_its_scope_ends() {
    let mut arena = quiet();
    arena.scope(|scope| write(scope.alloc_layout(bytes(16)), 16, 0));
    assert_eq!(seen(&arena), ["overflow"]);
}

#[test]
fn double_free_names_both_lines() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(40));
    arena.alloc(1);
    assert_eq!(free(&arena, block, 40), None);
    assert_eq!(free(&arena, block, 40), Some(Violation::DoubleFree));
    let fault = arena.report(&Roots::new()).faults[0];
    assert!(fault.freed_at().is_some() && fault.noticed_at().is_some());
}

#[test]
fn double_free_out_of_quarantine() {
    let arena = TracedArena::with(Arena::new(), Settings::new().quiet(true).quarantine(0));
    let block = arena.alloc_layout(bytes(40));
    assert_eq!(free(&arena, block, 40), None);
    assert_eq!(free(&arena, block, 40), Some(Violation::DoubleFree));
}

#[test]
fn double_free_after_reset() {
    let mut arena = quiet();
    let block = arena.alloc_layout(bytes(40));
    arena.reset();
    assert_eq!(free(&arena, block, 40), Some(Violation::DoubleFree));
}

#[test]
fn invalid_free_interior_and_foreign() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(40));
    arena.alloc(1);
    for offset in [8, 39, 45, -3] {
        // SAFETY: near the block.
        let inside = unsafe { block.offset(offset) };
        assert_eq!(
            free(&arena, inside, 8),
            Some(Violation::InteriorFree { offset })
        );
    }
    let mut mine = 0_u64;
    let foreign = NonNull::from(&mut mine).cast();
    let address = foreign.addr().get();
    assert_eq!(
        free(&arena, foreign, 8),
        Some(Violation::ForeignFree { address })
    );
    assert_eq!(
        free(&arena, block, 40),
        None,
        "the block itself is still there"
    );
}

#[test]
fn mismatched_layout_has_both() {
    let arena = quiet();
    let block = arena.alloc_layout(bytes(40));
    assert!(matches!(
        free(&arena, block, 41),
        Some(Violation::MismatchedLayout { size: 41, align: 1 })
    ));
    let text = arena.report(&Roots::new()).to_string();
    assert!(
        text.contains("freed as 41 bytes aligned to 1, allocated as 40 bytes aligned to 1"),
        "{text}"
    );
}

#[test]
fn last_in_first_out_runs_for_ever() {
    let arena = Policy::new().reserve(1 << 20).build().unwrap();
    let arena = TracedArena::with(arena, Settings::new().quiet(true));
    let first = arena.alloc(7_u64);
    for round in 0..200_000 {
        let block = arena.alloc_layout(bytes(64 + round % 64));
        write(block, 0, 1);
        assert_eq!(free(&arena, block, 64 + round % 64), None);
    }
    assert_eq!((*first, arena.check()), (7, 0));
}

#[test]
fn no_policy_gives_a_false_alarm() {
    for zeroing in [Zeroing::FreshOnly, Zeroing::Always, Zeroing::NeverPromised] {
        for reset in [Reset::Keep, Reset::Trim(8192), Reset::Decommit] {
            let policy = Policy::new().reserve(1 << 20).zeroing(zeroing).reset(reset);
            let mut arena =
                TracedArena::with(policy.build().unwrap(), Settings::new().quarantine(100));
            for _ in 0..4 {
                let text = arena.alloc_str("Hello arena");
                let zeroed = arena.alloc_layout_zeroed(Layout::new::<[u64; 100]>());
                // SAFETY: the block is of this size, and zero.
                assert_eq!(unsafe { zeroed.cast::<[u64; 100]>().read() }, [0; 100]);
                assert_eq!(text, "Hello arena");
                for len in [1, 100, 3000] {
                    let a = arena.alloc_layout(Layout::from_size_align(len, 128).unwrap());
                    let b = arena.alloc_layout(bytes(len));
                    assert_eq!(free(&arena, b, len), None);
                    // SAFETY: not used any more.
                    unsafe { arena.free(a, Layout::from_size_align(len, 128).unwrap()) }.unwrap();
                }
                arena.scope(|scope| scope.alloc_slice_fill_copy(5000, 1_u8).len());
                assert_eq!(arena.check(), 0, "{zeroing:?} {reset:?}");
                arena.reset();
            }
            assert_eq!(arena.check(), 0, "{zeroing:?} {reset:?}");
        }
    }
}

#[test]
fn leaks_are_what_no_root_leads_to() {
    let arena = quiet();
    let held = arena.alloc_layout(bytes(10));
    arena.alloc_layout(bytes(20));
    let inside = arena.alloc_layout(bytes(30)).addr().get() + 5;
    let report = arena.report(&Roots::new().value(&held).value(&inside));
    let sums = Class::ALL.map(|class| report.sum(class).bytes);
    assert_eq!(sums, [20, 0, 30, 10, 0]);
    assert_eq!(arena.report(&Roots::new()).sum(Class::Live).bytes, 60);
    let mark = arena.mark();
    arena.alloc(1_u8);
    let new = arena.report(&Roots::new().none()).since(mark);
    assert_eq!(new.lost().bytes, 1);
}

#[test]
fn destructors_run_in_reverse_also_when_off() {
    fn run<M: crate::Mode>() {
        static ORDER: AtomicUsize = AtomicUsize::new(0);
        struct Noted(usize);
        impl Drop for Noted {
            fn drop(&mut self) {
                assert_eq!(ORDER.fetch_sub(1, Ordering::Relaxed), self.0);
            }
        }
        ORDER.store(4, Ordering::Relaxed);
        let mut arena = TracedArena::<M>::in_mode(Arena::new(), Settings::new());
        arena.alloc_drop(Noted(1));
        arena.scope(|scope| {
            scope.alloc_drop(Noted(3));
            scope.alloc_drop(Noted(4));
        });
        arena.alloc_drop(Noted(2));
        drop(arena);
        assert_eq!(ORDER.load(Ordering::Relaxed), 0);
    }
    run::<crate::On>();
    run::<Off>();
}

#[test]
fn the_arena_comes_back() {
    let arena = quiet();
    arena.alloc_str("This is not malloc");
    let arena = arena.into_arena();
    assert!(arena.used() > 18);
}

#[test]
fn off_is_the_arena_itself() {
    let arena = TracedArena::<Off>::in_mode(Arena::new(), Settings::new());
    arena.alloc([0_u8; 64]);
    arena.alloc(1_u64);
    assert_eq!((arena.used(), arena.check()), (72, 0));
}

#[test]
fn faults_beyond_those_kept_are_counted() {
    let arena = quiet();
    for _ in 0..1010 {
        write(arena.alloc_layout(bytes(8)), 8, 0);
    }
    let report = arena.report(&Roots::new());
    assert_eq!((report.faults.len(), report.faults_dropped), (1000, 10));
    assert!(report.to_string().contains("faults that were not kept: 10"));
}

fn guarded(method: Method) -> TracedArena {
    let arena = Policy::new().reserve(1 << 20).build().unwrap();
    TracedArena::with(arena, Settings::new().method(method).quiet(true))
}

const GUARDED: [Method; 2] = [Method::GuardAfter, Method::GuardBefore];

#[test]
fn guarded_blocks_charge_the_arena_and_come_back() {
    for method in GUARDED {
        let mut arena = guarded(method);
        for _ in 0..3 {
            let text = arena.alloc_str("Hello arena");
            let number = arena.alloc(7_u64);
            assert_eq!((&*text, *number), ("Hello arena", 7));
            assert_eq!(arena.used(), 24, "as without a tracer");
            arena.scope(|scope| scope.alloc_slice_fill_copy(5000, 1_u8).len());
            assert_eq!((arena.used(), arena.check()), (24, 0));
            arena.reset();
        }
        assert!(
            arena.try_alloc_slice_uninit::<u8>(2 << 20).is_err(),
            "exhausted"
        );
        assert_eq!(arena.used(), 0);
    }
}

#[test]
fn guarded_frees_are_looked_up() {
    for method in GUARDED {
        let mut arena = guarded(method);
        let block = arena.alloc_layout(bytes(40));
        let other = arena.alloc_layout(bytes(40));
        // SAFETY: within the block.
        let inside = unsafe { other.add(8) };
        assert_eq!(
            free(&arena, inside, 40),
            Some(Violation::InteriorFree { offset: 8 })
        );
        assert_eq!(free(&arena, block, 40), None);
        assert_eq!(free(&arena, block, 40), Some(Violation::DoubleFree));
        assert_eq!(free(&arena, other, 40), None);
        assert_eq!(arena.used(), 0, "the newest are given back");
        assert_eq!(free(&arena, other, 40), Some(Violation::DoubleFree));
        let kept = arena.alloc_layout(bytes(8));
        arena.reset();
        assert_eq!(free(&arena, kept, 8), Some(Violation::DoubleFree));
        let mut mine = 0_u64;
        assert!(matches!(
            free(&arena, NonNull::from(&mut mine).cast(), 8),
            Some(Violation::ForeignFree { .. })
        ));
    }
}

#[test]
fn guarded_arenas_run_for_ever() {
    let arena = guarded(Method::GuardAfter);
    for _ in 0..30_000 {
        let block = arena.alloc_layout(bytes(64));
        write(block, 63, 1);
        assert_eq!(free(&arena, block, 64), None);
    }
    assert_eq!(arena.check(), 0);
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::policy::{Commit, Fork, Guard, HugePages, Reset};
use crate::region::page_size;

mod kernel;
mod policies;
mod refusals;

fn small(bytes: usize) -> Arena {
    Policy::new().reserve(bytes).build().unwrap()
}

fn message(body: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .expect("a formatted panic")
        .clone()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn blocks_follow_each_other_at_the_minimum_alignment() {
    let arena = small(4096);
    let offsets =
        [1, 64, 9, 8].map(|size| arena.offset_of(arena.alloc_layout(layout(size, 1)).as_ptr()));
    assert_eq!(offsets, [0, 8, 72, 88].map(Some));
    let dense = Policy::new()
        .reserve(4096)
        .build_with_min_align::<1>()
        .unwrap();
    let offsets =
        [1, 64, 9, 8].map(|size| dense.offset_of(dense.alloc_layout(layout(size, 1)).as_ptr()));
    assert_eq!(offsets, [0, 1, 65, 74].map(Some));
}

#[test]
fn the_exact_limit_is_hit_at_its_last_byte() {
    let arena = small(4096);
    for limit in [100, 99, 97, 96, 1] {
        let mut arena = small(4096);
        arena.set_limit(limit);
        assert!(
            arena.try_alloc_slice_fill_copy(limit, 1_u8).is_ok(),
            "limit {limit}"
        );
        arena.check();
        assert!(arena.try_alloc(1_u8).is_err());
        arena.reset();
        let error = arena
            .try_alloc_slice_fill_copy(limit + 1, 1_u8)
            .unwrap_err();
        assert_eq!(
            error,
            AllocError::Exhausted {
                size: limit + 1,
                align: 1,
                used: 0,
                limit,
                capacity: 4096
            }
        );
        arena.set_limit(usize::MAX);
        assert!(arena.try_alloc_slice_fill_copy(limit + 1, 1_u8).is_ok());
    }
    assert!(arena.try_alloc_slice_fill_copy(4096, 1_u8).is_ok());
    assert!(arena.try_alloc(1_u8).is_err());
    arena.check();
}

#[test]
fn a_limit_below_what_is_in_use_takes_nothing_away() {
    let arena = small(4096);
    let kept = arena.alloc([7_u8; 64]);
    arena.set_limit(10);
    assert!(arena.try_alloc(1_u8).is_err());
    assert_eq!(*kept, [7; 64]);
    assert_eq!((arena.used(), arena.limit()), (64, 10));
    arena.set_limit(72);
    assert!(arena.try_alloc(1_u64).is_ok());
}

#[test]
fn exhaustion_panics_with_all_the_numbers() {
    let arena = small(4096);
    arena.alloc([0_u8; 64]);
    assert_eq!(
        message(|| {
            arena.alloc([0_u8; 4096]);
        }),
        "arena exhausted: 4096 bytes (align 1) requested, 64 used, limit 4096, capacity 4096: \
         reserve more, or reset"
    );
    arena.set_limit(100);
    assert_eq!(
        message(|| {
            arena.alloc_slice_fill_copy(64, 0_u8);
        }),
        "arena exhausted: 64 bytes (align 1) requested, 64 used, limit 100, capacity 4096: \
         raise the limit, or reset"
    );
    assert!(arena.try_alloc(1_u32).is_ok());
}

#[test]
fn sizes_and_alignments_that_overflow_are_errors() {
    let arena = Arena::new();
    let huge = isize::MAX as usize;
    assert!(matches!(
        arena.try_alloc_layout(layout(huge, 1)),
        Err(AllocError::Exhausted { .. })
    ));
    assert!(arena.try_alloc_layout(layout(huge - 7, 8)).is_err());
    assert!(arena.try_alloc_layout(layout(1, 1 << 62)).is_err());
    let error = arena.try_alloc_slice_uninit::<u64>(usize::MAX).unwrap_err();
    assert_eq!(
        error,
        AllocError::TooLarge {
            count: usize::MAX,
            element_size: 8
        }
    );
    assert_eq!(
        error.to_string(),
        "block too large: 18446744073709551615 elements of 8 bytes exceed 9223372036854775807 bytes"
    );
    assert_eq!(arena.used(), 0);
    assert!(arena.try_alloc(1_u8).is_ok());
}

#[test]
fn an_alignment_of_a_gigabyte_is_kept_or_refused() {
    let arena = Policy::new().reserve(4 << 30).build().unwrap();
    let block = arena.alloc_layout(layout(1, 1 << 30));
    assert!(block.addr().get().is_multiple_of(1 << 30));
    arena.check();
    assert!(small(4096).try_alloc_layout(layout(1, 1 << 30)).is_err());
}

#[test]
fn no_bytes_cost_nothing_and_are_aligned() {
    let arena = small(4096);
    for align in [1, 8, 64, 1 << 30] {
        let block = arena.alloc_layout(layout(0, align));
        assert!(block.addr().get().is_multiple_of(align));
    }
    arena.alloc(());
    arena.alloc([0_u64; 0]);
    assert!(arena.alloc_slice_copy::<u64>(&[]).is_empty());
    assert_eq!(arena.alloc_str(""), "");
    assert_eq!(arena.alloc_slice_fill_with(1000, |_| ()).len(), 1000);
    assert_eq!(
        arena.alloc_slice_from_iter((0..1000).map(|_| ())).len(),
        1000
    );
    assert_eq!(arena.used(), 0);
}

#[test]
fn values_of_no_bytes_take_no_padding_either() {
    #[derive(Clone, Copy)]
    #[repr(align(1024))]
    struct Nothing;

    let arena = small(4096);
    arena.alloc(1_u8);
    let one: *const Nothing = arena.alloc(Nothing);
    let tried: *const Nothing = arena.try_alloc(Nothing).unwrap();
    let several = arena.alloc_slice_copy(&[Nothing; 3]).as_ptr();
    let none = arena.alloc_slice_copy::<u128>(&[]).as_ptr();
    for (address, align) in [
        (one.addr(), 1024),
        (tried.addr(), 1024),
        (several.addr(), 1024),
        (none.addr(), 16),
    ] {
        assert!(address.is_multiple_of(align), "{address:#x}, align {align}");
    }
    assert_eq!(arena.used(), 8);
}

#[test]
fn raw_layouts_of_no_bytes_take_their_padding_at_most_and_are_never_refused() {
    let arena = small(4096);
    let first: *const u8 = arena.alloc(1_u8);
    // There is one place for it at most, and only if the arena ends there.
    let ends_there = (first.addr() + 4096).is_multiple_of(1 << 20);
    let far = if ends_there { 4096 } else { 1024 };
    for (align, used) in [(1, 8), (8, 8), (64, 64), (1024, 1024), (1 << 20, far)] {
        let tried = arena.try_alloc_layout(layout(0, align)).unwrap();
        for block in [arena.alloc_layout(layout(0, align)), tried] {
            assert!(block.addr().get().is_multiple_of(align), "{block:p}");
        }
        assert_eq!(arena.used(), used, "align {align}");
        arena.check();
    }
    let before = arena.used();
    arena.alloc_layout_zeroed(layout(0, 64));
    assert_eq!(arena.used(), before, "zeroed");
}

#[test]
fn alloc_with_may_use_the_arena_it_fills() {
    let arena = small(4096);
    let outer = arena.alloc_with(|| {
        let inner: &u64 = arena.alloc(2);
        (1_u64, inner)
    });
    assert_eq!((outer.0, *outer.1), (1, 2));
    assert_eq!(arena.offset_of(outer), Some(0));
    assert_eq!(arena.used(), 24);
}

#[test]
fn a_panic_in_a_closure_leaves_the_arena_usable() {
    let arena = small(4096);
    let before: &mut u64 = arena.alloc(3);
    assert!(catch_unwind(AssertUnwindSafe(|| arena.alloc_with::<u64>(|| panic!("no")))).is_err());
    let values = (0..).map(|n| if n < 10 { n } else { panic!("no") });
    assert!(catch_unwind(AssertUnwindSafe(|| arena.alloc_slice_from_iter(values))).is_err());
    arena.check();
    assert_eq!((*before, arena.used()), (3, 16));
    assert_eq!(*arena.alloc(4_u64), 4);
}

#[test]
fn a_slice_grows_in_place_unless_its_iterator_allocates() {
    let arena = Arena::new();
    let alone = arena.alloc_slice_from_iter((0..1000_u64).filter(|n| n % 2 == 0));
    assert_eq!((alone.len(), arena.used()), (500, 4000));
    let shared =
        arena.alloc_slice_from_iter((0..100_u64).map(|n| &*arena.alloc(n)).filter(|_| true));
    assert!(
        shared
            .iter()
            .enumerate()
            .all(|(index, value)| **value == index as u64)
    );
    arena.check();
}

#[test]
fn slices_of_every_length_are_copied_whole_and_touch_no_neighbour() {
    let arena = Arena::new();
    for len in 0..200_usize {
        let bytes: Vec<u8> = (0..len).map(|n| (n * 7 + len) as u8).collect();
        let threes: Vec<[u8; 3]> = (0..len).map(|n| [n as u8, 1, 2]).collect();
        let references: Vec<&u8> = bytes.iter().collect();
        let before = arena.alloc_slice_fill_copy(16, 0xaa_u8);
        let copies = (
            arena.alloc_slice_copy(&bytes),
            arena.alloc_slice_copy(&threes),
            arena.alloc_slice_copy(&references),
        );
        let after = arena.alloc_slice_fill_copy(16, 0xaa_u8);
        assert_eq!((&*copies.0, &*copies.1), (&bytes[..], &threes[..]), "{len}");
        assert!(
            copies
                .2
                .iter()
                .zip(&bytes)
                .all(|(copy, byte)| std::ptr::eq(*copy, byte))
        );
        assert_eq!(
            (&*before, &*after),
            (&[0xaa; 16][..], &[0xaa; 16][..]),
            "{len}"
        );
    }
}

#[test]
fn an_iterator_that_does_not_fit_gives_its_block_back() {
    let arena = small(4096);
    assert!(arena.try_alloc_slice_from_iter(0..1000_u64).is_err());
    assert!(
        arena
            .try_alloc_slice_from_iter((0..1000_u64).filter(|_| true))
            .is_err()
    );
    assert_eq!(arena.used(), 0);
    assert_eq!(
        arena
            .alloc_slice_from_iter((0..512_u64).filter(|_| true))
            .len(),
        512
    );
}

#[test]
fn formatted_text_says_what_went_wrong() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let arena = small(4096);
    assert_eq!(arena.alloc_fmt(format_args!("{}-{:>5}", "a", 7)), "a-    7");
    assert_eq!(
        arena.try_alloc_fmt(format_args!("{Broken}")),
        Err(AllocError::Format)
    );
    let long = "x".repeat(5000);
    assert!(matches!(
        arena.try_alloc_fmt(format_args!("{long}{}", 1)),
        Err(AllocError::Exhausted { .. })
    ));
    assert_eq!(arena.used(), 8);
}

fn is_zero(block: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the block was handed out with that many bytes, and mapped memory has values.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, len).as_ref() };
    bytes.iter().all(|&byte| byte == 0)
}

#[test]
fn a_buffer_is_used_from_its_first_aligned_byte_to_its_last() {
    let mut buffer = [MaybeUninit::uninit(); 256];
    for skip in 0..16 {
        let arena = Arena::in_buffer(&mut buffer[skip..]);
        assert!(
            (256 - skip - arena.capacity()) < 16,
            "{} of {}",
            arena.capacity(),
            256 - skip
        );
        arena.alloc_slice_fill_copy(arena.capacity(), 1_u8);
        assert!(arena.try_alloc(1_u8).is_err());
        arena.check();
    }
    let dense = Arena::<1, _>::in_buffer_with_min_align(&mut buffer[3..]);
    assert_eq!(dense.capacity(), 253);
    for len in 0..8 {
        let mut tiny = [MaybeUninit::uninit(); 8];
        let arena = Arena::<64, _>::in_buffer_with_min_align(&mut tiny[..len]);
        assert_eq!(arena.capacity(), 0);
        assert!(arena.try_alloc(1_u8).is_err());
    }
}

#[test]
fn a_forgotten_scope_gives_nothing_up_and_breaks_nothing() {
    let mut arena = small(4096);
    let mut guard = arena.scope_guard();
    guard.scope().alloc(1_u64);
    core::mem::forget(guard);
    assert_eq!(arena.used(), 8);
    assert_eq!(*arena.alloc(2_u64), 2);
    arena.check();
    arena.scope(|scope| scope.alloc([0_u8; 100]).len());
    assert_eq!(arena.used(), 16);
}

#[test]
fn a_panic_in_a_scope_rewinds_it() {
    let mut arena = small(4096);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        arena.scope(|scope| {
            scope.alloc([0_u8; 100]);
            scope.scope(|inner| {
                inner.alloc([0_u8; 200]);
                panic!("no");
            })
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((arena.used(), arena.high_water_mark()), (0, 304));
}

#[test]
fn a_limit_above_the_capacity_is_the_capacity() {
    let arena = small(4096);
    arena.set_limit(usize::MAX);
    assert_eq!(arena.limit(), 4096);
    arena.alloc_slice_fill_copy(4096, 1_u8);
    assert!(arena.try_alloc(1_u8).is_err());
    arena.check();
}

#[test]
fn offsets_are_of_used_bytes_only() {
    let arena = small(4096);
    let block: *const u8 = arena.alloc([0_u8; 16]).as_ptr();
    assert_eq!(arena.offset_of(block.wrapping_add(15)), Some(15));
    assert_eq!(arena.offset_of(block.wrapping_add(16)), None);
    assert_eq!(arena.offset_of(block.wrapping_sub(1)), None);
}

#[test]
fn text_that_does_not_fit_is_an_error_even_if_its_display_does_not_care() {
    struct Careless;
    impl fmt::Display for Careless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _ = f.write_str(&"x".repeat(5000));
            f.write_str("end")
        }
    }
    let arena = small(4096);
    let text = arena.try_alloc_fmt(format_args!("{Careless}"));
    assert!(
        matches!(text, Err(AllocError::Exhausted { .. })),
        "{text:?}"
    );
}

//! Arenas in buffers, through what is left of the crate without `std`: run with and without it.

use core::alloc::Layout;
use core::mem::MaybeUninit;

use arena_core::Arena;

#[test]
fn a_buffer_serves_every_kind_of_allocation_and_its_scopes() {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut arena = Arena::in_buffer(&mut buffer);
    let number = arena.alloc(7_u64);
    let text = arena.alloc_fmt(format_args!("base+{}", 128));
    let squares = arena.alloc_slice_from_iter((0..10_u32).filter(|n| n % 2 == 0).map(|n| n * n));
    assert_eq!(
        (*number, &*text, &*squares),
        (7, "base+128", &[0, 4, 16, 36, 64][..])
    );
    let before = arena.used();
    let sum: u32 = arena.scope(|scope| {
        let outer = scope.alloc([1_u32; 100]);
        scope.scope(|inner| inner.alloc_slice_copy(outer).iter().sum())
    });
    assert_eq!((sum, arena.used()), (100, before));
    arena.check();
    arena.reset();
    assert_eq!(arena.used(), 0);
}

#[test]
fn zeroed_blocks_are_zero_in_a_buffer_of_anything() {
    let mut buffer = [MaybeUninit::new(0xff_u8); 1024];
    let arena = Arena::in_buffer(&mut buffer);
    let block = arena
        .alloc_layout_zeroed(Layout::new::<[u8; 500]>())
        .cast::<[u8; 500]>();
    // SAFETY: the block is of this size, ours, and all zeroes: a value.
    assert_eq!(unsafe { block.read() }, [0; 500]);
}

#[test]
fn a_full_buffer_says_so_with_the_numbers() {
    let mut buffer = [MaybeUninit::uninit(); 100];
    let arena = Arena::<1, _>::in_buffer_with_min_align(&mut buffer);
    arena.alloc([0_u8; 60]);
    let error = arena.try_alloc([0_u8; 41]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "arena exhausted: 41 bytes (align 1) requested, 60 used, limit 100, capacity 100: \
         reserve more, or reset"
    );
    assert!(arena.try_alloc([0_u8; 40]).is_ok());
}

#[test]
fn an_arena_in_a_static_or_leaked_buffer_lives_forever() {
    let buffer: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new([MaybeUninit::uninit(); 64]));
    let arena: &'static Arena<8, _> = Box::leak(Box::new(Arena::in_buffer(buffer)));
    let text: &'static str = arena.alloc_str("This is not malloc");
    assert_eq!(text.len(), 18);
}

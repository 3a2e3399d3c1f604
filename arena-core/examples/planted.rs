//! Memory faults on purpose, for AddressSanitizer and valgrind to find: `planted FAULT`.
//!
//! Built with the features `asan` or `valgrind`, each fault is reported at the line that does it;
//! without them the tools see one large valid block and say nothing. `cargo xtask ci` checks both.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::sync::Mutex;

use arena_core::policy::Zeroing;
use arena_core::{Arena, ArenaVec, Policy, SyncArena};

/// Every fault, by name. The pointers are derived from the arena's own region.
const FAULTS: [(&str, fn()); 8] = [
    ("overflow_block_1_byte", || {
        let arena = Arena::new();
        let block = arena.alloc_layout(Layout::new::<[u8; 40]>());
        arena.alloc(0_u64);
        write(block, 40);
    }),
    ("overflow_block_1_byte_read", || {
        let arena = Arena::new();
        let block = arena.alloc_layout(Layout::new::<[u8; 40]>());
        arena.alloc(0_u64);
        read(block, 40);
    }),
    ("use_after_reset_first_byte", || {
        let mut arena = Arena::new();
        let block = arena.alloc_layout(Layout::new::<[u8; 40]>());
        arena.reset();
        write(block, 0);
    }),
    ("use_after_rewind_last_byte", || {
        let arena = Arena::new();
        arena.alloc(0_u64);
        let checkpoint = arena.checkpoint();
        let block = arena.alloc_layout(Layout::new::<[u8; 40]>());
        // SAFETY: broken below, on purpose.
        unsafe { arena.rewind(checkpoint) };
        write(block, 39);
    }),
    ("use_after_scope_first_byte", || {
        let mut arena = Arena::new();
        let block = arena.scope(|scope| scope.alloc_layout(Layout::new::<[u8; 40]>()));
        write(block, 0);
    }),
    ("use_after_free_vec_moved", || {
        let arena = Arena::new();
        let mut vec = ArenaVec::with_capacity_in(4, &arena);
        vec.push(0_u64);
        let old = NonNull::from(&mut vec[0]).cast::<u8>();
        arena.alloc(0_u64);
        vec.reserve(100);
        write(old, 0);
    }),
    ("overflow_sync_block_1_byte", || {
        let arena = SyncArena::new();
        let local = arena.local();
        let block = local.alloc_layout(Layout::new::<[u8; 40]>());
        local.alloc(0_u64);
        write(block, 40);
    }),
    ("use_after_reset_sync", || {
        let mut arena = SyncArena::new();
        let block = arena.alloc_layout(Layout::new::<[u8; 40]>());
        arena.reset();
        write(block, 0);
    }),
];

/// An arena that lives to the end, and a block in it.
struct Kept {
    _arena: Arena,
    _block: NonNull<u8>,
}

// SAFETY: the pointer is never used.
unsafe impl Send for Kept {}

static KEEPER: Mutex<Option<Kept>> = Mutex::new(None);

fn write(block: NonNull<u8>, offset: usize) {
    let at = block.as_ptr().wrapping_add(offset);
    // SAFETY: within the arena's region, and not within a live block: that is the fault.
    unsafe { at.write_volatile(1) }
}

fn read(block: NonNull<u8>, offset: usize) -> u8 {
    let at = block.as_ptr().wrapping_add(offset);
    // SAFETY: as in `write`.
    unsafe { at.read_volatile() }
}

/// What must not be reported: every kind of use that is right.
fn clean() {
    for zeroing in [Zeroing::FreshOnly, Zeroing::Always, Zeroing::NeverPromised] {
        let mut arena = Policy::new()
            .reserve(1 << 20)
            .zeroing(zeroing)
            .build()
            .unwrap();
        for _ in 0..3 {
            let zeroed = arena
                .alloc_layout_zeroed(Layout::new::<[u64; 100]>())
                .cast::<[u64; 100]>();
            // SAFETY: the block is of this size, and zero.
            assert_eq!(unsafe { zeroed.read() }, [0; 100]);
            arena.alloc_drop(String::from("dropped with the arena"));
            let mut grown = ArenaVec::new_in(&arena);
            grown.extend(0..1000_u32);
            grown.truncate(10);
            grown.shrink_to_fit();
            arena.alloc(0_u8);
            grown.extend(0..100);
            assert_eq!(grown.iter().sum::<u32>(), 45 + 4950);
            assert!(!arena.dump().hex().to_string().is_empty());
            arena.scope(|scope| scope.alloc_slice_fill_copy(1000, 0xff_u8).len());
            arena.reset();
        }
    }
    for round in 0..10_u64 {
        let arena = Arena::pooled();
        assert_eq!(arena.alloc([round; 1000])[999], round);
    }
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let arena = Arena::in_buffer(&mut buffer);
    arena.alloc_str("Hello arena");
    drop(arena);
    buffer.fill(MaybeUninit::new(1));
    let arena = SyncArena::new();
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let local = arena.local();
                for n in 0..1000_u64 {
                    assert_eq!(*local.alloc(n), *arena.alloc(n));
                }
            });
        }
    });
    // What only a block refers to is not leaked, for as long as the arena lives.
    let arena = Arena::new();
    let block = NonNull::from(arena.alloc_leaky(vec![1_u8; 1000])).cast();
    *KEEPER.lock().unwrap() = Some(Kept {
        _arena: arena,
        _block: block,
    });
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "clean" {
        clean();
        return ExitCode::SUCCESS;
    }
    match FAULTS.iter().find(|(fault, _)| *fault == name) {
        Some((_, commit)) => {
            commit();
            ExitCode::SUCCESS
        }
        None => {
            println!("{}", FAULTS.map(|(fault, _)| fault).join("\n"));
            ExitCode::from(2)
        }
    }
}

//! A traced allocator is an allocator: every method of heap-trace passes the whole suite, and finds
//! no fault in it. Whoever passes has no overlap, no lost byte and no false alarm.

use allocator_api2_02::alloc::Global;
use arena_core::Policy;
use heap_trace::{Method, Mode, Off, On, Settings, Traced, TracedArena};
use tests::adapters::v02;
use tests::subject::{Promises, Rewind};

/// What an arena here promises; red zones of strictly aligned blocks take as much again.
const LEN: usize = 1 << 19;

/// With guard pages, each block of an exhausted arena costs system calls.
const GUARDED_LEN: usize = 1 << 15;

fn arena<M: Mode>(settings: Settings, len: usize) -> v02::ViaAllocator<TracedArena<M>> {
    let arena = Policy::new().reserve(2 * len).build().unwrap();
    v02::ViaAllocator::new(TracedArena::in_mode(arena, settings), Promises::arena(len))
        .reset_with(|arena| arena.reset())
        .rewind_with(
            Rewind::OlderBlocksRest,
            |arena| arena.checkpoint(),
            // SAFETY: the suite uses no block born since the checkpoint.
            |arena, checkpoint| unsafe { arena.rewind(checkpoint) },
        )
        .check_with(|arena| no_faults(arena.check()))
}

fn heap<M: Mode>(settings: Settings) -> v02::ViaAllocator<Traced<Global, M>> {
    let heap = Traced::in_mode(Global, settings);
    v02::ViaAllocator::new(heap, Promises::malloc()).check_with(|heap| no_faults(heap.check()))
}

fn no_faults(count: usize) -> Result<(), String> {
    match count {
        0 => Ok(()),
        _ => Err(format!("{count} faults, where there are none")),
    }
}

const CANARY: Settings = Settings::new();
const HASTY: Settings = Settings::new().quarantine(0);
const AFTER: Settings = Settings::new().method(Method::GuardAfter);
const BEFORE: Settings = Settings::new().method(Method::GuardBefore);

tests::conformance!(arena_with_canaries, || arena::<On>(CANARY, LEN));
tests::conformance!(arena_without_quarantine, || arena::<On>(HASTY, LEN));
tests::conformance!(arena_with_guards_after, || arena::<On>(AFTER, GUARDED_LEN));
tests::conformance!(arena_with_guards_before, || arena::<On>(
    BEFORE,
    GUARDED_LEN
));
tests::conformance!(arena_off, || arena::<Off>(CANARY, LEN));
tests::conformance!(heap_with_canaries, || heap::<On>(CANARY));
tests::conformance!(heap_without_quarantine, || heap::<On>(HASTY));
tests::conformance!(heap_with_guards_after, || heap::<On>(AFTER));
tests::conformance!(heap_with_guards_before, || heap::<On>(BEFORE));
tests::conformance!(heap_off, || heap::<Off>(CANARY));

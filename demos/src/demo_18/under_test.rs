//! The code under test: a log, something it needs, and a file delegate that owns a path. It prints nothing.

use super::{CREATED, NOTHING};
use malloc_fault::heap::TrackedHeap;
use std::ffi::{CStr, c_char};
use std::process::ExitCode;
use std::ptr::NonNull;

// stamp: objects
/// Writes lines through a delegate. 16 bytes.
#[repr(C)]
struct Log {
    other: NonNull<Other>,
    delegate: Option<NonNull<Delegate>>,
}

/// What a log needs besides. 24 bytes.
#[repr(C)]
struct Other {
    lines: u64,
    bytes: u64,
    level: u64,
}

/// Writes to a file, and owns the copy of its path. 24 bytes.
#[repr(C)]
struct Delegate {
    path: Option<NonNull<c_char>>,
    descriptor: i64,
    written: u64,
}
// /stamp: objects

const _: () =
    assert!(size_of::<Log>() == 16 && size_of::<Other>() == 24 && size_of::<Delegate>() == 24);

/// Where the lines would go.
const PATH: &CStr = c"/var/log/own-the-heap.log";

/// Creates and frees, and says by its exit status how it went.
pub(super) fn child() -> ExitCode {
    let mut heap = TrackedHeap::new();
    if !malloc_fault::marker() {
        return ExitCode::FAILURE;
    }
    let log = create(&mut heap);
    let created = log.is_some();
    if let Some(log) = log {
        destroy(&mut heap, log);
    }
    malloc_fault::marker();
    if !heap.report().is_clean() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(if created { CREATED } else { NOTHING } as u8)
}

// stamp: create
/// Makes all of it, or nothing.
fn create(heap: &mut TrackedHeap) -> Option<NonNull<Log>> {
    let log = make_log(heap)?;
    let Some(other) = make_other(heap) else {
        return give_up(heap, &[log.cast()]);
    };
    let Some(delegate) = make_delegate(heap) else {
        return give_up(heap, &[other.cast(), log.cast()]);
    };
    let Some(path) = make_path(heap) else {
        return give_up(heap, &[delegate.cast(), other.cast(), log.cast()]);
    };
    // /stamp: create
    // SAFETY: each block is new and has its value's size; malloc aligns for every type.
    unsafe {
        delegate.write(Delegate {
            path: Some(path),
            descriptor: -1,
            written: 0,
        });
    }
    // SAFETY: as above.
    unsafe {
        other.write(Other {
            lines: 0,
            bytes: 0,
            level: 1,
        });
    }
    // SAFETY: as above.
    unsafe {
        log.write(Log {
            other,
            delegate: Some(delegate),
        });
    }
    Some(log)
}

fn give_up(heap: &mut TrackedHeap, blocks: &[NonNull<u8>]) -> Option<NonNull<Log>> {
    for block in blocks {
        // SAFETY: made by `create` and not handed out.
        unsafe { heap.free(*block) };
    }
    None
}

fn destroy(heap: &mut TrackedHeap, log: NonNull<Log>) {
    // SAFETY: written by `create`, and read for the last time.
    let Log { other, delegate } = unsafe { log.read() };
    // SAFETY: as above.
    let path = delegate.and_then(|delegate| unsafe { delegate.read() }.path);
    let blocks = [
        path.map(NonNull::cast),
        delegate.map(NonNull::cast),
        Some(other.cast()),
        Some(log.cast()),
    ];
    for block in blocks.into_iter().flatten() {
        // SAFETY: made by `create`, and not used any more.
        unsafe { heap.free(block) };
    }
}

// Kept as functions of their own: a trace tells calls apart by the functions on the stack.

#[inline(never)]
fn make_log(heap: &mut TrackedHeap) -> Option<NonNull<Log>> {
    heap.malloc(size_of::<Log>(), "log").map(NonNull::cast)
}

#[inline(never)]
fn make_other(heap: &mut TrackedHeap) -> Option<NonNull<Other>> {
    heap.malloc(size_of::<Other>(), "other").map(NonNull::cast)
}

#[inline(never)]
fn make_delegate(heap: &mut TrackedHeap) -> Option<NonNull<Delegate>> {
    heap.malloc(size_of::<Delegate>(), "delegate")
        .map(NonNull::cast)
}

#[inline(never)]
fn make_path(heap: &mut TrackedHeap) -> Option<NonNull<c_char>> {
    heap.strdup(PATH, "path")
}

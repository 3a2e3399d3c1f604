//! What the tracer knows of threads: a number each, whether one is inside the tracer, and where their
//! stacks are.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// Threads whose stacks are searched for pointers; those beyond are not, and a report says so.
const KNOWN: usize = 1024;

/// An address in the stack of each thread that has called the tracer, or 0.
static STACKS: [AtomicUsize; KNOWN] = [const { AtomicUsize::new(0) }; KNOWN];
static NEXT: AtomicU32 = AtomicU32::new(1);
static UNKNOWN: AtomicBool = AtomicBool::new(false);
/// The address of the main thread's [`NUMBER`], or 0.
static MAIN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's number; 0 until it is asked for. A plain cell, without a destructor: it is there in
    /// every moment of a thread's life, also in the last.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread is inside the tracer.
    static INSIDE: Cell<Depth> = const { Cell::new(Depth::Outside) };
    /// Takes the stack off the list when the thread ends.
    static KEPT: Kept = const { Kept(Cell::new(usize::MAX)) };
}

struct Kept(Cell<usize>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(slot) = STACKS.get(self.0.get()) {
            slot.store(0, Ordering::Release);
        }
    }
}

/// This thread's number: 1 for the first that called the tracer.
#[inline]
pub(crate) fn number() -> u32 {
    NUMBER.with(|number| match number.get() {
        0 => register(number),
        known => known,
    })
}

#[cold]
fn register(number: &Cell<u32>) -> u32 {
    let new = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    number.set(new);
    // SAFETY: asks for a number.
    let (process, thread) = (std::process::id(), unsafe { libc::gettid() });
    if u32::try_from(thread) == Ok(process) {
        MAIN.store(ptr::from_ref(number).addr(), Ordering::Release);
    }
    let here = (&raw const new).addr();
    let free = STACKS.iter().position(|slot| {
        slot.compare_exchange(0, here, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    });
    match free {
        // A thread that is ending cannot be told of its end: its stack stays on the list.
        Some(slot) => {
            let _ = KEPT.try_with(|kept| kept.0.set(slot));
        }
        None => UNKNOWN.store(true, Ordering::Relaxed),
    }
    new
}

/// An address in each known stack.
pub(crate) fn stacks() -> Vec<usize> {
    let stacks = STACKS.iter().map(|slot| slot.load(Ordering::Acquire));
    stacks.filter(|&at| at != 0).collect()
}

/// The address of this thread's number, and of the main thread's if that is known: by how far they are
/// apart, all thread-local variables are.
pub(crate) fn own_and_main() -> (usize, Option<usize>) {
    let own = NUMBER.with(|number| ptr::from_ref(number).addr());
    let main = MAIN.load(Ordering::Acquire);
    (own, (main != 0).then_some(main))
}

/// Tell whether there are threads whose stacks are not known.
pub(crate) fn are_some_unknown() -> bool {
    UNKNOWN.load(Ordering::Relaxed)
}

/// Where a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Not in the tracer.
    Outside,
    /// Writing something down: it may hold a lock, and allocates nothing itself.
    Ledger,
    /// Putting a report together, which allocates.
    Report,
}

/// The right to be in the tracer; there is one a thread.
pub(crate) struct Inside(());

/// Enter the tracer, unless this thread is in it already: in a signal handler that has interrupted it,
/// or by an allocation of the tracer's own.
#[inline]
pub(crate) fn enter() -> Option<Inside> {
    enter_for(Depth::Ledger)
}

/// Enter the tracer to put a report together.
pub(crate) fn enter_to_report() -> Option<Inside> {
    enter_for(Depth::Report)
}

#[inline]
fn enter_for(depth: Depth) -> Option<Inside> {
    INSIDE.with(|inside| {
        let is_outside = inside.get() == Depth::Outside;
        if is_outside {
            inside.set(depth);
        }
        is_outside.then(|| Inside(()))
    })
}

/// Tell where this thread is.
pub(crate) fn depth() -> Depth {
    INSIDE.with(Cell::get)
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.set(Depth::Outside));
    }
}

//! A lock that another thread holds at the fork stays locked in the child for ever: the thread that would
//! unlock it is not there.

use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use arena_core::{Arena, Policy, SyncArena};

use crate::error::ProbeError;
use crate::inherited::BLOCK;
use crate::notes::nanoseconds;
use crate::observation::to_nanoseconds;
use crate::probe::ForkProbe;

/// What a child could do while another thread of its parent was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HeldLock {
    /// How long the child tried, in nanoseconds.
    pub limit_ns: u64,
    /// Whether the child got a block from an arena behind a mutex that the other thread held.
    pub mutex_served_child: bool,
    /// Whether the parent got one from it, as soon as that thread let go.
    pub mutex_served_parent: bool,
    /// Whether the child got a block from an arena without locks, with the other thread at work in it.
    pub lock_free_served_child: bool,
}

/// How long the child tries: long beside any critical section, short for a reader.
const LIMIT: Duration = Duration::from_millis(100);

pub(super) fn show(probe: &ForkProbe<'_>) -> Result<HeldLock, ProbeError> {
    let build = || Policy::new().reserve(1 << 16).build();
    let guarded: Mutex<Arena> = Mutex::new(build().map_err(ProbeError::Arena)?);
    let lock_free = Policy::new().reserve(1 << 20).build_sync();
    let lock_free: SyncArena = lock_free.map_err(ProbeError::Arena)?;
    let limit = to_nanoseconds(LIMIT.min(probe.patience().deadline / 2));
    let (is_held, held) = mpsc::channel();
    let (let_go, may_go) = mpsc::channel::<()>();
    thread::scope(|threads| {
        let (guarded, lock_free) = (&guarded, &lock_free);
        let holder = threads.spawn(move || {
            let arena = guarded.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = lock_free.try_alloc_layout(BLOCK);
            let _ = is_held.send(());
            // Until the other end is dropped, at the latest.
            let _ = may_go.recv();
            drop(arena);
        });
        let _ = held.recv();
        // SAFETY: the child tries a lock that never waits, and moves an offset.
        let by_mutex = unsafe { probe.ask(|| until(limit, || took(guarded))) };
        // SAFETY: the child moves an offset, by atomic operations.
        let by_atomics =
            unsafe { probe.ask(|| u64::from(lock_free.try_alloc_layout(BLOCK).is_ok())) };
        drop(let_go);
        // It holds the lock no longer once it is gone.
        let _ = holder.join();
        Ok(HeldLock {
            limit_ns: limit,
            mutex_served_child: by_mutex? == 1,
            mutex_served_parent: took(guarded),
            lock_free_served_child: by_atomics? == 1,
        })
    })
}

fn took(guarded: &Mutex<Arena>) -> bool {
    guarded
        .try_lock()
        .is_ok_and(|arena| arena.try_alloc_layout(BLOCK).is_ok())
}

/// Try again and again, for so many nanoseconds. Async-signal-safe if the trying is.
fn until(limit: u64, mut attempt: impl FnMut() -> bool) -> u64 {
    let start = nanoseconds();
    while nanoseconds() - start < limit {
        if attempt() {
            return 1;
        }
        // SAFETY: gives the processor away for a moment.
        unsafe { libc::sched_yield() };
    }
    0
}

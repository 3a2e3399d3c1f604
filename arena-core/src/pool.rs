//! Regions for the next arena: [`Arena::pooled`](crate::Arena::pooled) takes from here and gives
//! back.
//!
//! A thread keeps one region for itself, without a lock; what it has beyond that, and what a thread
//! that ends has left, goes to a list that all threads share. A region in the pool keeps its first
//! [`KEPT`] bytes resident, and its address space reserved.

use core::cell::Cell;
use core::ops::DerefMut;
use core::ptr;
use std::sync::{Mutex, TryLockError};

use crate::arena::MappedRegion;
use crate::policy::Commit;

/// The bytes that a region in the pool keeps resident; what was used beyond is given to the OS.
pub const KEPT: usize = 64 << 10;

/// How many regions the shared list holds at most; any more are unmapped.
pub const SHARED_SPARES_MAX: usize = 8;

thread_local! {
    /// The thread's own spare region (owned), or a mark.
    ///
    /// It has no destructor, so to reach it takes no question whether the thread is ending; that is
    /// what [`END`] is for.
    static SLOT: Cell<*mut MappedRegion> = const { Cell::new(UNNOTICED) };
    static END: End = const { End };
}

/// Mark: nothing here, and nobody would notice the thread's end yet.
const UNNOTICED: *mut MappedRegion = ptr::null_mut();
/// Mark: nothing here.
const EMPTY: *mut MappedRegion = ptr::without_provenance_mut(1);
/// Mark: the thread is ending, and keeps nothing more.
const ENDED: *mut MappedRegion = ptr::without_provenance_mut(2);

/// Take out what is in the slot, and leave `content` there.
fn exchange(content: *mut MappedRegion) -> Option<Box<MappedRegion>> {
    let old = SLOT.replace(content);
    // SAFETY: what is no mark was a box, and has just left the slot.
    (!is_mark(old)).then(|| unsafe { Box::from_raw(old) })
}

#[inline(always)]
fn is_mark(content: *mut MappedRegion) -> bool {
    content.addr() <= ENDED.addr()
}

/// Notices that the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        if let Some(spare) = exchange(ENDED) {
            share(spare);
        }
    }
}

#[expect(clippy::vec_box, reason = "a box is passed on as it is")]
static SHARED: Mutex<Vec<Box<MappedRegion>>> = Mutex::new(Vec::new());

/// Take a region out, this thread's own first.
#[inline]
pub(crate) fn take() -> Option<Box<MappedRegion>> {
    let spare = SLOT.get();
    if is_mark(spare) {
        return take_shared();
    }
    SLOT.set(EMPTY);
    // SAFETY: what is no mark was a box, and has just left the slot.
    Some(unsafe { Box::from_raw(spare) })
}

#[cold]
#[inline(never)]
fn take_shared() -> Option<Box<MappedRegion>> {
    shared()?.pop()
}

/// The shared list, unless somebody else has it just now: mapping a region is quicker than a wait,
/// and after a fork that somebody may be a thread that is no more.
fn shared() -> Option<impl DerefMut<Target = Vec<Box<MappedRegion>>>> {
    match SHARED.try_lock() {
        Ok(list) => Some(list),
        Err(TryLockError::Poisoned(list)) => Some(list.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Put a region in, in the state it says; too many are unmapped.
#[inline(always)]
pub(crate) fn put(spare: Box<MappedRegion>) {
    if spare.region.has_fork_advice() {
        // Somebody has advised it to be something else in a child; the next arena is not to be.
        return unmap(spare);
    }
    if spare.state.get().soiled - spare.region.base().addr().get() > KEPT {
        return put_trimmed(spare);
    }
    if SLOT.get() != EMPTY {
        return put_elsewhere(spare);
    }
    SLOT.set(Box::into_raw(spare));
}

/// Put a region in when the slot is not simply empty: the thread has had two arenas at once, never
/// one, or is ending.
#[cold]
#[inline(never)]
fn put_elsewhere(spare: Box<MappedRegion>) {
    let ending = SLOT.get() == ENDED || END.try_with(|_| ()).is_err();
    if ending {
        return share(spare);
    }
    if let Some(older) = exchange(Box::into_raw(spare)) {
        share(older);
    }
}

// Out of line: what unmapping takes in registers is not to be saved by those that do not.
#[cold]
#[inline(never)]
fn unmap(spare: Box<MappedRegion>) {
    drop(spare);
}

#[cold]
#[inline(never)]
fn put_trimmed(mut spare: Box<MappedRegion>) {
    if trim(&mut spare).is_ok() {
        put(spare);
    }
}

#[cold]
#[inline(never)]
fn share(spare: Box<MappedRegion>) {
    if let Some(mut list) = shared()
        && list.len() < SHARED_SPARES_MAX
    {
        list.push(spare);
    }
}

/// Give all but the first [`KEPT`] bytes back to the OS.
fn trim(spare: &mut MappedRegion) -> Result<(), crate::RegionError> {
    let base = spare.region.base().addr().get();
    let ready = spare.state.get().ready() - base;
    spare.region.decommit(KEPT..spare.region.len())?;
    if ready > KEPT && matches!(spare.settings.commit, Commit::Stepwise { .. }) {
        // No arena has the region, and the next one commits these bytes before it hands them out.
        spare.region.uncommit(KEPT..ready);
        let state = spare.state.get_mut();
        *state = state.with_ready(base + KEPT);
    }
    spare.state.get_mut().soiled = base + KEPT;
    Ok(())
}

/// Unmap what this thread and the shared list have spare; return how many regions that were.
///
/// For leak checkers, and for programs that are done with short-lived arenas. What other threads
/// keep for themselves stays.
pub fn clear() -> usize {
    let own = if is_mark(SLOT.get()) {
        None
    } else {
        exchange(EMPTY)
    };
    let shared = shared().map(|mut list| core::mem::take(&mut *list));
    usize::from(own.is_some()) + shared.map_or(0, |list| list.len())
}

#[cfg(test)]
mod tests;

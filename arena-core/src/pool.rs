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
    static SLOT: Slot = const { Slot(Cell::new(ptr::null_mut())) };
}

/// A thread's own spare region: owned, or null. (An `Option<Box>` would do, but for the code that
/// drops it wherever it is moved.)
struct Slot(Cell<*mut MappedRegion>);

impl Slot {
    #[inline]
    fn replace(&self, spare: Option<Box<MappedRegion>>) -> Option<Box<MappedRegion>> {
        let old = self.0.replace(spare.map_or(ptr::null_mut(), Box::into_raw));
        // SAFETY: what is not null in the slot was a box, and has just left the slot.
        (!old.is_null()).then(|| unsafe { Box::from_raw(old) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(spare) = self.replace(None) {
            share(spare);
        }
    }
}

#[expect(clippy::vec_box, reason = "a box is passed on as it is")]
static SHARED: Mutex<Vec<Box<MappedRegion>>> = Mutex::new(Vec::new());

/// Take a region out, this thread's own first.
#[inline]
pub(crate) fn take() -> Option<Box<MappedRegion>> {
    match SLOT.try_with(|slot| slot.replace(None)) {
        Ok(Some(spare)) => Some(spare),
        _ => take_shared(),
    }
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
    if spare.state.soiled - spare.region.base().addr().get() > KEPT {
        return put_trimmed(spare);
    }
    let spare = Box::into_raw(spare);
    // The thread had one already (it has had two arenas at once), or is ending.
    let extra = SLOT.try_with(|slot| slot.0.replace(spare)).unwrap_or(spare);
    if !extra.is_null() {
        // SAFETY: what is not null was a box, and is in no slot.
        share(unsafe { Box::from_raw(extra) });
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
    let ready = spare.state.ready - base;
    spare.region.decommit(KEPT..spare.region.len())?;
    if ready > KEPT && matches!(spare.settings.commit, Commit::Stepwise { .. }) {
        // No arena has the region, and the next one commits these bytes before it hands them out.
        spare.region.uncommit(KEPT..ready);
        spare.state.ready = base + KEPT;
    }
    spare.state.soiled = base + KEPT;
    Ok(())
}

/// Unmap what this thread and the shared list have spare; return how many regions that were.
///
/// For leak checkers, and for programs that are done with short-lived arenas. What other threads
/// keep for themselves stays.
pub fn clear() -> usize {
    let own = SLOT.try_with(|slot| slot.replace(None)).ok().flatten();
    let shared = shared().map(|mut list| core::mem::take(&mut *list));
    usize::from(own.is_some()) + shared.map_or(0, |list| list.len())
}

#[cfg(test)]
mod tests;

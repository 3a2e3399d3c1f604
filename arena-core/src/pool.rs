//! Regions for the next arena: [`Arena::pooled`](crate::Arena::pooled) takes from here and gives
//! back.
//!
//! A thread keeps one region for itself, without a lock; what it has beyond that, and what a thread
//! that ends has left, goes to a list that all threads share. A region in the pool keeps its first
//! [`KEPT`] bytes resident, and its address space reserved.

use core::cell::Cell;
use core::ops::DerefMut;
use std::sync::{Mutex, TryLockError};

use crate::arena::{MappedRegion, State};
use crate::policy::Commit;
use crate::region::Access;

/// The bytes that a region in the pool keeps resident; what was used beyond is given to the OS.
pub const KEPT: usize = 64 << 10;

/// How many regions the shared list holds at most; any more are unmapped.
pub const SHARED_SPARES_MAX: usize = 8;

thread_local! {
    static SLOT: Slot = const { Slot(Cell::new(None)) };
}

/// A thread's own spare region.
struct Slot(Cell<Option<Box<MappedRegion>>>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(spare) = self.0.take() {
            share(spare);
        }
    }
}

#[expect(clippy::vec_box, reason = "a box is passed on as it is")]
static SHARED: Mutex<Vec<Box<MappedRegion>>> = Mutex::new(Vec::new());

/// Take a region out, this thread's own first.
#[inline]
pub(crate) fn take() -> Option<Box<MappedRegion>> {
    match SLOT.try_with(|slot| slot.0.take()) {
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
#[inline]
pub(crate) fn put(mut spare: Box<MappedRegion>) {
    if spare.state.soiled > KEPT && trim(&mut spare).is_err() {
        return;
    }
    let mut spare = Some(spare);
    let _ = SLOT.try_with(|slot| spare = slot.0.replace(spare.take()));
    // The thread had one already (it has had two arenas at once), or is ending.
    if let Some(spare) = spare {
        share(spare);
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
#[cold]
#[inline(never)]
fn trim(spare: &mut MappedRegion) -> Result<(), crate::RegionError> {
    spare.region.decommit(KEPT..spare.region.len())?;
    if spare.state.ready > KEPT && matches!(spare.settings.commit, Commit::Stepwise { .. }) {
        // SAFETY: no arena has the region, and the next one commits these bytes before it hands
        // them out.
        unsafe {
            spare
                .region
                .protect(KEPT..spare.state.ready, Access::None)?
        };
        spare.state.ready = KEPT;
    }
    spare.state = State {
        soiled: KEPT,
        ..spare.state
    };
    Ok(())
}

/// Unmap what this thread and the shared list have spare; return how many regions that were.
///
/// For leak checkers, and for programs that are done with short-lived arenas. What other threads
/// keep for themselves stays.
pub fn clear() -> usize {
    let own = SLOT.try_with(|slot| slot.0.take()).ok().flatten();
    let shared = shared().map(|mut list| core::mem::take(&mut *list));
    usize::from(own.is_some()) + shared.map_or(0, |list| list.len())
}

#[cfg(test)]
mod tests;

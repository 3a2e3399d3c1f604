//! The end of an arena: what it owes, and where its memory goes.

use core::mem::ManuallyDrop;

use super::RawArena;
#[cfg(feature = "std")]
use crate::arena::ground::{Afterwards, Ground, Mapped};
#[cfg(feature = "std")]
use crate::error::RegionError;
use crate::watch;

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Change the access to all memory that may be touched.
    ///
    /// # Safety
    ///
    /// Until it is read-write again, nobody uses the memory otherwise than `access` allows: nothing
    /// is allocated, rewound or reset.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn protect(
        &mut self,
        access: crate::region::Access,
    ) -> Result<(), RegionError> {
        let ready = self.state().ready() - self.base.addr();
        match &mut *self.ground {
            Ground::Buffer => Ok(()),
            // SAFETY: passed on.
            Ground::Mapped(mapped) => unsafe { mapped.region.protect(0..ready, access) },
        }
    }

    /// Empty the arena and part with its memory.
    #[cfg(feature = "std")]
    pub(crate) fn into_ground(mut self) -> Ground {
        if self.finalisers.reach(1) {
            // First, for the ground knows whether a fork has taken the values.
            // SAFETY: the arena is owned, so no value is in use.
            unsafe { self.run_finalisers(1) };
        }
        core::mem::replace(&mut *self.ground, Ground::Buffer)
    }

    fn finalise(&mut self) {
        if self.finalisers.reach(1) {
            // SAFETY: `&mut self` says that no value is in use.
            unsafe { self.run_finalisers(1) };
        }
        watch::closed(self.base(), self.stats().high_water_mark, self.capacity());
    }
}

impl<const MIN_ALIGN: usize> Drop for RawArena<MIN_ALIGN> {
    #[inline]
    fn drop(&mut self) {
        if self.finalisers.reach(1) {
            return self.end_finalising();
        }
        watch::closed(self.base(), self.stats().high_water_mark, self.capacity());
        // SAFETY: dropped once, and no destructor is owed.
        unsafe { self.end() };
    }
}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    #[cold]
    #[inline(never)]
    fn end_finalising(&mut self) {
        struct End<'r, const MIN_ALIGN: usize>(&'r mut RawArena<MIN_ALIGN>);
        impl<const MIN_ALIGN: usize> Drop for End<'_, MIN_ALIGN> {
            fn drop(&mut self) {
                // SAFETY: dropped once, after the last destructor.
                unsafe { self.0.end() };
            }
        }
        let also_after_a_panic = End(self);
        also_after_a_panic.0.finalise();
    }

    /// Part with the memory: to the pool, in the state it is in, or for good.
    ///
    /// # Safety
    ///
    /// The arena is being dropped, and nothing in it is used again.
    #[inline]
    unsafe fn end(&mut self) {
        // SAFETY: nobody looks at the ground again.
        let ground = unsafe { ManuallyDrop::take(&mut self.ground) };
        #[cfg(feature = "std")]
        if let Ground::Mapped(mut mapped) = ground {
            if mapped.afterwards != Afterwards::Pool {
                return unmap(mapped);
            }
            let used = self.bump.get().addr().max(self.peak.get());
            let state = mapped.state.get_mut();
            state.soiled = used.max(state.soiled);
            crate::pool::put(mapped);
        }
        #[cfg(not(feature = "std"))]
        let _ = ground;
    }
}

/// Unmap a region: a system call, beside which a call is nothing.
#[cfg(feature = "std")]
#[inline(never)]
fn unmap(mapped: Box<Mapped>) {
    drop(mapped);
}

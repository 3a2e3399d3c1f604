//! An allocator that fails by the plan of [`with_faults`](crate::with_faults), around any other.

use crate::scoped;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

/// Wraps a [`GlobalAlloc`], or an `Allocator` of allocator-api2.
///
/// ```
/// use allocator_api2_04::{alloc::Global, vec::Vec};
/// use malloc_fault::{FaultAlloc, FaultPlan, with_faults};
///
/// let (result, tally) = with_faults(FaultPlan::new(1, 1)?, || {
///     let mut numbers = Vec::new_in(FaultAlloc::new(Global));
///     numbers.try_reserve(10).map(|()| numbers.push(1))
/// });
/// assert!(result.is_err());
/// assert_eq!(tally.failures, 1);
/// # Ok::<(), malloc_fault::PlanError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultAlloc<A>(A);

impl<A> FaultAlloc<A> {
    /// Wraps an allocator.
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }

    /// The allocator within.
    pub fn inner(&self) -> &A {
        &self.0
    }
}

/// Notes a block whose call succeeded.
fn allocated(size: usize) {
    scoped::note(1, size as isize);
}

fn freed(size: usize) {
    scoped::note(-1, -(size as isize));
}

fn resized(old: usize, new: usize) {
    scoped::note(0, new as isize - old as isize);
}

// SAFETY: every call is the inner allocator's own, or returns null, which each may.
unsafe impl<A: GlobalAlloc> GlobalAlloc for FaultAlloc<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if scoped::fails(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is the one asked for.
        let block = unsafe { self.0.alloc(layout) };
        if !block.is_null() {
            allocated(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if scoped::fails(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is the one asked for.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if !block.is_null() {
            allocated(layout.size());
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if scoped::fails(size) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is the one asked for.
        let new = unsafe { self.0.realloc(block, layout, size) };
        if !new.is_null() {
            resized(layout.size(), size);
        }
        new
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: the caller's promise is the one asked for.
        unsafe { self.0.dealloc(block, layout) }
    }
}

/// One of the three calls that change the size of a block: they differ in nothing but what the wrapped allocator is asked.
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
macro_rules! resizing {
    ($name:ident) => {
        unsafe fn $name(
            &self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            ask(new.size())?;
            // SAFETY: the caller's promise is the one asked for.
            let block = unsafe { self.0.$name(block, old, new) }?;
            resized(old.size(), new.size());
            Ok(block)
        }
    };
}

#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
macro_rules! implement_allocator {
    ($api:ident) => {
        const _: () = {
            use super::{FaultAlloc, allocated, freed, resized, scoped};
            use std::alloc::Layout;
            use std::ptr::NonNull;
            use $api::alloc::{AllocError, Allocator};

            fn ask(size: usize) -> Result<(), AllocError> {
                if scoped::fails(size) {
                    Err(AllocError)
                } else {
                    Ok(())
                }
            }

            // SAFETY: every block is the inner allocator's, and moving or copying this moves or copies that.
            unsafe impl<A: Allocator> Allocator for FaultAlloc<A> {
                fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    ask(layout.size())?;
                    let block = self.0.allocate(layout)?;
                    allocated(layout.size());
                    Ok(block)
                }

                fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    ask(layout.size())?;
                    let block = self.0.allocate_zeroed(layout)?;
                    allocated(layout.size());
                    Ok(block)
                }

                unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                    freed(layout.size());
                    // SAFETY: the caller's promise is the one asked for.
                    unsafe { self.0.deallocate(block, layout) }
                }

                resizing!(grow);
                resizing!(grow_zeroed);
                resizing!(shrink);
            }
        };
    };
}

#[cfg(feature = "allocator-api2-02")]
mod v02 {
    implement_allocator!(allocator_api2_02);
}

#[cfg(feature = "allocator-api2-04")]
mod v04 {
    implement_allocator!(allocator_api2_04);
}

#[cfg(test)]
mod tests;

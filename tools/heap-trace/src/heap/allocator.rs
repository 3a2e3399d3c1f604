//! A traced allocator is an allocator: for each version of the trait that is asked for.

macro_rules! implement_allocator {
    ($($api:ident)::+) => {
        const _: () = {
            use std::alloc::Layout;
            use std::panic::Location;
            use std::ptr::NonNull;

            use $($api)::+::{AllocError, Allocator};

            use crate::heap::Traced;
            use crate::ledger::Released;
            use crate::record::Place;
            use crate::settings::Mode;

            /// Give a block back to the allocator that it came from.
            ///
            /// # Safety
            ///
            /// The ledger has released the block just now.
            unsafe fn give_back<A: Allocator>(allocator: &A, released: Released) {
                // SAFETY: handed out by this allocator for this layout, and nobody's any more.
                unsafe { allocator.deallocate(released.block, released.layout) };
            }

            // Functions, not methods: those of two versions of the trait would have the same names.
            #[inline]
            fn allocate_at<A: Allocator, M: Mode>(heap: &Traced<A, M>, layout: Layout, place: Place) -> Result<NonNull<[u8]>, AllocError> {
                heap.back.get_or_init(|| give_back::<A>);
                let from = |layout| heap.allocator.allocate(layout).ok().map(NonNull::cast);
                // SAFETY: returned unused.
                let back = |block, layout| unsafe { heap.allocator.deallocate(block, layout) };
                let block = heap.allocate_by(layout, place, from, back).map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(block, layout.size()))
            }

            /// # Safety
            ///
            /// As [`Allocator::deallocate`].
            #[inline]
            unsafe fn deallocate_at<A: Allocator, M: Mode>(heap: &Traced<A, M>, block: NonNull<u8>, layout: Layout, place: Place) {
                // The fault is noted for the report; there is nobody to return it to.
                // SAFETY: passed on.
                let _ = unsafe { heap.free_by(block, layout, place) };
            }

            /// # Safety
            ///
            /// As [`Allocator::grow`] or [`Allocator::shrink`].
            unsafe fn move_at<A: Allocator, M: Mode>(
                heap: &Traced<A, M>, block: NonNull<u8>, old: Layout, new: Layout, place: Place,
            ) -> Result<NonNull<[u8]>, AllocError> {
                let moved = allocate_at(heap, new, place)?;
                let kept = old.size().min(new.size());
                // SAFETY: both blocks have so many bytes and are different ones.
                unsafe { block.copy_to_nonoverlapping(moved.cast(), kept) };
                // SAFETY: the caller gives the old block up.
                unsafe { deallocate_at(heap, block, old, place) };
                Ok(moved)
            }

            // SAFETY: a block stays valid until it is freed, wherever the tracer is moved: the ledger's
            // tables and pens stay where they are. What is freed is not used again while it is quarantined.
            unsafe impl<A: Allocator, M: Mode> Allocator for Traced<A, M> {
                #[inline]
                #[track_caller]
                fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    if M::ON {
                        allocate_at(self, layout, Location::caller())
                    } else {
                        self.allocator.allocate(layout)
                    }
                }

                #[inline]
                #[track_caller]
                unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                    if M::ON {
                        // SAFETY: passed on.
                        unsafe { deallocate_at(self, block, layout, Location::caller()) }
                    } else {
                        // SAFETY: passed on.
                        unsafe { self.allocator.deallocate(block, layout) }
                    }
                }

                #[inline]
                #[track_caller]
                unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    if M::ON {
                        // SAFETY: passed on.
                        unsafe { move_at(self, block, old, new, Location::caller()) }
                    } else {
                        // SAFETY: passed on.
                        unsafe { self.allocator.grow(block, old, new) }
                    }
                }

                #[inline]
                #[track_caller]
                unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    if M::ON {
                        // SAFETY: passed on.
                        unsafe { move_at(self, block, old, new, Location::caller()) }
                    } else {
                        // SAFETY: passed on.
                        unsafe { self.allocator.shrink(block, old, new) }
                    }
                }
            }
        };
    };
}

implement_allocator!(allocator_api2_02::alloc);
#[cfg(feature = "allocator-api2-04")]
implement_allocator!(allocator_api2_04::alloc);

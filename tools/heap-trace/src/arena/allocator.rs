//! A traced arena behind the ecosystem's `Allocator` traits.

macro_rules! implement_allocator {
    ($($api:ident)::+) => {
        const _: () = {
            use std::alloc::Layout;
            use std::ptr::NonNull;

            use $($api)::+::{AllocError, Allocator};

            use crate::TracedArena;
            use crate::settings::Mode;

            // SAFETY: a block stays valid until the arena is reset, which the borrow in this type rules
            // out, or until it is freed. A freed block is not used again while it is quarantined.
            unsafe impl<M: Mode> Allocator for &TracedArena<M> {
                #[inline(always)]
                #[track_caller]
                fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    let block = self.try_alloc_layout(layout).map_err(|_| AllocError)?;
                    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
                }

                #[inline(always)]
                #[track_caller]
                unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                    if !M::ON {
                        // SAFETY: passed on.
                        return unsafe { Allocator::deallocate(&self.arena(), block, layout) };
                    }
                    // The fault is noted for the report; there is nobody to return it to.
                    // SAFETY: passed on.
                    let _ = unsafe { self.free(block, layout) };
                }

                #[inline]
                #[track_caller]
                unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    if !M::ON {
                        // SAFETY: passed on.
                        return unsafe { Allocator::grow(&self.arena(), block, old, new) };
                    }
                    // Always moved: whoever kept the old pointer is found out.
                    let moved = self.allocate(new)?;
                    // SAFETY: both blocks have `old.size()` bytes and are different ones.
                    unsafe { block.copy_to_nonoverlapping(moved.cast(), old.size()) };
                    // SAFETY: the caller gives the old block up.
                    unsafe { self.deallocate(block, old) };
                    Ok(moved)
                }

                #[inline]
                #[track_caller]
                unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    if !M::ON {
                        // SAFETY: passed on.
                        return unsafe { Allocator::shrink(&self.arena(), block, old, new) };
                    }
                    let moved = self.allocate(new)?;
                    // SAFETY: both blocks have `new.size()` bytes and are different ones.
                    unsafe { block.copy_to_nonoverlapping(moved.cast(), new.size()) };
                    // SAFETY: the caller gives the old block up.
                    unsafe { self.deallocate(block, old) };
                    Ok(moved)
                }
            }
        };
    };
}

implement_allocator!(allocator_api2_02::alloc);
#[cfg(feature = "allocator-api2-04")]
implement_allocator!(allocator_api2_04::alloc);

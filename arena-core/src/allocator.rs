//! The arena behind the ecosystem's `Allocator` traits: one implementation, three traits.
//!
//! It is implemented for `&Arena`, `&Scope` and `ArenaRef`, not for the arena itself, which can be reset
//! without `unsafe` and would take the memory away under a collection.
//!
//! `deallocate` of the newest block makes its bytes available again; of any other it does nothing.
//! `grow` and `shrink` work in place for the newest block, so a `Vec` that is the last to allocate
//! never moves.

macro_rules! implement_allocator {
    ($($api:ident)::+) => {
        const _: () = {
            use core::alloc::Layout;
            use core::ptr::NonNull;

            use $($api)::+::{AllocError, Allocator};

            use crate::blocks::Blocks;

            implement_allocator!(for [const MIN_ALIGN: usize, B] &crate::Arena<MIN_ALIGN, B>);
            implement_allocator!(for [const MIN_ALIGN: usize] &crate::Scope<'_, '_, MIN_ALIGN>);
            implement_allocator!(for [const MIN_ALIGN: usize] crate::ArenaRef<'_, MIN_ALIGN>);
            #[cfg(feature = "std")]
            implement_allocator!(for [] &crate::SyncArena);
            #[cfg(feature = "std")]
            implement_allocator!(for [] &crate::LocalArena<'_>);
        };
    };
    (for [$($generics:tt)*] $allocator:ty) => {
        // SAFETY: a block stays valid until the arena is reset or rewound below it. Both need the
        // arena or scope exclusively (or are `unsafe` and say so), which the borrow in this type
        // rules out; an `ArenaRef` allows scopes within, and does not allocate in them. Copies mean
        // the same arena.
        unsafe impl<$($generics)*> Allocator for $allocator {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                let block = Blocks::allocate(self.raw(), layout).map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(block, layout.size()))
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                let block = Blocks::allocate_zeroed(self.raw(), layout).map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(block, layout.size()))
            }

            #[inline]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller's promise is the one asked for.
                unsafe { Blocks::deallocate(self.raw(), block, layout) }
            }

            #[inline]
            unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise is the one asked for.
                let grown = unsafe { Blocks::grow(self.raw(), block, old, new) }.map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(grown, new.size()))
            }

            #[inline]
            unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise is the one asked for.
                let grown = unsafe { Blocks::grow_zeroed(self.raw(), block, old, new) }.map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(grown, new.size()))
            }

            #[inline]
            unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise is the one asked for.
                let shrunk = unsafe { Blocks::shrink(self.raw(), block, old, new) }.map_err(|_| AllocError)?;
                Ok(NonNull::slice_from_raw_parts(shrunk, new.size()))
            }
        }
    };
}

#[cfg(feature = "allocator-api2-02")]
implement_allocator!(allocator_api2_02::alloc);
#[cfg(feature = "allocator-api2-04")]
implement_allocator!(allocator_api2_04::alloc);
#[cfg(feature = "nightly")]
implement_allocator!(core::alloc);

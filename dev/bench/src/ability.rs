//! What a workload asks of a peer. A peer implements what it can; what it cannot is a dash in the
//! tables.
//!
//! Every method is to be inlined into the workload's loop: what is counted is the peer, not the
//! call of its adapter.

use std::alloc::Layout;
use std::ptr::NonNull;

/// An arena, or what stands in for one.
pub(crate) trait Make {
    /// Make it, ready for so many bytes where it can be told.
    fn make(bytes: usize) -> Self;

    /// Make it for page faults: nothing touched ahead.
    fn make_cold(bytes: usize) -> Self
    where
        Self: Sized,
    {
        Self::make(bytes)
    }

    /// Give up every block one by one, if that is what it takes. Part of what is measured.
    #[inline(always)]
    fn free_each(&mut self) {}

    /// Empty it between two passes, keeping its memory if it can. Not measured.
    fn empty(&mut self);
}

/// It stores values.
pub(crate) trait Values<T: Copy> {
    fn value(&self, value: T) -> &T;
}

/// It hands out raw blocks.
pub(crate) trait Layouts {
    fn block(&self, layout: Layout) -> NonNull<u8>;
}

/// It takes back single blocks, through allocator-api2.
pub(crate) trait Frees {
    fn line(&self, layout: Layout) -> NonNull<u8>;

    /// # Safety
    ///
    /// The block is from here, for this layout, and nobody uses it any more.
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout);
}

/// It copies bytes and text.
pub(crate) trait Copies {
    fn bytes(&self, source: &[u8]) -> &[u8];
    fn text(&self, source: &str) -> &str;
}

/// It stands behind an allocator-api2 `Vec`: push onto a fresh one, `count` times.
pub(crate) trait Vecs {
    /// Eight-byte elements, with the vector in memory, not in registers of the loop.
    fn push_each(&self, count: u64);
    /// Four-byte elements.
    fn push_all(&self, count: u32);
}

/// It goes back to where it was: by a checkpoint, or by a reset where it has none.
pub(crate) trait Rewinds {
    type Mark;

    fn mark(&mut self) -> Self::Mark;

    /// # Safety
    ///
    /// The mark is the latest, and no block handed out since is used again.
    unsafe fn rewind(&mut self, mark: Self::Mark);
}

/// It is made to be dropped soon.
pub(crate) trait Short {
    fn short() -> Self;

    /// As [`Make::free_each`].
    #[inline(always)]
    fn end(&mut self) {}
}

/// Two threads take blocks of 8 bytes from it, `count` each.
pub(crate) trait TwoThreads {
    fn race(&mut self, count: u64);
}

/// Implement [`Vecs`] with the `Vec` of a version of allocator-api2.
macro_rules! vecs {
    ([$($generics:tt)*] $arena:ty, $api:ident, $self:ident => $allocator:expr) => {
        impl<$($generics)*> crate::ability::Vecs for $arena {
            #[inline(always)]
            fn push_each(&$self, count: u64) {
                let mut vec = $api::vec::Vec::new_in($allocator);
                for n in 0..count {
                    std::hint::black_box(&mut vec).push(n);
                }
            }

            #[inline(always)]
            fn push_all(&$self, count: u32) {
                let mut vec = $api::vec::Vec::new_in($allocator);
                for n in 0..count {
                    vec.push(n);
                }
                std::hint::black_box(&vec);
            }
        }
    };
}

pub(crate) use vecs;

/// Implement [`Frees`] by the `Allocator` that a reference is.
macro_rules! frees {
    ($arena:ty) => {
        impl crate::ability::Frees for $arena {
            #[inline(always)]
            fn line(&self, layout: Layout) -> NonNull<u8> {
                match api02::alloc::Allocator::allocate(&self, layout) {
                    Ok(block) => block.cast(),
                    Err(error) => panic!("{error}"),
                }
            }

            #[inline(always)]
            unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: passed on.
                unsafe { api02::alloc::Allocator::deallocate(&self, block, layout) }
            }
        }
    };
}

pub(crate) use frees;

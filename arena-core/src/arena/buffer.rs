//! Arenas in memory that somebody else owns: a stack frame, a static, a heap block. No OS needed.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::bump::{MIN_ALIGN_MAX, RANGE_END_MAX, round_down};

use super::Arena;
use super::ground::Ground;
use super::raw::RawArena;

/// An arena in a buffer borrowed for `'b`.
#[derive(Debug)]
pub struct Buffer<'b>(PhantomData<&'b mut [MaybeUninit<u8>]>);

impl<'b> Arena<8, Buffer<'b>> {
    /// Make an arena in a buffer, with a minimum alignment of 8 bytes.
    ///
    /// Up to 7 bytes at each end are left out, to begin and end at multiples of 8.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use arena_core::Arena;
    ///
    /// let mut buffer = [MaybeUninit::uninit(); 1024];
    /// let arena = Arena::in_buffer(&mut buffer);
    /// assert_eq!(*arena.alloc(5_u32), 5);
    /// assert!(arena.try_alloc([0_u8; 2000]).is_err());
    /// ```
    #[must_use]
    pub fn in_buffer(buffer: &'b mut [MaybeUninit<u8>]) -> Self {
        Self::in_buffer_with_min_align(buffer)
    }
}

impl<'b, const MIN_ALIGN: usize> Arena<MIN_ALIGN, Buffer<'b>> {
    /// Make an arena in a buffer, with a minimum alignment of `MIN_ALIGN` bytes.
    ///
    /// Fewer than `MIN_ALIGN` bytes at each end are left out.
    #[must_use]
    pub fn in_buffer_with_min_align(buffer: &'b mut [MaybeUninit<u8>]) -> Self {
        let skipped = buffer.as_ptr().align_offset(MIN_ALIGN);
        let rest = buffer.get_mut(skipped..).unwrap_or_default();
        let base = NonNull::from(&mut *rest).cast::<u8>();
        // What lies above the bound (no 64-bit system has such memory) is left out too.
        let below_bound = (RANGE_END_MAX - MIN_ALIGN_MAX).saturating_sub(base.addr().get());
        let len = round_down(rest.len().min(below_bound), MIN_ALIGN);
        let (base, len) = if base.addr().get().is_multiple_of(MIN_ALIGN) {
            (base, len)
        } else {
            (crate::blocks::dangling(MIN_ALIGN), 0)
        };
        // SAFETY: the buffer is borrowed exclusively for `'b`, which the type carries; base and
        // length are multiples of `MIN_ALIGN`, the end lies below `RANGE_END_MAX`.
        let raw = unsafe { RawArena::over(base, len, false, Ground::Buffer) };
        Self {
            raw,
            memory: PhantomData,
        }
    }
}

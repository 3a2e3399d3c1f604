//! What no arena can beat: a bump over a fixed array, one compare, nothing else.

use std::cell::Cell;

/// A bump pointer and its limit, inlined everywhere.
pub(crate) struct Limit {
    bump: Cell<*mut u8>,
    end: *mut u8,
    _memory: Box<[u64]>,
}

impl Limit {
    pub(crate) fn new(bytes: usize) -> Self {
        let mut memory = vec![0_u64; bytes / 8].into_boxed_slice();
        let range = memory.as_mut_ptr_range();
        Self {
            bump: Cell::new(range.start.cast()),
            end: range.end.cast(),
            _memory: memory,
        }
    }

    #[expect(
        clippy::mut_from_ref,
        reason = "each call hands out bytes that nobody else has"
    )]
    /// Places a value whose alignment is at most 8 and whose size is a multiple of 8.
    #[inline(always)]
    pub(crate) fn alloc<T: Copy>(&self, value: T) -> &mut T {
        let at = self.bump.get();
        let next = at.wrapping_add(size_of::<T>());
        if next > self.end {
            full();
        }
        self.bump.set(next);
        // SAFETY: the value fits below the end of the memory, which `self` owns and never hands
        // out twice.
        unsafe { at.cast::<T>().write(value) };
        // SAFETY: written just now.
        unsafe { &mut *at.cast() }
    }
}

#[cold]
#[inline(never)]
fn full() -> ! {
    panic!("the limit's memory is used up")
}

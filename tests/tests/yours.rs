//! An allocator of your own under the whole suite. This one holds: put yours in its place, or break it and read what
//! the suite says (chapter 27).

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;

use allocator_api2_02::alloc::{AllocError, Allocator};
use tests::adapters::ViaAllocator;
use tests::subject::Promises;

// stamp: yours
/// Memory, and how much of it is handed out.
struct Yours {
    memory: Box<[UnsafeCell<u8>]>,
    used: Cell<usize>,
}

const LEN: usize = 1 << 16;

impl Yours {
    fn take(&self, layout: Layout) -> Option<usize> {
        let base = self.memory.as_ptr().addr();
        let start = (base + self.used.get()).next_multiple_of(layout.align()) - base;
        let end = start.checked_add(layout.size()).filter(|end| *end <= LEN)?;
        self.used.set(end);
        Some(start)
    }
}

// SAFETY: blocks lie in `memory`, which stays where it is, and no byte is handed out twice.
unsafe impl Allocator for &Yours {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start = self.take(layout).ok_or(AllocError)?;
        let first = NonNull::from(&self.memory[start..]).cast();
        Ok(NonNull::slice_from_raw_parts(first, layout.size()))
    }

    unsafe fn deallocate(&self, _block: NonNull<u8>, _layout: Layout) {}
}

tests::conformance!(yours, || {
    let memory = (0..LEN).map(|_| UnsafeCell::new(0)).collect();
    let used = Cell::new(0);
    ViaAllocator::new(Yours { memory, used }, Promises::arena(LEN / 2))
});
// /stamp: yours

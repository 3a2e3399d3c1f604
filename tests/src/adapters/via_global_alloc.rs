use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

use crate::subject::{Contents, Promises, Ranges, Realign, Refused, Subject, ZeroSize};

/// Any [`GlobalAlloc`] as a subject.
///
/// A `GlobalAlloc` is never asked for zero bytes and keeps the align in `realloc`; the
/// promises are corrected for both. It has no zeroing `realloc`, so the adapter clears the
/// tail of a block grown zeroed.
#[derive(Debug)]
pub struct ViaGlobalAlloc<G> {
    allocator: G,
    promises: Promises,
}

impl<G: GlobalAlloc> ViaGlobalAlloc<G> {
    /// Takes an allocator and what it promises.
    pub fn new(allocator: G, promises: Promises) -> Self {
        let zero_size = ZeroSize::NotAsked;
        let promises = Promises {
            zero_size,
            realign: Realign::Absent,
            ..promises
        };
        ViaGlobalAlloc {
            allocator,
            promises,
        }
    }

    /// Lends the allocator.
    pub fn allocator(&self) -> &G {
        &self.allocator
    }
}

// SAFETY: payloads are what the allocator hands out, valid by the contract of `GlobalAlloc`.
unsafe impl<G: GlobalAlloc> Subject for ViaGlobalAlloc<G> {
    type Handle = NonNull<u8>;
    type Checkpoint = ();

    fn promises(&self) -> Promises {
        self.promises
    }

    fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<NonNull<u8>, Refused> {
        let payload = match contents {
            // SAFETY: `ZeroSize::NotAsked` keeps sizes of zero away.
            Contents::Uninit => unsafe { self.allocator.alloc(layout) },
            // SAFETY: likewise.
            Contents::Zeroed => unsafe { self.allocator.alloc_zeroed(layout) },
        };
        NonNull::new(payload).ok_or(Refused)
    }

    unsafe fn free(&mut self, handle: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's word: live, and of this layout.
        unsafe { self.allocator.dealloc(handle.as_ptr(), layout) }
    }

    fn address(&self, handle: &NonNull<u8>) -> NonNull<u8> {
        *handle
    }

    unsafe fn grow(
        &mut self,
        handle: &NonNull<u8>,
        old: Layout,
        new: Layout,
        contents: Contents,
    ) -> Result<NonNull<u8>, Refused> {
        // SAFETY: the caller's word for the block; `new` has the same align, and a size
        // that is not zero.
        let grown = unsafe { self.allocator.realloc(handle.as_ptr(), old, new.size()) };
        let grown = NonNull::new(grown).ok_or(Refused)?;
        if contents == Contents::Zeroed {
            // SAFETY: the block is longer than before.
            let tail = unsafe { grown.add(old.size()) };
            // SAFETY: the tail ends where the block does.
            unsafe { tail.write_bytes(0, new.size() - old.size()) };
        }
        Ok(grown)
    }

    unsafe fn shrink(
        &mut self,
        handle: &NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, Refused> {
        // SAFETY: the caller's word for the block; `new` has the same align, and a size
        // that is not zero.
        let shrunk = unsafe { self.allocator.realloc(handle.as_ptr(), old, new.size()) };
        NonNull::new(shrunk).ok_or(Refused)
    }

    fn ranges(&self) -> Ranges {
        Ranges::Undeclared
    }
}

//! Guards: a block's bytes, and the promise that they stay where they are.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::heap::TagHeap;

/// A pin on a slot; drops with its guard.
struct Pin<'h> {
    heap: &'h TagHeap<'h>,
    slot: u32,
}

impl<'h> Pin<'h> {
    fn new(heap: &'h TagHeap<'h>, slot: u32) -> Self {
        heap.pins.set(heap.pins.get() + 1);
        Self { heap, slot }
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.heap.core.unpin(self.slot);
        self.heap.pins.set(self.heap.pins.get() - 1);
    }
}

/// A block's bytes, to read; until this is dropped, the block is neither freed nor moved.
///
/// Forgotten (`mem::forget`), it leaves the block pinned for as long as the heap is open.
pub struct Pinned<'h> {
    bytes: NonNull<[u8]>,
    pin: Pin<'h>,
}

/// A block's bytes, to write; until this is dropped, nobody else has them.
///
/// Forgotten (`mem::forget`), it leaves the block pinned for as long as the heap is open.
pub struct PinnedMut<'h> {
    bytes: NonNull<[u8]>,
    pin: Pin<'h>,
}

impl<'h> Pinned<'h> {
    /// Take a pin over.
    ///
    /// # Safety
    ///
    /// The slot is pinned to be read, for this guard, and the bytes are its block's.
    pub(crate) unsafe fn new(heap: &'h TagHeap<'h>, slot: u32, bytes: NonNull<[u8]>) -> Self {
        let pin = Pin::new(heap, slot);
        Self { bytes, pin }
    }
}

impl<'h> PinnedMut<'h> {
    /// Take a pin over.
    ///
    /// # Safety
    ///
    /// The slot is pinned for this guard alone, and the bytes are its block's.
    pub(crate) unsafe fn new(heap: &'h TagHeap<'h>, slot: u32, bytes: NonNull<[u8]>) -> Self {
        let pin = Pin::new(heap, slot);
        Self { bytes, pin }
    }
}

impl Deref for Pinned<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are initialised, and the pin keeps writers, moves and frees away.
        unsafe { self.bytes.as_ref() }
    }
}

impl Deref for PinnedMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are initialised, and the pin keeps everybody else away.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for PinnedMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the bytes are initialised, and the pin keeps everybody else away.
        unsafe { self.bytes.as_mut() }
    }
}

impl fmt::Debug for Pinned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pinned").field(&self.pin.slot).finish()
    }
}

impl fmt::Debug for PinnedMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PinnedMut").field(&self.pin.slot).finish()
    }
}

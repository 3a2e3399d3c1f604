//! The arena of demo 09a as a type, for the demos that build on it: a mapping, an offset, a bound.

use crate::stage::{Place, Trouble};
use std::sync::atomic::AtomicU8;
use std::{ptr, slice};

/// An arena made by hand.
///
/// ```text
/// base            base+offset           base+capacity
/// ├──── handed out ────┼────── left ──────────┤
/// ```
#[derive(Debug)]
pub struct HandArena {
    /// The start of a mapping of `capacity` bytes that nothing else refers to.
    base: *mut u8,
    /// What may be handed out. The mapping is as long, rounded up to OS pages.
    capacity: usize,
    /// How much is handed out; never more than `capacity`.
    offset: usize,
}

/// Who sees what a process writes after a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Only the process that writes: `MAP_PRIVATE`.
    Private,
    /// Both sides: `MAP_SHARED`.
    Shared,
}

impl HandArena {
    /// Maps a region of this capacity.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn map(capacity: usize, sharing: Sharing) -> Result<Self, Trouble> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_ANONYMOUS
            | match sharing {
                Sharing::Private => libc::MAP_PRIVATE,
                Sharing::Shared => libc::MAP_SHARED,
            };
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let base = unsafe { libc::mmap(ptr::null_mut(), capacity, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(Trouble::last_os("mmap"));
        }
        Ok(Self {
            base: base.cast(),
            capacity,
            offset: 0,
        })
    }

    /// Hands out the next `size` bytes by their offset, if that many are left.
    ///
    /// Calls nothing and takes no lock, so a child may use it right after fork.
    #[must_use]
    pub fn alloc(&mut self, size: usize) -> Option<usize> {
        if size > self.capacity - self.offset {
            return None;
        }
        let start = self.offset;
        self.offset += size;
        Some(start)
    }

    /// Takes every block back at once. No byte changes.
    pub fn reset(&mut self) {
        self.offset = 0;
    }

    /// How much is handed out.
    #[must_use]
    pub fn used(&self) -> usize {
        self.offset
    }

    /// The pointer to an offset.
    ///
    /// # Panics
    ///
    /// If the offset lies beyond the capacity.
    #[must_use]
    pub fn pointer(&self, offset: usize) -> *mut u8 {
        self.check(offset, 0);
        // SAFETY: offset <= capacity, checked above.
        unsafe { self.base.add(offset) }
    }

    /// All bytes of the region, for threads to share: each may be read and written by any of them at any time.
    #[must_use]
    pub fn as_atomics(&mut self) -> &[AtomicU8] {
        // SAFETY: `capacity` mapped bytes, to which the kernel gave values; `&mut self` says that nobody uses them in
        // another way; an AtomicU8 is laid out as the byte it holds.
        unsafe { slice::from_raw_parts(self.base.cast(), self.capacity) }
    }

    /// An offset as a place to show.
    #[must_use]
    pub fn at(&self, offset: usize) -> Place {
        Place::new("base", self.base.addr(), offset)
    }

    /// Writes bytes at an offset, whichever block they fall into: like `memcpy`, it asks for no block.
    ///
    /// # Panics
    ///
    /// If they would leave the capacity. A demo may spoil its own arena and nothing else.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        for (index, &byte) in bytes.iter().enumerate() {
            // SAFETY: offset + index < capacity, checked above.
            let to = unsafe { self.base.add(offset + index) };
            // SAFETY: within the mapping, and no reference into it exists. Volatile, for another process may watch.
            unsafe { to.write_volatile(byte) };
        }
    }

    /// Copies bytes out, as they are at this moment.
    ///
    /// Calls nothing that allocates, so a child may use it right after fork.
    ///
    /// # Panics
    ///
    /// If they would leave the capacity.
    pub fn read_into(&self, offset: usize, bytes: &mut [u8]) {
        self.check(offset, bytes.len());
        for (index, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: offset + index < capacity, checked above.
            let from = unsafe { self.base.add(offset + index) };
            // SAFETY: within the mapping, which the kernel filled with zeros. Volatile, for another process may write.
            *byte = unsafe { from.read_volatile() };
        }
    }

    /// A copy of all bytes of the region, handed out or not.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.capacity];
        self.read_into(0, &mut bytes);
        bytes
    }

    fn check(&self, offset: usize, len: usize) {
        assert!(
            offset <= self.capacity && len <= self.capacity - offset,
            "bytes {offset}..{} lie outside of a capacity of {}",
            offset.saturating_add(len),
            self.capacity
        );
    }
}

impl Drop for HandArena {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `map`, whole; every pointer into it went with `self`.
        let refused = unsafe { libc::munmap(self.base.cast(), self.capacity) };
        assert_eq!(refused, 0, "munmap of a whole mapping cannot fail");
    }
}

/// Why a demo cannot go on when its arena is too small for its own story.
#[must_use]
pub fn full() -> Trouble {
    Trouble::new("the region is full")
}

/// A text as C keeps it: with a NUL behind.
#[must_use]
pub fn c_bytes(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests;

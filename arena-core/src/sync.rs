//! An arena that threads share.
//!
//! ```text
//!   region  ├─ sub-block ─┼─ sub-block ─┼─ large ─┼─ sub-block ─┼──── not taken ────┤
//!             thread A       thread B                thread A    cursor
//! ```
//!
//! One atomic cursor hands out sub-blocks; within one, a thread bumps alone, without an atomic
//! operation. [`SyncArena::local`] gives a handle that owns a sub-block; a plain call through
//! `&SyncArena` finds the thread's own in a thread-local slot. What is too large for a sub-block is
//! taken from the cursor directly.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

mod block;
mod cursor;
mod local;
mod shared;
mod slot;
#[cfg(all(test, not(loom)))]
mod tests;

pub use local::LocalArena;

use crate::blocks::Blocks;
use crate::boxed::ArenaBox;
use crate::error::AllocError;
use crate::fill::{Fill, assert_no_drop, or_fail};
use crate::methods::allocation_methods;
use crate::policy::{BuildError, Policy};
use crate::region::{Region, RegionError};
use shared::Shared;

/// An arena for any number of threads at once, without locks.
///
/// Every call works from any thread through `&self`. What it hands out lives as long as the borrow
/// of the arena, and can be sent between threads as its type allows.
///
/// A thread that allocates takes sub-blocks of 64 KiB (less in a small arena) and leaves the rest of
/// its last one behind when it ends, until the arena is reset. Blocks are multiples of 8 bytes. A
/// signal handler must not allocate from it.
///
/// ```
/// use arena_core::SyncArena;
///
/// let arena = SyncArena::new();
/// let sums: Vec<&u64> = std::thread::scope(|threads| {
///     let work = |n: u64| {
///         let numbers = arena.alloc_slice_from_iter(0..n);
///         &*arena.alloc(numbers.iter().sum())
///     };
///     let running: Vec<_> = (1..=4).map(|n| threads.spawn(move || work(n * 10))).collect();
///     running.into_iter().map(|thread| thread.join().unwrap()).collect()
/// });
/// assert_eq!(sums, [&45, &190, &435, &780]);
/// ```
pub struct SyncArena {
    /// In a box: handles point to it, and the arena itself may move.
    shared: Box<Shared>,
}

impl SyncArena {
    /// Make an arena with the default [`Policy`].
    ///
    /// # Panics
    ///
    /// The OS refuses even 64 MiB of address space.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        match Self::try_new() {
            Ok(arena) => arena,
            Err(error) => panic!("{error}"),
        }
    }

    /// Make an arena with the default [`Policy`].
    ///
    /// # Errors
    ///
    /// The OS refuses even 64 MiB of address space.
    pub fn try_new() -> Result<Self, BuildError> {
        Policy::new().build_sync()
    }

    pub(crate) fn over(region: Region, limit: usize) -> Self {
        Self {
            shared: Box::new(Shared::over(region, limit)),
        }
    }

    allocation_methods!(['a] self: &'a Self => 'a);

    #[inline(always)]
    pub(crate) fn raw(&self) -> &Shared {
        &self.shared
    }

    /// Take a handle that owns a sub-block: for a thread that allocates much.
    ///
    /// What it hands out lives as long as the borrow of the arena, not of the handle. The handle can
    /// be sent to the thread that is to use it.
    ///
    /// ```
    /// let arena = arena_core::SyncArena::new();
    /// let kept = {
    ///     let local = arena.local();
    ///     local.alloc_str("outlives the handle")
    /// };
    /// assert_eq!(kept.len(), 19);
    /// ```
    ///
    /// # Panics
    ///
    /// The arena is exhausted: the handle itself takes a few words of it.
    #[must_use]
    #[track_caller]
    pub fn local(&self) -> LocalArena<'_> {
        or_fail!(self.try_local())
    }

    /// Take a handle that owns a sub-block.
    ///
    /// # Errors
    ///
    /// The arena is exhausted, or the OS refuses the next step.
    pub fn try_local(&self) -> Result<LocalArena<'_>, AllocError> {
        LocalArena::of(&self.shared)
    }

    /// Empty the arena.
    pub fn reset(&mut self) {
        self.shared.reset();
    }

    /// Empty the arena and give all but the first `keep` bytes, rounded up to whole OS pages, back
    /// to the OS.
    ///
    /// # Errors
    ///
    /// The OS refuses ([`Region::decommit`]); the arena is empty all the same.
    pub fn reset_and_decommit(&mut self, keep: usize) -> Result<(), RegionError> {
        self.shared.reset_and_decommit(keep)
    }

    /// Return the bytes taken, sub-blocks counted as a whole.
    pub fn used(&self) -> usize {
        self.shared.used()
    }

    /// Return the bytes that the arena has, used or not.
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }

    /// Return the address of the first byte.
    pub fn base(&self) -> NonNull<u8> {
        self.shared.base()
    }

    /// Return how far behind the base a pointer into what is taken points; `None` for any other
    /// pointer.
    pub fn offset_of<T: ?Sized>(&self, pointer: *const T) -> Option<usize> {
        let offset = pointer
            .cast::<u8>()
            .addr()
            .checked_sub(self.base().addr().get());
        offset.filter(|&offset| offset < self.used())
    }

    /// Tell whether a pointer points into what is taken.
    pub fn contains<T: ?Sized>(&self, pointer: *const T) -> bool {
        self.offset_of(pointer).is_some()
    }

    /// Look at the region under the arena.
    pub fn region(&self) -> &Region {
        self.shared.region()
    }
}

impl Default for SyncArena {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SyncArena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncArena")
            .field("base", &self.base())
            .field("used", &self.used())
            .field("capacity", &self.capacity())
            .finish()
    }
}

//! The arena: its memory, from the first block to the last.
#![expect(
    clippy::mut_from_ref,
    reason = "each call hands out bytes that nobody else has"
)]

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

mod buffer;
mod ground;
mod raw;
mod resize;
mod stats;
#[cfg(all(test, feature = "std"))]
mod tests;

pub use buffer::Buffer;
#[cfg(feature = "std")]
use ground::Ground;
#[cfg(feature = "std")]
pub(crate) use ground::{Afterwards, Mapped as MappedRegion, State};
pub(crate) use raw::RawArena;
pub use stats::Stats;

use crate::blocks::Blocks;
use crate::boxed::ArenaBox;
use crate::error::AllocError;
use crate::fill::{Fill, assert_no_drop, or_fail};
use crate::methods::{allocation_methods, position_methods};
#[cfg(feature = "std")]
use crate::policy::{BuildError, Policy, Zeroing};
#[cfg(feature = "std")]
use crate::pool;
#[cfg(feature = "_allocator")]
use crate::reference::ArenaRef;
#[cfg(feature = "std")]
use crate::region::{Region, RegionError};
use crate::scope::{Checkpoint, Scope, ScopeGuard};

/// An arena that maps and unmaps its own memory.
#[derive(Debug)]
pub struct Mapped(());

/// One contiguous range of memory, handed out from its start, given up all at once.
///
/// Every block begins and ends at a multiple of `MIN_ALIGN` bytes (8 unless chosen otherwise; 1
/// packs text densely; 64 at most), or at a larger alignment where the type asks for one. With
/// `B = `[`Mapped`] the memory is the arena's own; with [`Buffer`] it is borrowed.
///
/// Blocks are handed out through `&self` and live as long as that borrow, so
/// [`reset`](Arena::reset), which takes `&mut self`, cannot be called while one is in use. An arena
/// can be sent to another thread, but is not shared between threads.
///
/// ```
/// use arena_core::Arena;
///
/// let mut arena = Arena::new();
/// let hello = arena.alloc_str("Hello arena");
/// let numbers = arena.alloc_slice_copy(&[1, 2, 3]);
/// assert_eq!((hello.len(), numbers.len()), (11, 3));
/// arena.reset();
/// assert_eq!(arena.used(), 0);
/// ```
pub struct Arena<const MIN_ALIGN: usize = 8, B = Mapped> {
    raw: RawArena<MIN_ALIGN>,
    memory: PhantomData<B>,
}

#[cfg(feature = "std")]
impl Arena {
    /// Make an arena with the default [`Policy`]: one system call maps up to 1 GiB of address
    /// space, of which nothing is resident until it is used.
    ///
    /// # Panics
    ///
    /// The OS refuses even 64 MiB of address space, or less than twice that is left of a limit.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        match Self::try_new() {
            Ok(arena) => arena,
            Err(error) => panic!("{error}"),
        }
    }

    /// Take an arena with the default [`Policy`] from the pool: for arenas that live shortly.
    ///
    /// Its region is one that an earlier such arena has left, if there is one, and goes back to the
    /// [`pool`](crate::pool) when the arena is dropped: neither takes a system call, as long as no
    /// more than [`pool::KEPT`](crate::pool::KEPT) bytes were used. Fresh blocks contain anything;
    /// zeroed ones are zero.
    ///
    /// # Panics
    ///
    /// The pool is empty, and the OS refuses even 64 MiB of address space.
    ///
    /// ```
    /// for request in 0..1000 {
    ///     let arena = arena_core::Arena::pooled();
    ///     assert_eq!(*arena.alloc(request), request);
    /// }
    /// ```
    #[must_use]
    #[inline]
    #[track_caller]
    pub fn pooled() -> Self {
        match pool::take() {
            Some(mapped) => Self::again(mapped),
            None => Self::new_for_pool().unwrap_or_else(|error| panic!("{error}")),
        }
    }

    /// Take an arena from the pool as [`Arena::pooled`] does.
    ///
    /// # Errors
    ///
    /// The pool is empty, and the OS refuses even 64 MiB of address space.
    #[inline]
    pub fn try_pooled() -> Result<Self, BuildError> {
        match pool::take() {
            Some(mapped) => Ok(Self::again(mapped)),
            None => Self::new_for_pool(),
        }
    }

    /// Start over in a region of the pool: all of them have the default policy, without a limit.
    #[inline]
    fn again(mapped: Box<MappedRegion>) -> Self {
        let (base, len) = (mapped.region.base(), mapped.region.len());
        // SAFETY: as in `over`; with the default policy nothing is cleared.
        let raw = unsafe { RawArena::over(base, len, false, Ground::Mapped(mapped)) };
        Self {
            raw,
            memory: PhantomData,
        }
    }

    #[cold]
    #[inline(never)]
    fn new_for_pool() -> Result<Self, BuildError> {
        Policy::new().afterwards(Afterwards::Pool).build()
    }

    /// Make an arena with the default [`Policy`].
    ///
    /// # Errors
    ///
    /// The OS refuses even 64 MiB of address space, or less than twice that is left of a limit.
    pub fn try_new() -> Result<Self, BuildError> {
        Policy::new().build()
    }
}

#[cfg(feature = "std")]
impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "std")]
impl<const MIN_ALIGN: usize> Arena<MIN_ALIGN> {
    pub(crate) fn over(mapped: Box<MappedRegion>) -> Self {
        let (base, len) = (mapped.region.base(), mapped.region.len());
        let settings = mapped.settings;
        let clear_returned = settings.zeroing == Zeroing::Always;
        // SAFETY: the region is owned by the arena, is a whole number of pages, ends below
        // `RANGE_END_MAX`, and is readable and writable as far as its state says.
        let raw = unsafe { RawArena::over(base, len, clear_returned, Ground::Mapped(mapped)) };
        if settings.limit < len {
            raw.set_limit(settings.limit);
        }
        Self {
            raw,
            memory: PhantomData,
        }
    }

    /// Count the resident bytes, in whole OS pages.
    ///
    /// # Errors
    ///
    /// `mincore` fails.
    pub fn resident(&self) -> Result<usize, RegionError> {
        self.region().resident()
    }

    /// Look at the region under the arena.
    pub fn region(&self) -> &Region {
        match self.raw.ground() {
            Ground::Mapped(mapped) => &mapped.region,
            Ground::Buffer => unreachable!("a mapped arena has a region"),
        }
    }

    /// End the arena and keep its region, with whatever is in it.
    #[must_use]
    pub fn into_region(self) -> Region {
        match self.raw.into_ground() {
            Ground::Mapped(mapped) => mapped.region,
            Ground::Buffer => unreachable!("a mapped arena has a region"),
        }
    }

    /// Empty the arena and give all but the first `keep` bytes, rounded up to whole OS pages, back
    /// to the OS.
    ///
    /// # Errors
    ///
    /// The OS refuses ([`Region::decommit`]); the arena is empty all the same.
    pub fn reset_and_decommit(&mut self, keep: usize) -> Result<(), RegionError> {
        self.raw.reset_and_decommit(keep)
    }
}

impl<const MIN_ALIGN: usize, B> Arena<MIN_ALIGN, B> {
    allocation_methods!(['a] self: &'a Self => 'a);
    position_methods!(['a] self: &'a Self => 'a);

    #[cfg(feature = "std")]
    pub(crate) fn raw_mut(&mut self) -> &mut RawArena<MIN_ALIGN> {
        &mut self.raw
    }

    #[inline(always)]
    pub(crate) fn raw(&self) -> &RawArena<MIN_ALIGN> {
        &self.raw
    }

    /// Put a value into the arena, and have it dropped when the arena is rewound below it, reset or
    /// dropped. Destructors run in reverse order of allocation.
    ///
    /// The value must not borrow anything: it lives as long as the arena does, which nobody can
    /// tell. And it must be fit to be dropped on another thread, for an arena can be sent to one. In
    /// a [`scope`](Arena::scope) it may borrow.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Arena::alloc).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let mut arena = arena_core::Arena::new();
    /// let seen = Arc::new(());
    /// arena.alloc_drop(Arc::clone(&seen));
    /// assert_eq!(Arc::strong_count(&seen), 2);
    /// arena.reset();
    /// assert_eq!(Arc::strong_count(&seen), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> &mut T {
        or_fail!(self.try_alloc_drop(value))
    }

    /// Put a value into the arena, and have it dropped as [`alloc_drop`](Arena::alloc_drop) does.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Arena::try_alloc); the value is dropped then.
    #[inline]
    pub fn try_alloc_drop<T: Send + 'static>(&self, value: T) -> Result<&mut T, AllocError> {
        // SAFETY: it borrows nothing and can be sent, so it can be dropped anywhere, any time.
        unsafe { self.raw.try_finalised(value) }
    }

    /// Empty the arena; what becomes of its memory is the policy's choice
    /// ([`Reset`](crate::policy::Reset)).
    #[inline]
    pub fn reset(&mut self) {
        self.raw.reset();
    }

    /// Look at the whole arena as one scope, for functions that take a [`Scope`].
    ///
    /// It does not rewind.
    ///
    /// ```
    /// use arena_core::{Arena, Scope};
    ///
    /// fn squares<'s>(scope: &Scope<'s, '_>, n: u64) -> &'s mut [u64] {
    ///     scope.alloc_slice_from_iter((1..=n).map(|n| n * n))
    /// }
    ///
    /// let mut arena = Arena::new();
    /// assert_eq!(squares(&arena.as_scope(), 3), [1, 4, 9]);
    /// arena.scope(|scope| assert_eq!(squares(scope, 2), [1, 4]));
    /// ```
    #[inline]
    pub fn as_scope(&mut self) -> Scope<'_, 'static, MIN_ALIGN> {
        Scope::over(&self.raw)
    }

    /// Panic if one of the arena's own rules is broken, with the numbers; for tests.
    pub fn check(&self) {
        self.raw.check();
    }
}

impl<const MIN_ALIGN: usize, B> fmt::Debug for Arena<MIN_ALIGN, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

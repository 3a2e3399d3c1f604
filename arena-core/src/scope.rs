//! Going back: by hand with a checkpoint, by itself with a scope.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::arena::{RawArena, Stats};
use crate::blocks::Blocks;
use crate::boxed::ArenaBox;
use crate::error::AllocError;
use crate::fill::{Fill, assert_no_drop, or_fail};
use crate::methods::{allocation_methods, position_methods};
#[cfg(feature = "_allocator")]
use crate::reference::ArenaRef;

/// Where a bump pointer stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// The address of the bump pointer: what going back needs, without a detour by the base.
    address: usize,
    /// The arena's first address; not above `address`.
    base: usize,
}

impl Checkpoint {
    #[inline(always)]
    pub(crate) fn at(address: usize, base: usize) -> Self {
        Self { address, base }
    }

    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.address
    }

    /// Return the bytes that were in use.
    #[inline]
    pub fn offset(self) -> usize {
        self.address - self.base
    }
}

/// A part of an arena's life: what is allocated in it lives for `'s`, and is given up with it.
///
/// It has the calls of an [`Arena`](crate::Arena), and one difference: what it hands out does not
/// borrow the scope itself, so that a scope within may come and go while it is in use.
///
/// There is never more than one scope that can be used per arena: each borrows the one around it,
/// and the outermost the arena, exclusively. That is what makes rewinding safe.
///
/// `'outside` is what a value given to [`alloc_drop`](Scope::alloc_drop) may borrow: things that
/// live longer than the scope. It is the `'env` of [`std::thread::scope`].
pub struct Scope<'s, 'outside: 's, const MIN_ALIGN: usize = 8> {
    raw: &'s RawArena<MIN_ALIGN>,
    /// `'s` is exactly the scope's: shorter, and blocks would end before their scope does; longer,
    /// and they would outlive it.
    scope: PhantomData<&'s mut &'s ()>,
    /// Exactly what it is, too: shorter, and destructors would see what is gone.
    outside: PhantomData<&'outside mut &'outside ()>,
}

impl<'s, 'outside, const MIN_ALIGN: usize> Scope<'s, 'outside, MIN_ALIGN> {
    allocation_methods!([] self: &Self => 's);
    position_methods!([] self: &Self => 's);

    /// The caller holds the arena, or the scope around, exclusively for `'s`; destructors owed run
    /// within `'outside`.
    #[inline]
    pub(crate) fn over(raw: &'s RawArena<MIN_ALIGN>) -> Self {
        Self {
            raw,
            scope: PhantomData,
            outside: PhantomData,
        }
    }

    /// The caller holds the arena, or the scope around, exclusively for `'outside`.
    #[inline]
    pub(crate) fn run<R>(
        raw: &'outside RawArena<MIN_ALIGN>,
        body: impl FnOnce(&mut Scope<'_, 'outside, MIN_ALIGN>) -> R,
    ) -> R {
        let guard = ScopeGuard::open(raw);
        body(&mut Scope::over(guard.raw))
    }

    #[inline(always)]
    pub(crate) fn raw(&self) -> &'s RawArena<MIN_ALIGN> {
        self.raw
    }

    /// Put a value into the scope, and have it dropped when the scope ends. Destructors run in
    /// reverse order of allocation.
    ///
    /// The value may borrow what lives longer than the scope, but nothing that the scope has handed
    /// out: which of two values in a scope outlives the other's destructor, no lifetime tells.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Scope::alloc).
    ///
    /// ```
    /// use std::sync::Mutex;
    ///
    /// struct Noted<'a>(&'a Mutex<Vec<u32>>, u32);
    /// impl Drop for Noted<'_> {
    ///     fn drop(&mut self) {
    ///         self.0.lock().unwrap().push(self.1);
    ///     }
    /// }
    ///
    /// let log = Mutex::new(Vec::new());
    /// arena_core::Arena::new().scope(|scope| {
    ///     scope.alloc_drop(Noted(&log, 1));
    ///     scope.alloc_drop(Noted(&log, 2));
    /// });
    /// assert_eq!(log.into_inner().unwrap(), [2, 1]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_drop<T: Send + 'outside>(&self, value: T) -> &'s mut T {
        or_fail!(self.try_alloc_drop(value))
    }

    /// Put a value into the scope, and have it dropped as [`alloc_drop`](Scope::alloc_drop) does.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Scope::try_alloc); the value is dropped then.
    #[inline]
    pub fn try_alloc_drop<T: Send + 'outside>(&self, value: T) -> Result<&'s mut T, AllocError> {
        // SAFETY: a scope that is a closure ends, and runs the destructor, while `'outside` lasts;
        // for any other, which may be forgotten, `'outside` is `'static`. And the value can be sent.
        unsafe { self.raw.try_finalised(value) }
    }
}

impl<const MIN_ALIGN: usize> fmt::Debug for Scope<'_, '_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("arena", self.raw).finish()
    }
}

/// Rewinds when dropped: an open scope that is not a closure.
#[must_use = "the scope ends when this is dropped"]
pub struct ScopeGuard<'a, const MIN_ALIGN: usize = 8> {
    raw: &'a RawArena<MIN_ALIGN>,
    /// Where the bump pointer stood; never above where it stands, as whoever could rewind further
    /// is borrowed for as long as the guard lives.
    start: *mut u8,
    /// How many scopes were open.
    depth: u32,
}

impl<'a, const MIN_ALIGN: usize> ScopeGuard<'a, MIN_ALIGN> {
    #[inline]
    pub(crate) fn open(raw: &'a RawArena<MIN_ALIGN>) -> Self {
        let depth = raw.depth();
        raw.set_depth(depth.checked_add(1).expect("four billion scopes are open"));
        Self {
            raw,
            start: raw.bump(),
            depth,
        }
    }

    /// Return the scope. What it hands out borrows the guard.
    ///
    /// A guard can be forgotten, and its destructors would then run later, or never: values given to
    /// [`alloc_drop`](Scope::alloc_drop) must not borrow here.
    #[inline]
    pub fn scope(&mut self) -> Scope<'_, 'static, MIN_ALIGN> {
        Scope::over(self.raw)
    }
}

impl<const MIN_ALIGN: usize> Drop for ScopeGuard<'_, MIN_ALIGN> {
    #[inline]
    fn drop(&mut self) {
        struct Close<'a, const MIN_ALIGN: usize>(&'a RawArena<MIN_ALIGN>, u32);
        impl<const MIN_ALIGN: usize> Drop for Close<'_, MIN_ALIGN> {
            fn drop(&mut self) {
                self.0.set_depth(self.1);
            }
        }
        // Open until the destructors have run: one that has an `ArenaRef` of the scope around must
        // not allocate what is about to be given up.
        let _last = Close(self.raw, self.depth);
        // SAFETY: `start` was the bump pointer; every block handed out since borrows this guard,
        // or lives in a closure that has returned, so nobody uses it. Destructors do not either:
        // what they may borrow lives longer than the scope, and they cannot allocate.
        unsafe { self.raw.rewind(self.start) };
    }
}

impl<const MIN_ALIGN: usize> fmt::Debug for ScopeGuard<'_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGuard")
            .field("arena", self.raw)
            .finish()
    }
}

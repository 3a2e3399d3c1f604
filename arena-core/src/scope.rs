//! Going back: by hand with a checkpoint, by itself with a scope.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::arena::{RawArena, Stats, allocation_methods, assert_no_drop, fail};
use crate::error::AllocError;

/// Where a bump pointer stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    offset: usize,
}

impl Checkpoint {
    pub(crate) fn at(offset: usize) -> Self {
        Self { offset }
    }

    /// Return the bytes that were in use.
    pub fn offset(self) -> usize {
        self.offset
    }
}

/// A part of an arena's life: what is allocated in it lives for `'s`, and is given up with it.
///
/// It has the calls of an [`Arena`](crate::Arena), and one difference: what it hands out does not
/// borrow the scope itself, so that a scope within may come and go while it is in use.
///
/// There is never more than one scope that can be used per arena: each borrows the one around it,
/// and the outermost the arena, exclusively. That is what makes rewinding safe.
pub struct Scope<'s, const MIN_ALIGN: usize = 8> {
    raw: &'s RawArena<MIN_ALIGN>,
    /// `'s` is exactly the scope's, neither longer nor shorter.
    invariant: PhantomData<fn(&'s ()) -> &'s ()>,
}

impl<'s, const MIN_ALIGN: usize> Scope<'s, MIN_ALIGN> {
    allocation_methods!([] self: &Self => 's);

    /// The caller holds the arena, or the scope around, exclusively for `'s`.
    #[inline]
    pub(crate) fn over(raw: &'s RawArena<MIN_ALIGN>) -> Self {
        Self {
            raw,
            invariant: PhantomData,
        }
    }

    /// The caller holds the arena, or the scope around, exclusively until this returns.
    #[inline]
    pub(crate) fn run<R>(
        raw: &RawArena<MIN_ALIGN>,
        body: impl FnOnce(&mut Scope<'_, MIN_ALIGN>) -> R,
    ) -> R {
        let guard = ScopeGuard::open(raw);
        body(&mut Scope::over(guard.raw))
    }

    #[inline(always)]
    pub(crate) fn raw(&self) -> &'s RawArena<MIN_ALIGN> {
        self.raw
    }
}

impl<const MIN_ALIGN: usize> fmt::Debug for Scope<'_, MIN_ALIGN> {
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
}

impl<'a, const MIN_ALIGN: usize> ScopeGuard<'a, MIN_ALIGN> {
    #[inline]
    pub(crate) fn open(raw: &'a RawArena<MIN_ALIGN>) -> Self {
        Self {
            raw,
            start: raw.bump(),
        }
    }

    /// Return the scope. What it hands out borrows the guard.
    #[inline]
    pub fn scope(&mut self) -> Scope<'_, MIN_ALIGN> {
        Scope::over(self.raw)
    }
}

impl<const MIN_ALIGN: usize> Drop for ScopeGuard<'_, MIN_ALIGN> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `start` was the bump pointer; every block handed out since borrows this guard,
        // or lives in a closure that has returned, so nobody uses it.
        unsafe { self.raw.give_back(self.start) };
    }
}

impl<const MIN_ALIGN: usize> fmt::Debug for ScopeGuard<'_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGuard")
            .field("arena", self.raw)
            .finish()
    }
}

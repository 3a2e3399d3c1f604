//! Scopes of a traced arena.

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::ptr::NonNull;

use arena_core::{AllocError, ArenaBox, Checkpoint};

use super::TracedArena;
use super::methods::{self, allocation_methods};
use crate::record::Place;
use crate::settings::{Mode, On};

/// A part of a traced arena's life: what is allocated in it is checked, poisoned and given up when
/// it ends.
///
/// ```
/// let mut arena = heap_trace::TracedArena::new(arena_core::Arena::new());
/// let len = arena.scope(|scope| scope.alloc_str("Scoped allocator is born").len());
/// assert_eq!((len, arena.used()), (24, 0));
/// ```
///
/// `'outside` is what a value given to [`alloc_drop`](TracedScope::alloc_drop) may borrow, as in
/// arena-core's [`Scope`](arena_core::Scope).
pub struct TracedScope<'s, 'outside: 's, M: Mode = On> {
    arena: &'s TracedArena<M>,
    /// Both are exactly what they are, neither shorter nor longer, as in arena-core.
    scope: PhantomData<&'s mut &'s ()>,
    outside: PhantomData<&'outside mut &'outside ()>,
}

impl<'s, 'outside, M: Mode> TracedScope<'s, 'outside, M> {
    allocation_methods!([] self: &Self => 's);

    #[inline(always)]
    #[track_caller]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.arena.place(layout)
    }

    /// The caller holds the arena, or the scope around, exclusively for `'s`; destructors owed run
    /// within `'outside`.
    pub(super) fn over(arena: &'s TracedArena<M>) -> Self {
        Self {
            arena,
            scope: PhantomData,
            outside: PhantomData,
        }
    }

    /// Put a value into the scope, and have it dropped when the scope ends. Destructors run in
    /// reverse order of allocation. The value may borrow what lives longer than the scope.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
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
    /// heap_trace::TracedArena::new(arena_core::Arena::new()).scope(|scope| {
    ///     scope.alloc_drop(Noted(&log, 1));
    ///     scope.alloc_drop(Noted(&log, 2));
    /// });
    /// assert_eq!(log.into_inner().unwrap(), [2, 1]);
    /// ```
    #[track_caller]
    pub fn alloc_drop<T: Send + 'outside>(&self, value: T) -> &'s mut T {
        methods::or_panic!(self.try_alloc_drop(value))
    }

    /// Put a value into the scope, and have it dropped as [`alloc_drop`](TracedScope::alloc_drop) does.
    ///
    /// # Errors
    ///
    /// The arena is exhausted, or the OS refuses the next step; the value is dropped then.
    #[track_caller]
    pub fn try_alloc_drop<T: Send + 'outside>(&self, value: T) -> Result<&'s mut T, AllocError> {
        // SAFETY: a scope that is a closure ends, and runs the destructor, while `'outside` lasts;
        // for any other, which may be forgotten, `'outside` is `'static`. And the value can be sent.
        unsafe { self.arena.try_owed(value) }
    }

    /// Run `body` in a scope within.
    #[track_caller]
    pub fn scope<'around, R>(
        &'around mut self,
        body: impl FnOnce(&mut TracedScope<'_, 'around, M>) -> R,
    ) -> R {
        run(self.arena, Location::caller(), body)
    }

    /// Open a scope within that ends when the guard is dropped.
    #[track_caller]
    pub fn scope_guard(&mut self) -> TracedScopeGuard<'_, M> {
        TracedScopeGuard::open(self.arena, Location::caller())
    }

    /// Return the bytes in use in the whole arena.
    pub fn used(&self) -> usize {
        self.arena.used()
    }
}

/// Run `body` in a scope of an arena that the caller has borrowed exclusively for `'outside`.
pub(super) fn run<'outside, M: Mode, R>(
    arena: &'outside TracedArena<M>,
    place: Place,
    body: impl FnOnce(&mut TracedScope<'_, 'outside, M>) -> R,
) -> R {
    let end = End::of(arena, place);
    body(&mut TracedScope::over(end.arena))
}

/// Ends its scope when it is dropped: an open scope that is not a closure.
#[must_use = "the scope ends when this is dropped"]
pub struct TracedScopeGuard<'a, M: Mode = On> {
    end: End<'a, M>,
}

impl<'a, M: Mode> TracedScopeGuard<'a, M> {
    /// The caller has borrowed the arena exclusively.
    pub(super) fn open(arena: &'a TracedArena<M>, place: Place) -> Self {
        Self {
            end: End::of(arena, place),
        }
    }

    /// Return the scope. What it hands out borrows the guard; values given to
    /// [`alloc_drop`](TracedScope::alloc_drop) must not borrow here, for a guard can be forgotten.
    pub fn scope(&mut self) -> TracedScope<'_, 'static, M> {
        TracedScope::over(self.end.arena)
    }
}

impl<M: Mode> fmt::Debug for TracedScopeGuard<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedScopeGuard")
            .field("arena", self.end.arena)
            .finish()
    }
}

/// Ends the scope, also when its body panics.
struct End<'a, M: Mode> {
    arena: &'a TracedArena<M>,
    start: Checkpoint,
    place: Place,
}

impl<'a, M: Mode> End<'a, M> {
    fn of(arena: &'a TracedArena<M>, place: Place) -> Self {
        Self {
            arena,
            start: arena.arena.checkpoint(),
            place,
        }
    }
}

impl<M: Mode> Drop for End<'_, M> {
    fn drop(&mut self) {
        let arena = self.arena;
        // SAFETY: what the scope handed out does not outlive its body, which has returned.
        unsafe { arena.give_up(self.start.offset(), self.place) };
        // SAFETY: as above; the arena was not rewound below `start`, as it is borrowed.
        unsafe { arena.arena.rewind(self.start) };
        arena.with_tracker(|tracker| tracker.see_what_is_left_of_poison(&arena.arena));
    }
}

impl<M: Mode> fmt::Debug for TracedScope<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedScope")
            .field("arena", self.arena)
            .finish()
    }
}

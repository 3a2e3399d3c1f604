//! Scopes of a traced arena.

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::ptr::NonNull;

use arena_core::{AllocError, Checkpoint};

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
pub struct TracedScope<'s, M: Mode = On> {
    arena: &'s TracedArena<M>,
    /// `'s` is exactly the scope's, as in arena-core.
    scope: PhantomData<&'s mut &'s ()>,
}

impl<'s, M: Mode> TracedScope<'s, M> {
    allocation_methods!([] self: &Self => 's);

    #[inline(always)]
    #[track_caller]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.arena.place(layout)
    }

    /// Put a value into the scope, and have it dropped when the scope ends. Destructors run in
    /// reverse order of allocation.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[track_caller]
    pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> &'s mut T {
        self.arena.alloc_drop(value)
    }

    /// Run `body` in a scope within.
    #[track_caller]
    pub fn scope<R>(&mut self, body: impl FnOnce(&mut TracedScope<'_, M>) -> R) -> R {
        run(self.arena, Location::caller(), body)
    }

    /// Return the bytes in use in the whole arena.
    pub fn used(&self) -> usize {
        self.arena.used()
    }
}

/// Run `body` in a scope of an arena that the caller has borrowed exclusively.
pub(super) fn run<M: Mode, R>(
    arena: &TracedArena<M>,
    place: Place,
    body: impl FnOnce(&mut TracedScope<'_, M>) -> R,
) -> R {
    let end = End {
        arena,
        start: arena.arena.checkpoint(),
        place,
    };
    body(&mut TracedScope {
        arena: end.arena,
        scope: PhantomData,
    })
}

/// Ends the scope, also when its body panics.
struct End<'a, M: Mode> {
    arena: &'a TracedArena<M>,
    start: Checkpoint,
    place: Place,
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

impl<M: Mode> fmt::Debug for TracedScope<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedScope")
            .field("arena", self.arena)
            .finish()
    }
}

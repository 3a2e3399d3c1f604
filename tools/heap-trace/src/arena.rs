//! An arena whose blocks are written down.
#![expect(
    clippy::mut_from_ref,
    reason = "each call hands out bytes that nobody else has"
)]

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::ptr::NonNull;

use arena_core::{AllocError, Arena, ArenaBox, Checkpoint};

mod allocator;
mod methods;
mod scope;
#[cfg(test)]
mod tests;
mod tracker;

use crate::fault::Violation;
use crate::reach::Roots;
use crate::record::{Origin, Place};
use crate::report::Report;
use crate::settings::{Mode, On, Settings};
use crate::snapshot::Snapshot;
use methods::allocation_methods;
pub use scope::{TracedScope, TracedScopeGuard};
use tracker::{Owed, Tracker};

/// An [`Arena`] that knows each of its blocks: where it was allocated, what was written beside it,
/// whether anyone can still reach it.
///
/// It has the calls of an arena, and the same lifetimes. Around each block lies a red zone of 16
/// bytes on either side (more if the block is aligned to more), so the arena holds fewer blocks; its
/// records are kept elsewhere. Values that need drop are refused as by the arena;
/// [`alloc_drop`](TracedArena::alloc_drop) takes them.
///
/// With `M = `[`Off`](crate::Off) it is the arena, and nothing else.
///
/// ```
/// use heap_trace::{TracedArena, Roots};
///
/// let arena = TracedArena::new(arena_core::Arena::new());
/// let kept = arena.alloc_str("First block ok.");
/// arena.alloc([0_u8; 32]);                                 // its reference is dropped at once
///
/// let report = arena.report(&Roots::new().value(&kept));
/// assert_eq!((report.lost().blocks, report.lost().bytes), (1, 32));
/// assert!(report.to_string().contains("definitely lost: 32 bytes in 1 blocks"));
/// ```
pub struct TracedArena<M: Mode = On> {
    arena: Arena,
    /// Used by one call at a time, and by none that runs a caller's code.
    tracker: UnsafeCell<Tracker>,
    mode: PhantomData<M>,
}

impl TracedArena {
    /// Trace what is allocated from now on.
    #[must_use]
    pub fn new(arena: Arena) -> Self {
        Self::with(arena, Settings::new())
    }

    /// Trace what is allocated from now on, as the settings say.
    #[must_use]
    pub fn with(arena: Arena, settings: Settings) -> Self {
        Self::in_mode(arena, settings)
    }
}

impl<M: Mode> TracedArena<M> {
    /// Trace as the settings say, or not at all if the mode is [`Off`](crate::Off).
    ///
    /// ```
    /// use heap_trace::{InDebug, Settings, TracedArena};
    ///
    /// let arena = TracedArena::<InDebug>::in_mode(arena_core::Arena::new(), Settings::new());
    /// assert_eq!(*arena.alloc(7), 7);
    /// ```
    #[must_use]
    pub fn in_mode(arena: Arena, settings: Settings) -> Self {
        let tracker = UnsafeCell::new(Tracker::new(&arena, settings));
        Self {
            arena,
            tracker,
            mode: PhantomData,
        }
    }

    allocation_methods!(['a] self: &'a Self => 'a);

    /// Look at the arena underneath: its limit, its numbers. What is allocated from it directly is
    /// not traced.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Put a value into the arena, and have it dropped when the arena is rewound below it, reset or
    /// dropped. Destructors run in reverse order of allocation.
    ///
    /// The value must not borrow anything; in a [`scope`](TracedArena::scope) it may.
    ///
    /// # Panics
    ///
    /// The arena is exhausted.
    #[track_caller]
    pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> &mut T {
        methods::or_panic!(self.try_alloc_drop(value))
    }

    /// Put a value into the arena, and have it dropped as [`alloc_drop`](TracedArena::alloc_drop) does.
    ///
    /// # Errors
    ///
    /// The arena is exhausted, or the OS refuses the next step; the value is dropped then.
    #[track_caller]
    pub fn try_alloc_drop<T: Send + 'static>(&self, value: T) -> Result<&mut T, AllocError> {
        // SAFETY: it borrows nothing and can be sent, so it can be dropped anywhere, any time.
        unsafe { self.try_owed(value) }
    }

    /// Hand out a block for a value, and owe its destructor.
    ///
    /// # Safety
    ///
    /// The value may be dropped as long as the arena is not rewound below it, on any thread that the
    /// arena can reach.
    #[track_caller]
    unsafe fn try_owed<T: Send>(&self, value: T) -> Result<&mut T, AllocError> {
        let layout = Layout::new::<T>();
        let room = self.with_tracker(Tracker::make_room_to_owe);
        room.map_err(|source| tracker::no_ledger(&self.arena, layout, source))?;
        let place = self.place(layout)?.cast::<T>();
        // SAFETY: the block was handed out for a `T` just now.
        unsafe { place.write(value) };
        let at = match M::ON {
            // A value of no bytes has no number of its own, and stands with the block before.
            true => self.mark().saturating_sub(1),
            false => place.addr().get() as u64,
        };
        // SAFETY: written just now; the rest is passed on.
        self.with_tracker(|tracker| unsafe { tracker.owe(place, at) });
        // SAFETY: as above; it is valid until the arena is rewound, which its lifetime rules out.
        Ok(unsafe { &mut *place.as_ptr() })
    }

    /// Free one block: checked against the record, poisoned, and not used again while it is
    /// quarantined.
    ///
    /// # Errors
    ///
    /// The violation, if the pointer is not the start of a live block of this layout. It is noted for the
    /// report too, and nothing is freed, except that a block freed with another layout is freed.
    /// Damage to the block is noted, and is no error.
    ///
    /// # Safety
    ///
    /// If `pointer` leads to a live block of this arena, then nobody uses that block any more. Any
    /// other pointer may be given: finding those is what this is for.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free(&self, pointer: NonNull<u8>, layout: Layout) -> Result<(), Violation> {
        if layout.size() == 0 {
            return Ok(());
        }
        if !M::ON {
            return Ok(());
        }
        let place = Location::caller();
        // SAFETY: passed on.
        self.with_tracker(|tracker| unsafe { tracker.free(&self.arena, pointer, layout, place) })
    }

    /// Empty the arena. What was overrun until now is noted, and all of it is poisoned.
    #[track_caller]
    pub fn reset(&mut self) {
        // SAFETY: `&mut self` says that no block is in use.
        unsafe { self.give_up(0, Location::caller()) };
        self.arena.reset();
        self.tracker
            .get_mut()
            .see_what_is_left_of_poison(&self.arena);
    }

    /// Remember where the bump pointer stands.
    pub fn checkpoint(&self) -> Checkpoint {
        self.arena.checkpoint()
    }

    /// Go back to a checkpoint: every block allocated since is given up, checked and poisoned.
    ///
    /// # Safety
    ///
    /// As [`Arena::rewind`].
    #[track_caller]
    pub unsafe fn rewind(&self, checkpoint: Checkpoint) {
        // SAFETY: the caller promises that no block allocated since is in use.
        unsafe { self.give_up(checkpoint.offset(), Location::caller()) };
        // SAFETY: passed on.
        unsafe { self.arena.rewind(checkpoint) };
        self.with_tracker(|tracker| tracker.see_what_is_left_of_poison(&self.arena));
    }

    /// Run `body` in a scope: everything it allocates is given up when it ends, also by a panic.
    #[track_caller]
    pub fn scope<'outside, R>(
        &'outside mut self,
        body: impl FnOnce(&mut TracedScope<'_, 'outside, M>) -> R,
    ) -> R {
        scope::run(self, Location::caller(), body)
    }

    /// Open a scope that ends when the guard is dropped.
    ///
    /// ```
    /// let mut arena = heap_trace::TracedArena::new(arena_core::Arena::new());
    /// let mut guard = arena.scope_guard();
    /// assert_eq!(guard.scope().alloc_str("Scoped allocator is born").len(), 24);
    /// drop(guard);
    /// assert_eq!(arena.used(), 0);
    /// ```
    #[track_caller]
    pub fn scope_guard(&mut self) -> TracedScopeGuard<'_, M> {
        TracedScopeGuard::open(self, Location::caller())
    }

    /// Look at the whole arena as one scope, for functions that take a [`TracedScope`]. It does not
    /// rewind.
    pub fn as_scope(&mut self) -> TracedScope<'_, 'static, M> {
        TracedScope::over(self)
    }

    /// Return the bytes in use, red zones and padding included.
    pub fn used(&self) -> usize {
        self.arena.used()
    }

    /// Look at every red zone and at everything freed, and return how many faults are known now.
    #[track_caller]
    pub fn check(&self) -> usize {
        if !M::ON {
            return 0;
        }
        let origin = Origin::at(Location::caller());
        self.with_tracker(|tracker| tracker.check(&self.arena, origin))
    }

    /// Check everything, look for the blocks that cannot be reached from the roots, and tell.
    ///
    /// Without roots ([`Roots::new`] alone) a live block counts as live, not as lost: an arena gives
    /// its blocks back all at once, and nobody is expected to free them one by one.
    #[track_caller]
    pub fn report(&self, roots: &Roots) -> Report {
        self.check();
        self.with_tracker(|tracker| tracker.report(&self.arena, roots))
    }

    /// Return what has happened so far, if the settings say that it be recorded
    /// ([`Settings::record`](crate::Settings::record)): for `heap_view::json_lines::write`, whose
    /// error is that of the file, and for every picture that heap-view draws.
    ///
    /// ```
    /// use heap_trace::{Settings, TracedArena};
    ///
    /// let arena = TracedArena::with(arena_core::Arena::new(), Settings::new().record(1000));
    /// arena.alloc_str("First block ok.");
    /// let mut file = Vec::new();
    /// heap_view::json_lines::write(&arena.recording(), &mut file)?;
    /// assert_eq!(heap_view::json_lines::read(&file[..]).unwrap().events.len(), 2);  // map, alloc
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "events")]
    pub fn recording(&self) -> heap_view::Trace {
        self.with_tracker(|tracker| tracker.recording(&self.arena))
    }

    /// Remember which blocks there are: [`Report::since`] tells what is new and still live.
    pub fn mark(&self) -> u64 {
        self.with_tracker(|tracker| tracker.next_id())
    }

    /// Copy all bytes in use, and who owns them.
    ///
    /// It takes the arena exclusively, as no block may be written meanwhile.
    pub fn snapshot(&mut self) -> Snapshot {
        let tracker = self.tracker.get_mut();
        Snapshot::of(&self.arena, tracker.records())
    }

    /// End the tracing and return the arena. Faults that no report has told are told to standard
    /// error.
    #[must_use]
    pub fn into_arena(self) -> Arena {
        let mut this = std::mem::ManuallyDrop::new(self);
        this.end();
        // SAFETY: not used again.
        let tracker = unsafe { std::ptr::read(&this.tracker) };
        drop(tracker);
        // SAFETY: as above.
        unsafe { std::ptr::read(&this.arena) }
    }

    /// Give up every block from an offset on: destructors first, then the last look, then poison.
    ///
    /// # Safety
    ///
    /// Nobody uses those blocks any more.
    unsafe fn give_up(&self, offset: usize, place: Place) {
        let address = self.arena.base().addr().get() + offset;
        let at = self.with_tracker(|tracker| match M::ON {
            true => tracker.first_from(address),
            false => address as u64,
        });
        Owed::run_from(|| self.with_tracker(|tracker| tracker.next_owed(at)));
        if M::ON {
            // SAFETY: passed on.
            self.with_tracker(|tracker| unsafe {
                tracker.rewind(&self.arena, address, Origin::at(place));
            });
        }
    }

    /// Run the destructors owed, and look at everything a last time.
    fn end(&mut self) {
        Owed::run_from(|| self.tracker.get_mut().next_owed(0));
        if !M::ON {
            return;
        }
        let tracker = self.tracker.get_mut();
        tracker.check(&self.arena, Origin::NONE);
        tracker.tell_news(&self.arena);
    }

    /// Hand out a block and write it down.
    #[inline(always)]
    #[track_caller]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if !M::ON || layout.size() == 0 {
            return self.arena.try_alloc_layout(layout);
        }
        let place = Location::caller();
        self.with_tracker(|tracker| tracker.allocate(&self.arena, layout, place))
    }

    #[inline(always)]
    fn with_tracker<R>(&self, body: impl FnOnce(&mut Tracker) -> R) -> R {
        // SAFETY: the arena is not shared between threads, and no body calls back into it: none runs
        // code of a caller.
        body(unsafe { &mut *self.tracker.get() })
    }
}

impl<M: Mode> Drop for TracedArena<M> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<M: Mode> fmt::Debug for TracedArena<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedArena")
            .field("arena", &self.arena)
            .finish_non_exhaustive()
    }
}

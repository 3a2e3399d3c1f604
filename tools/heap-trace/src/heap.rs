//! Any allocator, traced.

use std::alloc::Layout;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::OnceLock;

#[cfg(test)]
mod tests;

use crate::fault::Violation;
use crate::ledger::{Ledger, Released};
use crate::lock::Lock;
use crate::reach::Roots;
use crate::record::{Origin, Place};
use crate::report::Report;
use crate::settings::{Method, Mode, On, Settings};
use crate::stack::{self, StackId};
use crate::thread::{self, Depth};
use crate::zone::Shape;

/// An allocator whose blocks are written down: an `Allocator` around any other.
///
/// Blocks that grow or shrink always move, so that old pointers are found out. With guard pages
/// ([`Method::GuardAfter`]) blocks come from pens of the tracer's own, and the allocator underneath is
/// not asked.
///
/// ```
/// use allocator_api2_02::{alloc::Global, vec::Vec};
/// use heap_trace::{Roots, Traced};
///
/// let heap = Traced::new(Global);
/// let mut numbers = Vec::new_in(&heap);
/// numbers.extend([1, 2, 3]);
/// std::mem::forget(numbers);
///
/// let report = heap.report(&Roots::new().none());
/// assert_eq!(report.lost().bytes, 16);
/// assert!(!report.is_clean());
/// ```
pub struct Traced<A, M: Mode = On> {
    allocator: A,
    ledger: Lock<Ledger>,
    settings: Settings,
    /// Gives a block back to the allocator; known once a block came from there.
    back: OnceLock<Back<A>>,
    mode: PhantomData<M>,
}

/// How a block is given back to its allocator. Unsafe to call: the ledger has released the block.
type Back<A> = unsafe fn(&A, Released);

/// What comes of a call: why there is no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// No memory, for the block or for its record.
    Exhausted,
    /// This thread is inside the tracer already.
    Inside,
}

impl<A> Traced<A> {
    /// Trace an allocator.
    #[must_use]
    pub const fn new(allocator: A) -> Self {
        Self::with(allocator, Settings::new())
    }

    /// Trace an allocator as the settings say.
    #[must_use]
    pub const fn with(allocator: A, settings: Settings) -> Self {
        Self::in_mode(allocator, settings)
    }
}

impl<A, M: Mode> Traced<A, M> {
    /// Trace as the settings say, or not at all if the mode is [`Off`](crate::Off).
    #[must_use]
    pub const fn in_mode(allocator: A, settings: Settings) -> Self {
        Self {
            allocator,
            ledger: Lock::new(Ledger::new(settings)),
            settings,
            back: OnceLock::new(),
            mode: PhantomData,
        }
    }

    /// Look at the allocator underneath. What is allocated from it directly is not traced.
    pub fn allocator(&self) -> &A {
        &self.allocator
    }

    /// Look at every red zone and at everything quarantined, and return how many faults are known.
    #[track_caller]
    pub fn check(&self) -> usize {
        let origin = self.origin(Location::caller());
        self.inside(|ledger| ledger.check(origin))
            .unwrap_or_default()
    }

    /// Check everything, look for the blocks that cannot be reached from the roots, and tell.
    #[track_caller]
    pub fn report(&self, roots: &Roots) -> Report {
        self.check();
        // Not as `inside`: a report allocates.
        thread::enter_to_report()
            .map(|_inside| self.ledger.take().report("heap", roots))
            .unwrap_or_else(|| {
                let mut report = Report::new("heap", Vec::new(), &[]);
                report
                    .notes
                    .push("asked for inside the tracer: nothing is known".to_owned());
                report
            })
    }

    /// Return what has happened so far, if the settings say that it be recorded
    /// ([`Settings::record`](crate::Settings::record)): for `heap_view::json_lines::write`, and for every
    /// picture that heap-view draws. Blocks of a heap lie anywhere: offsets are addresses.
    ///
    /// ```
    /// use allocator_api2_02::{alloc::Global, boxed::Box};
    /// use heap_trace::{Settings, Traced};
    ///
    /// let heap = Traced::with(Global, Settings::new().record(1000));
    /// drop(Box::new_in(7, &heap));
    /// assert_eq!(heap.recording().events.len(), 3);  // map, alloc, free
    /// ```
    #[cfg(feature = "events")]
    pub fn recording(&self) -> heap_view::Trace {
        // Not as `inside`: it allocates.
        thread::enter_to_report()
            .map(|_inside| self.ledger.take().recording())
            .unwrap_or_else(|| heap_view::Trace::new("asked for inside the tracer"))
    }

    /// Remember which blocks there are: [`Report::since`] tells what is new and still live.
    pub fn mark(&self) -> u64 {
        self.inside(|ledger| ledger.next_id()).unwrap_or_default()
    }

    /// Where the program calls from, as far as the settings ask for it. Taken outside of the ledger's
    /// lock: walking a stack may allocate, the first time.
    #[inline]
    fn origin(&self, place: Place) -> Origin {
        let inside = self.settings.backtraces.then(thread::enter_to_report);
        let stack = inside.flatten().map_or(StackId::NONE, |_| stack::capture());
        Origin {
            place: Some(place),
            stack,
        }
    }

    /// Use the ledger, unless this thread does so already.
    fn inside<R>(&self, body: impl FnOnce(&mut Ledger) -> R) -> Option<R> {
        let _inside = thread::enter()?;
        Some(body(&mut self.ledger.take()))
    }

    /// Hand out a block: `from` asks the allocator underneath, `back` returns a block to it.
    #[inline]
    fn allocate_by(
        &self,
        layout: Layout,
        place: Place,
        from: impl FnOnce(Layout) -> Option<NonNull<u8>>,
        back: impl FnOnce(NonNull<u8>, Layout),
    ) -> Result<NonNull<u8>, Refused> {
        if thread::depth() != Depth::Outside {
            return Err(Refused::Inside);
        }
        let origin = self.origin(place);
        if self.settings.method != Method::Canary {
            let placed = self.inside(|ledger| ledger.add_guarded(layout, origin).ok());
            return placed.flatten().ok_or_else(|| {
                self.refuse(layout, origin);
                Refused::Exhausted
            });
        }
        let (shape, enlarged) = Shape::of(layout).ok_or(Refused::Exhausted)?;
        let Some(block) = from(enlarged) else {
            self.refuse(layout, origin);
            return Err(Refused::Exhausted);
        };
        let written = self.inside(|ledger| {
            // SAFETY: handed out just now, for the enlarged layout.
            unsafe { ledger.add(block, shape, layout, origin) }.ok()
        });
        written.flatten().ok_or_else(|| {
            back(block, enlarged);
            Refused::Exhausted
        })
    }

    /// Record that there was no memory for a block.
    #[cold]
    fn refuse(&self, layout: Layout, origin: Origin) {
        #[cfg(feature = "events")]
        self.inside(|ledger| ledger.note_refused(layout, origin));
        #[cfg(not(feature = "events"))]
        let _ = (layout, origin);
    }

    /// Take a block back into quarantine, and return those that leave it.
    ///
    /// # Safety
    ///
    /// As [`Ledger::free`].
    #[inline]
    unsafe fn free_by(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        place: Place,
    ) -> Result<(), Violation> {
        let origin = self.origin(place);
        // SAFETY: passed on.
        let freed = self.inside(|ledger| unsafe { ledger.free(block, layout, origin) });
        while let Some(Some(released)) = self.inside(Ledger::release) {
            self.give_back(released);
        }
        // Inside the tracer nothing can be freed: the block is leaked, and told as live.
        freed.unwrap_or(Ok(()))
    }

    fn give_back(&self, released: Released) {
        if let Some(back) = self.back.get() {
            // SAFETY: released by the ledger just now; it came from this allocator.
            unsafe { back(&self.allocator, released) };
        }
    }

    /// Write a report to standard error if there is a fault that nobody has been told of.
    fn tell_news(&mut self) {
        let ledger = self.ledger.get_mut();
        if ledger.faults().has_news() && !self.settings.quiet {
            let report = ledger.report("heap", &Roots::new());
            // If nobody reads standard error either, there is nobody left to tell.
            let _ = writeln!(std::io::stderr().lock(), "{report}");
        }
    }
}

impl<A, M: Mode> Drop for Traced<A, M> {
    fn drop(&mut self) {
        if !M::ON {
            return;
        }
        let ledger = self.ledger.get_mut();
        ledger.check(Origin::NONE);
        self.tell_news();
        while let Some(released) = self.ledger.get_mut().release_any() {
            self.give_back(released);
        }
    }
}

impl<A: fmt::Debug, M: Mode> fmt::Debug for Traced<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("allocator", &self.allocator)
            .finish_non_exhaustive()
    }
}

mod allocator;

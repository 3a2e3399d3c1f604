//! The heap of a whole program, traced.

use std::alloc::{GlobalAlloc, Layout, System};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};

mod check;
mod exit;
mod options;
#[cfg(feature = "events")]
mod stream;

pub use check::check_here;
use options::Options;
#[cfg(feature = "events")]
use stream::Stream;

use crate::fault::{Fault, When};
use crate::ledger::{Ledger, Released};
use crate::lock::Lock;
use crate::private;
use crate::record::Origin;
use crate::settings::{Method, Mode, On, Settings};
use crate::stack;
use crate::thread::{self, Depth};
use crate::zone::Shape;

/// The heap of a whole program, traced: with two lines, it reports at exit.
///
/// ```
/// #[global_allocator]
/// static HEAP: heap_trace::TracedGlobal = heap_trace::TracedGlobal::new();
///
/// let text = String::from("First block ok.");
/// assert_eq!(text.len(), 15);
/// ```
///
/// The report goes to standard error, with everything that is not freed when `main` has returned, sorted
/// by how it can still be reached. Double frees and other faults are also told when they are seen.
///
/// The environment variable `HEAP_TRACE` changes that: words with commas between, of `off` (nothing is
/// traced in this run), `canary`, `guard-after`, `guard-before`, `stacks` or `no-stacks`, `reachable`
/// (blocks that are still reachable are listed too, not only counted), `quiet` (no report unless
/// something is wrong), `json`, `report=FILE`, `suppressions=FILE`, `record=FILE` (what
/// happens, call by call, for heap-view to draw: about 120 bytes each), `exit=STATUS` (the program's status
/// if something is wrong; 1 to 255). A word that is none of these is said, and passed over.
///
/// Sites are taken as stacks, as no caller's line reaches a global allocator: about a microsecond a
/// call. `no-stacks` saves that, and leaves blocks without a site.
///
/// A forked child has a ledger of its own, in which its parent's blocks do not count, and a report of its
/// own: to FILE with its process number behind, `report.4711`. Memory asked for
/// by a signal handler that has interrupted the tracer is handed out and not traced; the report says
/// how often.
pub struct TracedGlobal<A = System, M: Mode = On> {
    allocator: A,
    shared: Shared,
    mode: PhantomData<M>,
}

/// What is the same for any allocator underneath.
pub(crate) struct Shared {
    ledger: Lock<Ledger>,
    options: Lock<Options>,
    /// Taken before the ledger, never after it.
    #[cfg(feature = "events")]
    stream: Lock<Stream>,
    /// [`UNKNOWN`], [`BEGINNING`], [`BEGUN`] or [`OFF`].
    state: AtomicU8,
    /// Blocks handed out to a signal handler that interrupted the tracer.
    untraced: AtomicU64,
    /// Blocks that such a handler freed, which are not freed.
    unfreed: AtomicU64,
    /// Whether this process is a forked child of the one that began.
    forked: AtomicBool,
}

const UNKNOWN: u8 = 0;
const BEGINNING: u8 = 1;
const BEGUN: u8 = 2;
const OFF: u8 = 3;

/// The heap that `check!()` and the report at exit are about.
static THE: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

/// Find the program's traced heap.
fn the() -> Option<&'static Shared> {
    // SAFETY: null, or a static: only `begin` writes it, which only a global allocator calls.
    unsafe { THE.load(Ordering::Acquire).as_ref() }
}

impl TracedGlobal {
    /// Trace the system's allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self::with(System, Settings::new().backtraces(true))
    }
}

impl Default for TracedGlobal {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> TracedGlobal<A> {
    /// Trace any global allocator, as the settings say.
    #[must_use]
    pub const fn with(allocator: A, settings: Settings) -> Self {
        Self::in_mode(allocator, settings)
    }
}

impl<A, M: Mode> TracedGlobal<A, M> {
    /// Trace as the settings say, or not at all if the mode is [`Off`](crate::Off).
    #[must_use]
    pub const fn in_mode(allocator: A, settings: Settings) -> Self {
        Self {
            allocator,
            shared: Shared {
                ledger: Lock::new(Ledger::new(settings)),
                options: Lock::new(Options::none()),
                #[cfg(feature = "events")]
                stream: Lock::new(Stream::none()),
                state: AtomicU8::new(UNKNOWN),
                untraced: AtomicU64::new(0),
                unfreed: AtomicU64::new(0),
                forked: AtomicBool::new(false),
            },
            mode: PhantomData,
        }
    }
}

impl Shared {
    /// Read the environment and see to the end, once, at the first call. Returns whether this run is
    /// traced.
    #[inline]
    fn begin(&self) -> bool {
        match self.state.load(Ordering::Acquire) {
            BEGUN => true,
            OFF => false,
            _ => self.begin_once(),
        }
    }

    /// Tell whether the environment has asked for a run without tracing.
    fn is_off(&self) -> bool {
        self.state.load(Ordering::Acquire) == OFF
    }

    #[cold]
    fn begin_once(&self) -> bool {
        let begun =
            self.state
                .compare_exchange(UNKNOWN, BEGINNING, Ordering::AcqRel, Ordering::Acquire);
        if begun.is_err() {
            // Another thread is at it, or this one, which is then inside the tracer.
            while self.state.load(Ordering::Acquire) == BEGINNING
                && thread::depth() == Depth::Outside
            {
                std::thread::yield_now();
            }
            return !self.is_off();
        }
        let inside = thread::enter_to_report();
        let options = Options::from_environment();
        {
            let mut ledger = self.ledger.take();
            let settings = options.apply(ledger.settings());
            ledger.set(settings);
        }
        #[cfg(feature = "events")]
        self.begin_recording(&options);
        let is_on = !options.off;
        *self.options.take() = options;
        THE.store(ptr::from_ref(self).cast_mut(), Ordering::Release);
        if is_on {
            exit::arrange();
        }
        drop(inside);
        self.state
            .store(if is_on { BEGUN } else { OFF }, Ordering::Release);
        is_on
    }

    /// Use the ledger, unless this thread does so already.
    #[inline]
    fn inside<R>(&self, body: impl FnOnce(&mut Ledger) -> R) -> Option<R> {
        let _inside = thread::enter()?;
        Some(body(&mut self.ledger.take()))
    }

    /// A block for whoever is inside the tracer.
    #[cold]
    fn alloc_inside(&self, layout: Layout) -> *mut u8 {
        if thread::depth() == Depth::Ledger {
            self.untraced.fetch_add(1, Ordering::Relaxed);
        }
        private::alloc(layout)
    }

    /// Hand out a block: `from` asks the allocator underneath, `back` returns a block to it.
    #[inline]
    fn alloc(
        &self,
        layout: Layout,
        from: impl FnOnce(Layout) -> *mut u8,
        back: impl FnOnce(NonNull<u8>, Layout),
    ) -> *mut u8 {
        let Some(settings) = self.inside(|ledger| ledger.settings()) else {
            return self.alloc_inside(layout);
        };
        let origin = origin(settings);
        let payload = if settings.method == Method::Canary {
            let Some((shape, enlarged)) = Shape::of(layout) else {
                return ptr::null_mut();
            };
            let Some(block) = NonNull::new(from(enlarged)) else {
                return ptr::null_mut();
            };
            // SAFETY: handed out just now, for the enlarged layout.
            let add = |ledger: &mut Ledger| unsafe { ledger.add(block, shape, layout, origin) };
            let payload = self.inside(add).and_then(Result::ok);
            if payload.is_none() {
                back(block, enlarged);
            }
            payload
        } else {
            self.inside(|ledger| ledger.add_guarded(layout, origin))
                .and_then(Result::ok)
        };
        self.write_events_of(settings);
        payload.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// Write the recording on, if there is one.
    #[inline]
    fn write_events_of(&self, settings: Settings) {
        #[cfg(feature = "events")]
        if settings.records() {
            self.write_events_if_due();
        }
        #[cfg(not(feature = "events"))]
        let _ = settings;
    }

    /// Take a block back into quarantine; `back` returns those that leave it.
    ///
    /// # Safety
    ///
    /// As [`GlobalAlloc::dealloc`].
    #[inline]
    unsafe fn free(&self, block: *mut u8, layout: Layout, mut back: impl FnMut(Released)) {
        let Some(block) = NonNull::new(block) else {
            return;
        };
        if private::contains(block.as_ptr()) {
            return private::free(block, layout);
        }
        let settings = self.inside(|ledger| ledger.settings());
        let origin = settings.map(origin);
        let freed = origin.and_then(|origin| {
            self.inside(|ledger| {
                // SAFETY: passed on.
                let _ = unsafe { ledger.free(block, layout, origin) };
                ledger.faults().has_news()
            })
        });
        match freed {
            None => {
                self.unfreed.fetch_add(1, Ordering::Relaxed);
            }
            Some(true) => self.tell_at_once(),
            Some(false) => {}
        }
        while let Some(Some(released)) = self.inside(Ledger::release) {
            back(released);
        }
        if let Some(settings) = settings {
            self.write_events_of(settings);
        }
    }

    /// Write the faults that nobody has been told of to standard error: a program whose heap is broken
    /// may not get to its end.
    #[cold]
    fn tell_at_once(&self) {
        let Some(_inside) = thread::enter_to_report() else {
            return;
        };
        let mut news: Vec<Fault> = Vec::new();
        {
            let mut ledger = self.ledger.take();
            news.extend_from_slice(ledger.faults().news());
            ledger.faults().mark_told();
        }
        for fault in news.iter().filter(|fault| fault.when == When::Freed) {
            exit::say(&format!("heap-trace: {fault}\n"));
        }
    }
}

/// Where the program calls from, as far as the settings ask for it. Taken outside of the ledger's lock.
#[inline]
fn origin(settings: Settings) -> Origin {
    if !settings.backtraces {
        return Origin::NONE;
    }
    // Walking a stack may allocate, the first time.
    let inside = thread::enter_to_report();
    let stack = inside.map_or(stack::StackId::NONE, |_| stack::capture());
    Origin { place: None, stack }
}

// SAFETY: blocks are those of the allocator underneath, inside of red zones that the layout makes room
// for, or those of pens or of the private range; each is handed out once, and freed blocks are not
// used again while they are quarantined.
unsafe impl<A: GlobalAlloc, M: Mode> GlobalAlloc for TracedGlobal<A, M> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !M::ON || !self.shared.begin() {
            // SAFETY: passed on.
            return unsafe { self.allocator.alloc(layout) };
        }
        // SAFETY: the enlarged layout is not empty.
        let from = |layout| unsafe { self.allocator.alloc(layout) };
        // SAFETY: returned unused.
        let back =
            |block: NonNull<u8>, layout| unsafe { self.allocator.dealloc(block.as_ptr(), layout) };
        self.shared.alloc(layout, from, back)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !M::ON || self.shared.is_off() {
            // SAFETY: passed on.
            return unsafe { self.allocator.dealloc(block, layout) };
        }
        let back = |released: Released| {
            // SAFETY: released by the ledger just now; it came from this allocator.
            unsafe {
                self.allocator
                    .dealloc(released.block.as_ptr(), released.layout)
            };
        };
        // SAFETY: passed on.
        unsafe { self.shared.free(block, layout, back) };
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !M::ON || !self.shared.begin() {
            // SAFETY: passed on.
            return unsafe { self.allocator.alloc_zeroed(layout) };
        }
        // SAFETY: passed on.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: handed out just now, for so many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !M::ON || !self.shared.begin() {
            // SAFETY: passed on.
            return unsafe { self.allocator.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that the size, rounded up, is one a layout can say.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // Always moved: whoever kept the old pointer is found out.
        // SAFETY: the caller promises a size that is not 0.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks have so many bytes and are different ones.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
            // SAFETY: the caller gives the old block up.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

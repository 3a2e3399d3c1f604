#![doc = include_str!("../README.md")]

#[cfg(not(target_os = "linux"))]
compile_error!("heap-trace needs Linux: it reads /proc and guards pages as Linux does");

mod arena;
#[cfg(feature = "events")]
mod events;
mod fault;
mod global;
mod guard;
mod heap;
mod ledger;
mod lock;
mod memory;
mod private;
mod reach;
mod record;
mod report;
mod settings;
mod snapshot;
mod stack;
mod table;
mod thread;
mod zone;

pub use arena::{TracedArena, TracedScope, TracedScopeGuard};
pub use fault::{Fault, Violation};
pub use global::TracedGlobal;
pub use heap::Traced;
pub use reach::{Class, Leak, Roots};
pub use report::{BadSuppression, Numbers, Report, Sum, Suppressed, Suppressions};
pub use settings::{InDebug, Method, Mode, Off, On, Settings};
pub use snapshot::{Change, Owner, Snapshot};
pub use stack::Frame;
pub use zone::Wrong;

#[doc(hidden)]
pub mod __private {
    pub use crate::global::check_here;
}

/// Panic with the report if anything is wrong, or lost.
///
/// `check!()` is about a program whose heap is a [`TracedGlobal`]: about faults of this thread, and blocks
/// that this thread has allocated since it began, or since its last `check!()`, that nothing leads to
/// any more. So each test of a test suite answers for itself. `check!(tracer)` is about one
/// [`TracedArena`] or [`Traced`] heap.
///
/// # Panics
///
/// There is a fault, or something is definitely or indirectly lost. `check!()` also panics if the
/// program's heap is no [`TracedGlobal`]; where `HEAP_TRACE=off` has turned that off, it looks at nothing.
///
/// ```
/// let arena = heap_trace::TracedArena::new(arena_core::Arena::new());
/// let kept = arena.alloc(7);
/// heap_trace::check!(arena);
/// assert_eq!(*kept, 7);
/// ```
#[macro_export]
macro_rules! check {
    () => {
        $crate::__private::check_here()
    };
    ($tracer:expr) => {{
        let report = $tracer.report(&$crate::Roots::new().of_process());
        assert!(report.is_clean(), "{report}");
    }};
}

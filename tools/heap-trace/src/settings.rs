//! What a tracer is told when it is made.

/// How faults are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Red zones around each block and poison in freed ones, looked at when a block is freed, at a
    /// check, and at the end: sees writes, afterwards. 32 bytes, and a row of
    /// 16 bytes in an arena or a record of 56 in a heap.
    #[default]
    Canary,
    /// Each block ends at two inaccessible pages, and is inaccessible once freed: sees reads and
    /// writes, at the instruction. At least three pages of address space a block, one of memory.
    GuardAfter,
    /// Each block begins at two inaccessible pages: what [`Method::GuardAfter`] does, for underflows.
    GuardBefore,
}

/// Whether a tracer traces: a type, so that a tracer that is off compiles to nothing.
pub trait Mode: sealed::Sealed {
    /// Whether anything is written down.
    const ON: bool;
}

/// Trace.
#[derive(Debug, Clone, Copy)]
pub struct On(());

/// Do not: every call is the traced allocator's own.
#[derive(Debug, Clone, Copy)]
pub struct Off(());

/// Trace in builds with debug assertions only.
#[cfg(debug_assertions)]
pub type InDebug = On;
/// Trace in builds with debug assertions only.
#[cfg(not(debug_assertions))]
pub type InDebug = Off;

impl Mode for On {
    const ON: bool = true;
}

impl Mode for Off {
    const ON: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::On {}
    impl Sealed for super::Off {}
}

/// How to trace.
///
/// ```
/// use heap_trace::{Method, Settings};
///
/// let settings = Settings::new().method(Method::GuardAfter).backtraces(true);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "settings do nothing until a tracer is made with them"]
pub struct Settings {
    pub(crate) method: Method,
    pub(crate) backtraces: bool,
    pub(crate) quarantine: usize,
    pub(crate) quiet: bool,
    #[cfg(feature = "events")]
    pub(crate) events: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Begin with canaries, sites without stacks, and 32 KiB of quarantine.
    pub const fn new() -> Self {
        Self {
            method: Method::Canary,
            backtraces: false,
            quarantine: 32 << 10,
            quiet: false,
            #[cfg(feature = "events")]
            events: 0,
        }
    }

    /// Choose how faults are found.
    pub const fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Take the whole stack of every call, not only its line. About a microsecond a call; needs
    /// the feature `backtraces`.
    pub const fn backtraces(mut self, backtraces: bool) -> Self {
        self.backtraces = backtraces;
        self
    }

    /// Keep freed blocks from being used again until so many bytes are free: a write through an old
    /// pointer is seen as long as its block is quarantined.
    pub const fn quarantine(mut self, bytes: usize) -> Self {
        self.quarantine = bytes;
        self
    }

    /// Say nothing when a tracer is dropped whose faults no report has told. (Otherwise they are
    /// written to standard error then.)
    pub const fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Record what happens, for [`TracedArena::recording`](crate::TracedArena::recording) and
    /// [`Traced::recording`](crate::Traced::recording): so many events at most, those after are
    /// counted. 80 bytes each. (A [`TracedGlobal`](crate::TracedGlobal) records into a file, if its
    /// environment says which.)
    #[cfg(feature = "events")]
    pub const fn record(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Whether events are recorded.
    pub(crate) const fn records(&self) -> bool {
        #[cfg(feature = "events")]
        return self.events > 0;
        #[cfg(not(feature = "events"))]
        false
    }
}

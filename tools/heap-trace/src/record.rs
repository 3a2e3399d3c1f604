//! What the ledger knows of a block.

use std::alloc::Layout;
use std::panic::Location;
use std::ptr::NonNull;

use crate::stack::StackId;

/// Where a call was made.
pub(crate) type Place = &'static Location<'static>;

/// What has become of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Handed out and not given back.
    Live,
    /// Given back by its owner; not for use again yet.
    Freed,
    /// Given up with the whole arena, or with a scope.
    Rewound,
    /// Handed out by the arena underneath, past the tracer.
    Untraced,
}

/// A site as the ledger keeps it: the calling line, where the compiler passes it on, and the whole
/// stack, where that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) place: Option<Place>,
    pub(crate) stack: StackId,
}

impl Origin {
    pub(crate) const NONE: Self = Self {
        place: None,
        stack: StackId::NONE,
    };

    /// Tell whether two calls were made at the same site.
    pub(crate) fn is(self, other: Self) -> bool {
        self.place == other.place && self.stack == other.stack
    }

    #[inline(always)]
    pub(crate) fn at(place: Place) -> Self {
        Self {
            place: Some(place),
            stack: StackId::NONE,
        }
    }
}

/// One row of a ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    /// The first byte of the payload; with the provenance of the red zones around it too.
    pub(crate) payload: NonNull<u8>,
    /// Bytes asked for.
    pub(crate) size: usize,
    /// The block's number: how many were handed out before it.
    pub(crate) id: u64,
    /// Where it was allocated.
    allocated: Option<Place>,
    /// Where it was freed, once it was.
    freed: Option<Place>,
    allocated_stack: StackId,
    freed_stack: StackId,
    /// In a heap, the number of the thread that allocated it; 0 in an arena, which has one.
    pub(crate) thread: u32,
    /// The alignment asked for, as a power of two.
    align_log2: u8,
    pub(crate) state: State,
}

// SAFETY: a record is a note about a block, wherever the note is read; what its pointer may be used
// for is the business of whoever uses it.
unsafe impl Send for Record {}

impl Record {
    #[inline(always)]
    pub(crate) fn new(payload: NonNull<u8>, layout: Layout, id: u64, origin: Origin) -> Self {
        Self {
            payload,
            size: layout.size(),
            id,
            allocated: origin.place,
            freed: None,
            allocated_stack: origin.stack,
            freed_stack: StackId::NONE,
            thread: 0,
            align_log2: layout.align().trailing_zeros() as u8,
            state: State::Live,
        }
    }

    #[inline(always)]
    pub(crate) fn with(mut self, thread: u32) -> Self {
        self.thread = thread;
        self
    }

    #[inline(always)]
    pub(crate) fn align(&self) -> usize {
        1 << self.align_log2
    }

    #[inline(always)]
    pub(crate) fn layout(&self) -> Layout {
        // SAFETY: taken from a layout.
        unsafe { Layout::from_size_align_unchecked(self.size, self.align()) }
    }

    #[inline(always)]
    pub(crate) fn start(&self) -> usize {
        self.payload.addr().get()
    }

    /// The address behind the last byte.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        self.start() + self.size
    }

    #[inline(always)]
    pub(crate) fn mark_freed(&mut self, origin: Origin) {
        self.state = State::Freed;
        self.freed = origin.place;
        self.freed_stack = origin.stack;
    }

    pub(crate) fn allocated(&self) -> Origin {
        Origin {
            place: self.allocated,
            stack: self.allocated_stack,
        }
    }

    pub(crate) fn freed(&self) -> Origin {
        Origin {
            place: self.freed,
            stack: self.freed_stack,
        }
    }
}

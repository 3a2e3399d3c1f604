//! heap-trace around arena-core: with canaries, recording too, and off.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::Arena;
use heap_trace::{Mode, Off, On, Settings, TracedArena};

use super::Peer;
use crate::ability::{Frees, Make, frees};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "traced-off",
        title: "heap-trace, off",
        runs: &[
            (Workload::FreedLine, work::freed_line::<TracedArena<Off>>),
            (Workload::FreshLine, work::fresh_line::<TracedArena<Off>>),
            (
                Workload::FreshFreedLine,
                work::fresh_freed_line::<TracedArena<Off>>,
            ),
        ],
    },
    Peer {
        name: "traced-canary",
        title: "heap-trace, canaries",
        runs: &[
            (Workload::FreedLine, work::freed_line::<TracedArena<On>>),
            (Workload::FreshLine, work::fresh_line::<TracedArena<On>>),
            (
                Workload::FreshFreedLine,
                work::fresh_freed_line::<TracedArena<On>>,
            ),
        ],
    },
    Peer {
        name: "traced-recording",
        title: "heap-trace, canaries, recording",
        runs: &[(
            Workload::FreshFreedLine,
            work::fresh_freed_line::<Recording>,
        )],
    },
];

impl<M: Mode> Make for TracedArena<M> {
    fn make(bytes: usize) -> Self {
        Self::in_mode(Arena::make(bytes), Settings::new())
    }

    fn empty(&mut self) {
        self.reset();
    }
}

frees!(TracedArena<Off>);
frees!(TracedArena<On>);

/// A traced arena that keeps every event: two a block.
struct Recording(TracedArena);

/// Events of a pass, and room for more.
const EVENTS: usize = 1 << 20;

impl Make for Recording {
    fn make(bytes: usize) -> Self {
        let settings = Settings::new().record(EVENTS);
        Self(TracedArena::with(Arena::make(bytes), settings))
    }

    fn empty(&mut self) {
        self.0.reset();
    }
}

impl Frees for Recording {
    #[inline(always)]
    fn line(&self, layout: Layout) -> NonNull<u8> {
        self.0.line(layout)
    }

    #[inline(always)]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { Frees::free(&self.0, block, layout) }
    }
}

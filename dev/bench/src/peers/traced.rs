//! heap-trace around arena-core: with canaries, and off.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::Arena;
use heap_trace::{Mode, Off, On, Settings, TracedArena};

use super::Peer;
use crate::ability::{Make, frees};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "traced-off",
        title: "heap-trace, off",
        runs: &[
            (Workload::FreedLine, work::freed_line::<TracedArena<Off>>),
            (Workload::FreshLine, work::fresh_line::<TracedArena<Off>>),
        ],
    },
    Peer {
        name: "traced-canary",
        title: "heap-trace, canaries",
        runs: &[
            (Workload::FreedLine, work::freed_line::<TracedArena<On>>),
            (Workload::FreshLine, work::fresh_line::<TracedArena<On>>),
        ],
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

//! glibc's malloc, which is what `System` asks on this target.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use super::Peer;
use super::malloc::{Blocks, Malloc};
use super::threads::OwnArenas;
use crate::ability::{Frees, Make};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "glibc",
    title: "glibc malloc",
    runs: &[
        (Workload::OneU64, work::one_u64::<Blocks<Glibc>>),
        (Workload::FortyBytes, work::forty_bytes::<Blocks<Glibc>>),
        (Workload::MixedLayouts, work::mixed_layouts::<Blocks<Glibc>>),
        (
            Workload::SlicesAndStr,
            work::slices_and_str::<Blocks<Glibc>>,
        ),
        (Workload::VecPush, work::vec_push::<Blocks<Glibc>>),
        (Workload::VecFaults, work::vec_faults::<Blocks<Glibc>>),
        (Workload::ShortLived, work::short_lived::<Blocks<Glibc>>),
        (Workload::Rewind, work::rewind::<Blocks<Glibc>>),
        (Workload::Tree, work::tree::<Blocks<Glibc>>),
        (
            Workload::TwoThreads,
            work::two_threads::<OwnArenas<Blocks<Glibc>>>,
        ),
        (Workload::FreedLine, work::freed_line::<Plain>),
        (Workload::FreshLine, work::fresh_line::<Plain>),
        (Workload::FreshFreedLine, work::fresh_freed_line::<Plain>),
    ],
}];

pub(crate) struct Glibc;

impl Malloc for Glibc {
    type Global = System;

    const GLOBAL: System = System;
}

/// malloc and free, and nothing remembered.
struct Plain;

impl Make for Plain {
    fn make(_: usize) -> Self {
        Self
    }

    fn empty(&mut self) {}
}

impl Frees for Plain {
    #[inline(always)]
    fn line(&self, layout: Layout) -> NonNull<u8> {
        // SAFETY: a line has bytes.
        let block = unsafe { System.alloc(layout) };
        match NonNull::new(block) {
            Some(block) => block,
            None => std::alloc::handle_alloc_error(layout),
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block.as_ptr(), layout) }
    }
}

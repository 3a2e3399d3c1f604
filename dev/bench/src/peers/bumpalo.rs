//! bumpalo: chunks from malloc in a chain, bumped downward. It has no checkpoint: it resets.

use std::alloc::Layout;
use std::ptr::NonNull;

use bumpalo::Bump;

use super::Peer;
use super::threads::OwnArenas;
use crate::ability::{Copies, Layouts, Make, Rewinds, Short, Values, vecs};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "bumpalo",
    title: "bumpalo",
    runs: &[
        (Workload::OneU64, work::one_u64::<Bump>),
        (Workload::FortyBytes, work::forty_bytes::<Bump>),
        (Workload::MixedLayouts, work::mixed_layouts::<Bump>),
        (Workload::SlicesAndStr, work::slices_and_str::<Bump>),
        (Workload::VecPush, work::vec_push::<Bump>),
        (Workload::VecFaults, work::vec_faults::<Bump>),
        (Workload::ColdObjects, work::cold_objects::<Bump>),
        (Workload::ShortLived, work::short_lived::<Bump>),
        (Workload::Rewind, work::rewind::<Bump>),
        (Workload::Tree, work::tree::<Bump>),
        (Workload::TwoThreads, work::two_threads::<OwnArenas<Bump>>),
    ],
}];

impl Make for Bump {
    fn make(bytes: usize) -> Self {
        Bump::with_capacity(bytes)
    }

    fn make_cold(_: usize) -> Self {
        Bump::new()
    }

    fn empty(&mut self) {
        self.reset();
    }
}

impl<T: Copy> Values<T> for Bump {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        self.alloc(value)
    }
}

impl Layouts for Bump {
    #[inline(always)]
    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.alloc_layout(layout)
    }
}

impl Copies for Bump {
    #[inline(always)]
    fn bytes(&self, source: &[u8]) -> &[u8] {
        self.alloc_slice_copy(source)
    }

    #[inline(always)]
    fn text(&self, source: &str) -> &str {
        self.alloc_str(source)
    }
}

vecs!([] Bump, api02, self => self);

impl Rewinds for Bump {
    type Mark = ();

    #[inline(always)]
    fn mark(&mut self) {}

    #[inline(always)]
    unsafe fn rewind(&mut self, (): ()) {
        self.reset();
    }
}

impl Short for Bump {
    #[inline(always)]
    fn short() -> Self {
        Bump::new()
    }
}

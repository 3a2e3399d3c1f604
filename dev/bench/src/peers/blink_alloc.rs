//! blink-alloc: chunks from malloc, bumped upward; emptied by a reset, without checkpoints. Its
//! shared form keeps the bump pointer in an atomic.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

use api04::alloc::{AllocError, Global};
use blink_alloc::{Blink, SyncBlinkAlloc};

use super::Peer;
use super::threads::{OwnArenas, in_two_threads};
use crate::ability::{Copies, Layouts, Make, Rewinds, Short, TwoThreads, Values, vecs};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "blink-alloc",
        title: "blink-alloc",
        runs: &[
            (Workload::OneU64, work::one_u64::<Blink>),
            (Workload::FortyBytes, work::forty_bytes::<Blink>),
            (Workload::MixedLayouts, work::mixed_layouts::<Blink>),
            (Workload::SlicesAndStr, work::slices_and_str::<Blink>),
            (Workload::VecPush, work::vec_push::<Blink>),
            (Workload::VecFaults, work::vec_faults::<Blink>),
            (Workload::ColdObjects, work::cold_objects::<Blink>),
            (Workload::ShortLived, work::short_lived::<Blink>),
            (Workload::Rewind, work::rewind::<Blink>),
            (Workload::Tree, work::tree::<Blink>),
            (Workload::TwoThreads, work::two_threads::<OwnArenas<Blink>>),
        ],
    },
    Peer {
        name: "blink-alloc-local",
        title: "blink-alloc, shared, by `local`",
        runs: &[(Workload::TwoThreads, work::two_threads::<ByLocal>)],
    },
    Peer {
        name: "blink-alloc-shared",
        title: "blink-alloc, shared, by `&self`",
        runs: &[(Workload::TwoThreads, work::two_threads::<ByShared>)],
    },
];

impl Make for Blink {
    fn make(bytes: usize) -> Self {
        Blink::with_chunk_size(bytes)
    }

    fn make_cold(_: usize) -> Self {
        Blink::new()
    }

    fn empty(&mut self) {
        self.reset();
    }
}

impl<T: Copy> Values<T> for Blink {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        self.put_no_drop(value)
    }
}

impl Layouts for Blink {
    #[inline(always)]
    fn block(&self, layout: Layout) -> NonNull<u8> {
        match self.allocator().allocate(layout) {
            Ok(block) => block.cast(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Copies for Blink {
    #[inline(always)]
    fn bytes(&self, source: &[u8]) -> &[u8] {
        self.copy_slice(source)
    }

    #[inline(always)]
    fn text(&self, source: &str) -> &str {
        self.copy_str(source)
    }
}

vecs!([] Blink, api04, self => self.allocator());

impl Rewinds for Blink {
    type Mark = ();

    #[inline(always)]
    fn mark(&mut self) {}

    #[inline(always)]
    unsafe fn rewind(&mut self, (): ()) {
        self.reset();
    }
}

impl Short for Blink {
    #[inline(always)]
    fn short() -> Self {
        Blink::new()
    }
}

/// Both threads on one allocator, each through a handle of its own.
struct ByLocal(SyncBlinkAlloc);

impl Make for ByLocal {
    fn make(bytes: usize) -> Self {
        Self(SyncBlinkAlloc::with_chunk_size_in(bytes, Global))
    }

    fn empty(&mut self) {
        self.0.reset();
    }
}

impl TwoThreads for ByLocal {
    fn race(&mut self, count: u64) {
        in_two_threads(|| {
            let local = self.0.local();
            let mut n = count;
            while n != 0 {
                black_box(put(local.allocate(Layout::new::<u64>()), n));
                n -= 1;
            }
        });
    }
}

/// Both threads on one allocator.
struct ByShared(SyncBlinkAlloc);

impl Make for ByShared {
    fn make(bytes: usize) -> Self {
        Self(SyncBlinkAlloc::with_chunk_size_in(bytes, Global))
    }

    fn empty(&mut self) {
        self.0.reset();
    }
}

impl TwoThreads for ByShared {
    fn race(&mut self, count: u64) {
        in_two_threads(|| {
            let mut n = count;
            while n != 0 {
                black_box(put(self.0.allocate(Layout::new::<u64>()), n));
                n -= 1;
            }
        });
    }
}

/// Put a number into a block for one.
#[inline(always)]
fn put(block: Result<NonNull<[u8]>, AllocError>, n: u64) -> NonNull<u64> {
    let Ok(block) = block else {
        panic!("out of memory")
    };
    // SAFETY: the block is fresh, and for a `u64`.
    unsafe { block.cast::<u64>().write(n) };
    block.cast()
}

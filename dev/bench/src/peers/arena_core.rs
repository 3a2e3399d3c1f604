//! arena-core: as it comes, densely packed, and with the other choices of huge pages.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

use arena_core::policy::HugePages;
use arena_core::{Arena, Checkpoint, Policy, SyncArena};

use super::Peer;
use super::threads::{OwnArenas, in_two_threads};
use crate::ability::{Copies, Layouts, Make, Rewinds, Short, TwoThreads, Values, frees, vecs};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "arena-core",
        title: "arena-core",
        runs: &[
            (Workload::OneU64, work::one_u64::<Arena>),
            (Workload::FortyBytes, work::forty_bytes::<Arena>),
            (Workload::MixedLayouts, work::mixed_layouts::<Arena>),
            (Workload::SlicesAndStr, work::slices_and_str::<Arena>),
            (Workload::VecPush, work::vec_push::<Arena>),
            (Workload::VecFaults, work::vec_faults::<Arena>),
            (Workload::ColdObjects, work::cold_objects::<Arena>),
            (Workload::ShortLived, work::short_lived::<Arena>),
            (Workload::Rewind, work::rewind::<Arena>),
            (Workload::Tree, work::tree::<Arena>),
            (Workload::TwoThreads, work::two_threads::<OwnArenas<Arena>>),
            (Workload::FreedLine, work::freed_line::<Arena>),
            (Workload::FreshLine, work::fresh_line::<Arena>),
            (Workload::FreshFreedLine, work::fresh_freed_line::<Arena>),
        ],
    },
    Peer {
        name: "arena-core-1",
        title: "arena-core, min-align 1",
        runs: &[
            (Workload::OneU64, work::one_u64::<Arena<1>>),
            (Workload::FortyBytes, work::forty_bytes::<Arena<1>>),
            (Workload::MixedLayouts, work::mixed_layouts::<Arena<1>>),
            (Workload::SlicesAndStr, work::slices_and_str::<Arena<1>>),
            (Workload::VecPush, work::vec_push::<Arena<1>>),
            (Workload::Rewind, work::rewind::<Arena<1>>),
            (Workload::Tree, work::tree::<Arena<1>>),
        ],
    },
    Peer {
        name: "arena-core-small-pages",
        title: "arena-core, huge pages never",
        runs: &[
            (Workload::VecFaults, work::vec_faults::<SmallPages>),
            (Workload::ColdObjects, work::cold_objects::<SmallPages>),
        ],
    },
    Peer {
        name: "arena-core-huge-pages",
        title: "arena-core, huge pages always",
        runs: &[
            (Workload::VecFaults, work::vec_faults::<AllHuge>),
            (Workload::ColdObjects, work::cold_objects::<AllHuge>),
        ],
    },
    Peer {
        name: "arena-core-local",
        title: "arena-core, one `SyncArena`, by `local()`",
        runs: &[(Workload::TwoThreads, work::two_threads::<ByLocal>)],
    },
    Peer {
        name: "arena-core-shared",
        title: "arena-core, one `SyncArena`, by `&self`",
        runs: &[(Workload::TwoThreads, work::two_threads::<ByShared>)],
    },
];

impl<const MIN_ALIGN: usize> Make for Arena<MIN_ALIGN> {
    fn make(_: usize) -> Self {
        build(Policy::new())
    }

    fn empty(&mut self) {
        self.reset();
    }
}

fn build<const MIN_ALIGN: usize>(policy: Policy) -> Arena<MIN_ALIGN> {
    match policy.build_with_min_align() {
        Ok(arena) => arena,
        Err(error) => panic!("{error}"),
    }
}

impl<T: Copy, const MIN_ALIGN: usize> Values<T> for Arena<MIN_ALIGN> {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        self.alloc(value)
    }
}

impl<const MIN_ALIGN: usize> Layouts for Arena<MIN_ALIGN> {
    #[inline(always)]
    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.alloc_layout(layout)
    }
}

impl<const MIN_ALIGN: usize> Copies for Arena<MIN_ALIGN> {
    #[inline(always)]
    fn bytes(&self, source: &[u8]) -> &[u8] {
        self.alloc_slice_copy(source)
    }

    #[inline(always)]
    fn text(&self, source: &str) -> &str {
        self.alloc_str(source)
    }
}

vecs!([const MIN_ALIGN: usize] Arena<MIN_ALIGN>, api02, self => self);
frees!(Arena);

impl<const MIN_ALIGN: usize> Rewinds for Arena<MIN_ALIGN> {
    type Mark = Checkpoint;

    #[inline(always)]
    fn mark(&mut self) -> Checkpoint {
        self.checkpoint()
    }

    #[inline(always)]
    unsafe fn rewind(&mut self, mark: Checkpoint) {
        // SAFETY: passed on.
        unsafe { Arena::rewind(self, mark) }
    }
}

impl Short for Arena {
    #[inline(always)]
    fn short() -> Self {
        Arena::pooled()
    }
}

/// Both threads on one arena, each through a handle of its own.
struct ByLocal(SyncArena);

impl Make for ByLocal {
    fn make(_: usize) -> Self {
        Self(SyncArena::new())
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
                black_box(local.alloc(n));
                n -= 1;
            }
        });
    }
}

/// Both threads on one arena.
struct ByShared(SyncArena);

impl Make for ByShared {
    fn make(_: usize) -> Self {
        Self(SyncArena::new())
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
                black_box(self.0.alloc(n));
                n -= 1;
            }
        });
    }
}

/// An arena whose policy differs in huge pages, for page faults only.
struct WithHugePages<const ALWAYS: bool>(Arena);

type SmallPages = WithHugePages<false>;
type AllHuge = WithHugePages<true>;

impl<const ALWAYS: bool> Make for WithHugePages<ALWAYS> {
    fn make(_: usize) -> Self {
        let huge_pages = if ALWAYS {
            HugePages::Always
        } else {
            HugePages::Never
        };
        Self(build(Policy::new().huge_pages(huge_pages)))
    }

    fn empty(&mut self) {
        self.0.reset();
    }
}

impl<T: Copy, const ALWAYS: bool> Values<T> for WithHugePages<ALWAYS> {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        self.0.alloc(value)
    }
}

vecs!([const ALWAYS: bool] WithHugePages<ALWAYS>, api02, self => &self.0);

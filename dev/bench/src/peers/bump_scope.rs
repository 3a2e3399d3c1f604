//! bump-scope: chunks from malloc, bumped upward; minimum alignment 8, and 1, its default.

use std::alloc::Layout;
use std::ptr::NonNull;

use bump_scope::settings::BumpSettings;
use bump_scope::traits::BumpAllocatorTyped as _;
use bump_scope::{Bump, Checkpoint, alloc::Global};

use super::Peer;
use super::threads::OwnArenas;
use crate::ability::{Copies, Layouts, Make, Rewinds, Short, Values, vecs};
use crate::work::{self, Workload};

macro_rules! bump {
    ($arena:ident = $min_align:literal) => {
        type $arena = Bump<Global, BumpSettings<$min_align>>;

        impl Make for $arena {
            fn make(bytes: usize) -> Self {
                Bump::with_size(bytes)
            }

            fn make_cold(_: usize) -> Self {
                Bump::new()
            }

            fn empty(&mut self) {
                self.reset();
            }
        }

        impl<T: Copy> Values<T> for $arena {
            #[inline(always)]
            fn value(&self, value: T) -> &T {
                self.alloc(value).into_ref()
            }
        }

        impl Layouts for $arena {
            #[inline(always)]
            fn block(&self, layout: Layout) -> NonNull<u8> {
                self.allocate_layout(layout)
            }
        }

        impl Copies for $arena {
            #[inline(always)]
            fn bytes(&self, source: &[u8]) -> &[u8] {
                self.alloc_slice_copy(source).into_ref()
            }

            #[inline(always)]
            fn text(&self, source: &str) -> &str {
                self.alloc_str(source).into_ref()
            }
        }

        vecs!([] $arena, api02, self => self);

        impl Rewinds for $arena {
            type Mark = Checkpoint;

            #[inline(always)]
            fn mark(&mut self) -> Checkpoint {
                self.checkpoint()
            }

            #[inline(always)]
            unsafe fn rewind(&mut self, mark: Checkpoint) {
                // SAFETY: passed on.
                unsafe { self.reset_to(mark) }
            }
        }

        impl Short for $arena {
            #[inline(always)]
            fn short() -> Self {
                Bump::new()
            }
        }
    };
}

bump!(Dense = 1);
bump!(Aligned = 8);

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "bump-scope-8",
        title: "bump-scope, min-align 8",
        runs: &[
            (Workload::OneU64, work::one_u64::<Aligned>),
            (Workload::FortyBytes, work::forty_bytes::<Aligned>),
            (Workload::MixedLayouts, work::mixed_layouts::<Aligned>),
            (Workload::SlicesAndStr, work::slices_and_str::<Aligned>),
            (Workload::VecPush, work::vec_push::<Aligned>),
            (Workload::VecFaults, work::vec_faults::<Aligned>),
            (Workload::ColdObjects, work::cold_objects::<Aligned>),
            (Workload::ShortLived, work::short_lived::<Aligned>),
            (Workload::Rewind, work::rewind::<Aligned>),
            (Workload::Tree, work::tree::<Aligned>),
            (
                Workload::TwoThreads,
                work::two_threads::<OwnArenas<Aligned>>,
            ),
        ],
    },
    Peer {
        name: "bump-scope",
        title: "bump-scope",
        runs: &[
            (Workload::OneU64, work::one_u64::<Dense>),
            (Workload::FortyBytes, work::forty_bytes::<Dense>),
            (Workload::MixedLayouts, work::mixed_layouts::<Dense>),
            (Workload::SlicesAndStr, work::slices_and_str::<Dense>),
            (Workload::VecPush, work::vec_push::<Dense>),
            (Workload::VecFaults, work::vec_faults::<Dense>),
            (Workload::ColdObjects, work::cold_objects::<Dense>),
            (Workload::ShortLived, work::short_lived::<Dense>),
            (Workload::Rewind, work::rewind::<Dense>),
            (Workload::Tree, work::tree::<Dense>),
            (Workload::TwoThreads, work::two_threads::<OwnArenas<Dense>>),
        ],
    },
];

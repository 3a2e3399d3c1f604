//! mimalloc, called directly: it is not the program's global allocator.

use mimalloc::MiMalloc;

use super::Peer;
use super::malloc::{Blocks, Malloc};
use super::threads::OwnArenas;
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "mimalloc",
    title: "mimalloc",
    runs: &[
        (Workload::OneU64, work::one_u64::<Blocks<Mimalloc>>),
        (Workload::FortyBytes, work::forty_bytes::<Blocks<Mimalloc>>),
        (
            Workload::MixedLayouts,
            work::mixed_layouts::<Blocks<Mimalloc>>,
        ),
        (
            Workload::SlicesAndStr,
            work::slices_and_str::<Blocks<Mimalloc>>,
        ),
        (Workload::VecPush, work::vec_push::<Blocks<Mimalloc>>),
        (Workload::VecFaults, work::vec_faults::<Blocks<Mimalloc>>),
        (Workload::ShortLived, work::short_lived::<Blocks<Mimalloc>>),
        (Workload::Rewind, work::rewind::<Blocks<Mimalloc>>),
        (Workload::Tree, work::tree::<Blocks<Mimalloc>>),
        (
            Workload::TwoThreads,
            work::two_threads::<OwnArenas<Blocks<Mimalloc>>>,
        ),
    ],
}];

pub(crate) struct Mimalloc;

impl Malloc for Mimalloc {
    type Global = MiMalloc;

    const GLOBAL: MiMalloc = MiMalloc;
}

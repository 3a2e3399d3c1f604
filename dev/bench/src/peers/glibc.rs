//! glibc's malloc, which is what `System` asks on this target.

use std::alloc::System;

use super::Peer;
use super::malloc::{Blocks, Malloc};
use super::threads::OwnArenas;
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
    ],
}];

pub(crate) struct Glibc;

impl Malloc for Glibc {
    type Global = System;

    const GLOBAL: System = System;
}

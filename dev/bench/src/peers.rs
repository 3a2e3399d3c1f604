//! The peers: one module each, with what it can do and the list of workloads it takes part in.

use crate::measure::{Measured, Task};
use crate::work::Workload;

mod arena_core;
#[cfg(feature = "peers")]
mod blink_alloc;
#[cfg(feature = "peers")]
mod bump_scope;
#[cfg(feature = "peers")]
mod bumpalo;
mod glibc;
mod limit;
mod malloc;
#[cfg(feature = "mimalloc")]
mod mimalloc;
mod threads;
#[cfg(feature = "traced")]
mod traced;
#[cfg(feature = "peers")]
mod typed_arena;

/// Somebody who takes part.
pub(crate) struct Peer {
    /// For the command line and the data files.
    pub(crate) name: &'static str,
    /// For the tables.
    pub(crate) title: &'static str,
    pub(crate) runs: &'static [(Workload, Run)],
}

/// A workload, compiled for a peer.
pub(crate) type Run = fn(Task) -> Measured;

/// Everybody who is built in, in the order of the tables.
pub(crate) fn all() -> impl Iterator<Item = &'static Peer> {
    LISTS.iter().copied().flatten()
}

const LISTS: &[&[Peer]] = &[
    limit::PEERS,
    arena_core::PEERS,
    #[cfg(feature = "traced")]
    traced::PEERS,
    #[cfg(feature = "peers")]
    bumpalo::PEERS,
    #[cfg(feature = "peers")]
    bump_scope::PEERS,
    #[cfg(feature = "peers")]
    blink_alloc::PEERS,
    #[cfg(feature = "peers")]
    typed_arena::PEERS,
    glibc::PEERS,
    #[cfg(feature = "mimalloc")]
    mimalloc::PEERS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_does_what_its_list_says() {
        for peer in all() {
            for (workload, run) in peer.runs {
                let count = match workload {
                    Workload::Tree => 5,
                    Workload::MixedLayouts | Workload::SlicesAndStr => 16_384,
                    _ => 1000,
                };
                // A tree checks itself; elsewhere, arriving is what is tested.
                let measured = run(Task { count, passes: 2 });
                assert!(measured.faults >= 0, "{} on {}", workload.name(), peer.name);
            }
        }
    }

    #[test]
    fn a_name_means_one_peer() {
        let mut names: Vec<_> = all().map(|peer| peer.name).collect();
        names.sort_unstable();
        let all_of_them = names.len();
        names.dedup();
        assert_eq!(names.len(), all_of_them);
    }
}

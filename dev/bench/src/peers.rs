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
mod own_arena;
#[cfg(feature = "peers")]
mod typed_arena;

/// Somebody who takes part.
pub(crate) struct Peer {
    /// For the command line and the data files.
    pub(crate) name: &'static str,
    /// For the tables.
    pub(crate) title: &'static str,
    pub(crate) runs: &'static [(Workload, fn(Task) -> Measured)],
}

/// Everybody who is built in, in the order of the tables.
pub(crate) fn all() -> impl Iterator<Item = &'static Peer> {
    let lists: &[&'static [Peer]] = &[
        limit::PEERS,
        arena_core::PEERS,
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
    lists.to_vec().into_iter().flatten()
}

//! typed-arena: vectors of one type in a chain. It stores values, and nothing else; it is not
//! emptied but dropped, so its second pass is on a fresh one.

use typed_arena::Arena;

use super::Peer;
use crate::ability::{Make, Short, Values};
use crate::work::{self, Forty, Line, Node, Workload};

pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "typed-arena",
    title: "typed-arena",
    runs: &[
        (Workload::OneU64, work::one_u64::<Arena<u64>>),
        (Workload::FortyBytes, work::forty_bytes::<Arena<Forty>>),
        (Workload::ColdObjects, work::cold_objects::<Arena<Line>>),
        (Workload::ShortLived, work::short_lived::<Arena<Forty>>),
        (Workload::Tree, work::tree::<Arena<Node>>),
    ],
}];

impl<T> Make for Arena<T> {
    fn make(bytes: usize) -> Self {
        Arena::with_capacity(bytes / size_of::<T>())
    }

    fn make_cold(_: usize) -> Self {
        Arena::new()
    }

    fn empty(&mut self) {
        *self = Arena::with_capacity(self.len());
    }
}

impl<T: Copy> Values<T> for Arena<T> {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        self.alloc(value)
    }
}

impl<T> Short for Arena<T> {
    #[inline(always)]
    fn short() -> Self {
        Arena::new()
    }
}

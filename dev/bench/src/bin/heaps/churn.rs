//! Free a random block and allocate another, with so many live.

use std::ptr::NonNull;

use crate::clock::Moment;
use crate::peers::{Heap, Peer};
use crate::random::Random;

/// How many blocks are live.
pub(crate) const LIVE: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// A heap in the middle of a churn.
pub(crate) struct Churn {
    heap: Box<dyn Heap>,
    blocks: Vec<(NonNull<u8>, usize)>,
    random: Random,
    pairs: usize,
}

impl Churn {
    /// Fill a heap with so many live blocks, and let it come to its usual state.
    pub(crate) fn new(peer: Peer, live: usize) -> Self {
        // The walker at 100,000 blocks takes a day for what the others do in a second.
        let (pairs, warm) = match (peer, live) {
            (Peer::Walker, 100_000) => (150, 100),
            (Peer::Walker, 10_000) => (1_000, 2_000),
            (Peer::Walker, _) => (5_000, 5_000),
            _ => (200_000, 2 * live + 10_000),
        };
        let mut churn = Self::with_pairs(peer, live, warm);
        churn.round();
        churn.pairs = pairs;
        churn
    }

    /// Fill a heap, and churn so many pairs in a round.
    pub(crate) fn with_pairs(peer: Peer, live: usize, pairs: usize) -> Self {
        let mut random = Random::new(live as u64);
        let mut heap = peer.make(live * 280 + (1 << 16));
        let blocks = (0..live).map(|_| {
            let size = random.size();
            (heap.alloc(size).expect("room for all"), size)
        });
        let blocks = blocks.collect();
        Self {
            heap,
            blocks,
            random,
            pairs,
        }
    }

    /// Time some pairs; returns nanoseconds for one.
    pub(crate) fn round(&mut self) -> f64 {
        let start = Moment::now();
        for _ in 0..self.pairs {
            let index = self.random.below(self.blocks.len());
            let (block, size) = self.blocks[index];
            // SAFETY: it is live, and replaced in the list at once.
            unsafe { self.heap.free(block, size) };
            let size = self.random.size();
            let block = self.heap.alloc(size).expect("room for all");
            self.blocks[index] = (block, size);
        }
        start.elapsed() / self.pairs as f64
    }
}

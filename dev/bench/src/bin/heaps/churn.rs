//! Free a random block and allocate another, with so many live.

use std::ptr::NonNull;

use crate::clock::Moment;
use crate::peers::{Heap, Peer};
use crate::random::Random;

/// What a column of the table measures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// How many blocks are live.
    pub(crate) live: usize,
    /// Whether the place in the list of the block that goes next is fetched one pair ahead: the list is the
    /// loop's and not the heap's, and a program has the pointer that it frees at hand.
    pub(crate) list_ahead: bool,
}

impl Setting {
    pub(crate) const ALL: [Self; 5] = [
        Self::with(100),
        Self::with(1_000),
        Self::with(10_000),
        Self::with(100_000),
        Self {
            live: 100_000,
            list_ahead: false,
        },
    ];

    /// So many live, and the list fetched ahead.
    pub(crate) const fn with(live: usize) -> Self {
        Self {
            live,
            list_ahead: true,
        }
    }

    /// The head of the column.
    pub(crate) fn name(self) -> String {
        let list = if self.list_ahead {
            ""
        } else {
            ", and a wait for the list"
        };
        format!("{} live{list}", self.live)
    }
}

/// A heap in the middle of a churn.
pub(crate) struct Churn {
    heap: Box<dyn Heap>,
    blocks: Vec<(NonNull<u8>, usize)>,
    random: Random,
    pairs: usize,
    list_ahead: bool,
}

impl Churn {
    /// Fill a heap with so many live blocks, and let it come to its usual state.
    pub(crate) fn new(peer: Peer, setting: Setting) -> Self {
        // The walker at 100,000 blocks takes a day for what the others do in a second.
        let live = setting.live;
        let (pairs, warm) = match (peer, live) {
            (Peer::Walker, 100_000) => (150, 100),
            (Peer::Walker, 10_000) => (1_000, 2_000),
            (Peer::Walker, _) => (5_000, 5_000),
            _ => (200_000, 2 * live + 10_000),
        };
        let mut churn = Self::with_pairs(peer, setting, warm);
        churn.round();
        churn.pairs = pairs;
        churn
    }

    /// Fill a heap, and churn so many pairs in a round.
    pub(crate) fn with_pairs(peer: Peer, setting: Setting, pairs: usize) -> Self {
        let Setting { live, list_ahead } = setting;
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
            list_ahead,
        }
    }

    /// Time some pairs; returns nanoseconds for one.
    pub(crate) fn round(&mut self) -> f64 {
        let mut next = self.random.below(self.blocks.len());
        let start = Moment::now();
        for _ in 0..self.pairs {
            let index = next;
            next = self.random.below(self.blocks.len());
            if self.list_ahead {
                fetch(&self.blocks[next]);
            }
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

/// Let the processor fetch a place, where it can be asked to.
#[inline(always)]
fn fetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

//! Two threads, each with an arena of its own: what sharing one is measured against.

use std::hint::black_box;

use crate::ability::{Make, TwoThreads, Values};

/// Two arenas, each on cache lines of its own.
pub(crate) struct OwnArenas<A>([Apart<A>; 2]);

#[repr(align(128))]
struct Apart<A>(A);

impl<A: Make> Make for OwnArenas<A> {
    fn make(bytes: usize) -> Self {
        Self([Apart(A::make(bytes / 2)), Apart(A::make(bytes / 2))])
    }

    fn empty(&mut self) {
        for Apart(arena) in &mut self.0 {
            arena.empty();
        }
    }
}

impl<A: Make + Values<u64> + Send> TwoThreads for OwnArenas<A> {
    fn race(&mut self, count: u64) {
        #[inline(never)]
        fn work<A: Values<u64>>(arena: &A, count: u64) {
            let mut n = count;
            while n != 0 {
                black_box(arena.value(n));
                n -= 1;
            }
        }
        std::thread::scope(|scope| {
            for Apart(arena) in &mut self.0 {
                scope.spawn(|| {
                    work(arena, count);
                    arena.free_each();
                });
            }
        });
    }
}

/// Run a body in two threads at once.
pub(crate) fn in_two_threads(body: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(&body);
        }
    });
}

//! Two threads, each with an arena of its own: what sharing one is measured against.

use std::hint::black_box;

use crate::ability::{Make, Values};

pub(crate) fn race_on_own_arenas<A: Make + Values<u64>>(count: u64) {
    race(|| {
        let mut arena = A::make(usize::try_from(count).expect("it fits") * 8 + (1 << 16));
        let mut n = count;
        while n != 0 {
            black_box(arena.value(n));
            n -= 1;
        }
        arena.free_each();
    });
}

/// Run a body in two threads at once.
pub(crate) fn race(body: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        let other = scope.spawn(&body);
        body();
        other.join().expect("a thread that does not panic");
    });
}

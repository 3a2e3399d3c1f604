//! The one word that threads contend for.

use core::alloc::Layout;

#[cfg(loom)]
use loom::sync::atomic::{AtomicUsize, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bump::{self, Placement};

/// Blocks taken from a cursor are multiples of this.
pub(super) const MIN_ALIGN: usize = 8;

/// An address that only rises.
///
/// Relaxed is enough: two takers never get the same bytes, whatever the order, and whoever passes
/// bytes on to another thread synchronises with it for that.
#[repr(transparent)]
pub(super) struct Cursor(AtomicUsize);

impl Cursor {
    pub(super) fn at(address: usize) -> Self {
        Self(AtomicUsize::new(address))
    }

    /// Take a block below `end`. Lock-free: a failed attempt means that another taker succeeded.
    pub(super) fn take(&self, end: usize, layout: Layout) -> Option<Placement> {
        let mut at = self.0.load(Ordering::Relaxed);
        loop {
            let placed = bump::place_exactly::<MIN_ALIGN>(at, end, layout.size(), layout.align())?;
            // Not an addition: refused, it would have to be taken back, and others would see it.
            match self
                .0
                .compare_exchange_weak(at, placed.end, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(placed),
                Err(now) => at = now,
            }
        }
    }

    /// Give a block back, if it is still the last that was taken; otherwise it is lost.
    pub(super) fn untake(&self, placed: Placement) {
        let _ = self.0.compare_exchange(
            placed.end,
            placed.start,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Go back; nobody else is taking.
    pub(super) fn set(&self, address: usize) {
        self.0.store(address, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Every order in which three threads can take.
    #[test]
    fn no_two_takers_get_the_same_bytes_and_none_is_lost() {
        loom::model(|| {
            let cursor = Arc::new(Cursor::at(64));
            let take = |cursor: &Cursor, size| {
                cursor
                    .take(64 + 40, Layout::from_size_align(size, 8).unwrap())
                    .map(|placed| (placed.start, placed.end))
            };
            let others: Vec<_> = [16, 8]
                .map(|size| {
                    let cursor = Arc::clone(&cursor);
                    thread::spawn(move || take(&cursor, size))
                })
                .into();
            let mut taken = vec![take(&cursor, 24)];
            taken.extend(others.into_iter().map(|thread| thread.join().unwrap()));
            let mut taken: Vec<_> = taken.into_iter().flatten().collect();
            taken.sort_unstable();
            // 48 bytes were asked of 40: whoever comes too late is refused, whole.
            assert!(taken.len() >= 2);
            assert!(
                taken.windows(2).all(|pair| pair[0].1 == pair[1].0),
                "{taken:?}"
            );
            assert_eq!((taken[0].0, taken[taken.len() - 1].1), (64, cursor.get()));
            assert!(cursor.get() <= 104);
        });
    }
}

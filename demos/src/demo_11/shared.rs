//! An arena by hand that two threads may call, in a wrong way, in a way that is half right, and in a right one.

use super::BLOCK;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes and an offset, both shared.
pub(super) struct Shared<'a> {
    /// The region. Each byte is an atomic, so that no order of steps is a data race.
    pub(super) bytes: &'a [AtomicU8],
    /// How much is handed out.
    pub(super) offset: AtomicUsize,
}

// Relaxed is enough throughout: who owns a block is decided by the one offset, and every atomic has one order of
// changes that all threads agree on. What is written into a block is handed to nobody here.
impl Shared<'_> {
    // stamp: wrong
    /// The first half of `alloc` as one thread would write it: look, and check the bound.
    pub(super) fn look(&self, size: usize) -> Option<usize> {
        let start = self.offset.load(Ordering::Relaxed);
        (size <= self.bytes.len() - start).then_some(start)
    }

    /// The second half: move the offset from where it *was*.
    pub(super) fn take(&self, start: usize, size: usize) {
        self.offset.store(start + size, Ordering::Relaxed);
    }
    // /stamp: wrong

    // stamp: add
    /// Moves the offset in one step, and looks at the bound afterwards.
    pub(super) fn add_then_check(&self, size: usize) -> Option<usize> {
        let start = self.offset.fetch_add(size, Ordering::Relaxed);
        let fits = start <= self.bytes.len() && size <= self.bytes.len() - start;
        fits.then_some(start)
    }
    // /stamp: add

    // stamp: exchange
    /// The second half, done right: move the offset only if it is still where it was. Returns where it is, if not.
    pub(super) fn take_if_still(&self, start: usize, size: usize) -> Result<(), usize> {
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        self.offset
            .compare_exchange(start, start + size, success, failure)
            .map(drop)
    }

    /// Look, check, move; and all again if somebody was faster.
    pub(super) fn alloc(&self, size: usize) -> Option<usize> {
        loop {
            let start = self.look(size)?;
            if self.take_if_still(start, size).is_ok() {
                return Some(start);
            }
        }
    }
    // /stamp: exchange

    pub(super) fn write(&self, start: usize, text: &str) {
        let text = text.bytes().chain([0]);
        for (to, byte) in self.bytes[start..start + BLOCK].iter().zip(text) {
            to.store(byte, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, start: usize) -> [u8; BLOCK] {
        std::array::from_fn(|offset| self.bytes[start + offset].load(Ordering::Relaxed))
    }
}

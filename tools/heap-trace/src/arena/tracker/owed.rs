//! Destructors owed to values of a traced arena.

use std::ptr::NonNull;

/// A value that is to be dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owed {
    value: NonNull<u8>,
    /// Where it stands: see [`Tracker::owe`](super::Tracker::owe).
    at: u64,
    drop: unsafe fn(NonNull<u8>),
}

// SAFETY: `Owed::to` takes values that can be sent only.
unsafe impl Send for Owed {}

impl Owed {
    /// # Safety
    ///
    /// `value` leads to a value that nobody else drops, and that stays there until this is run.
    pub(super) unsafe fn to<T: Send>(value: NonNull<T>, at: u64) -> Self {
        unsafe fn drop_in_place<T>(value: NonNull<u8>) {
            // SAFETY: the caller's promise, by `run_from`.
            unsafe { value.cast::<T>().drop_in_place() }
        }
        Self {
            value: value.cast(),
            at,
            drop: drop_in_place::<T>,
        }
    }

    pub(super) fn is_from(&self, at: u64) -> bool {
        self.at >= at
    }

    /// Run destructors until there is no next one; also those after one that panics.
    pub(crate) fn run_from(next: impl FnMut() -> Option<Self>) {
        struct Rest<F: FnMut() -> Option<Owed>>(F);
        impl<F: FnMut() -> Option<Owed>> Drop for Rest<F> {
            fn drop(&mut self) {
                while let Some(owed) = (self.0)() {
                    // SAFETY: each is taken from the table once, and was promised to it.
                    unsafe { (owed.drop)(owed.value) };
                }
            }
        }
        let mut rest = Rest(next);
        while let Some(owed) = (rest.0)() {
            // SAFETY: as above.
            unsafe { (owed.drop)(owed.value) };
        }
    }
}

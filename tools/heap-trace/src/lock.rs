//! A lock that allocates nothing and asks the OS for nothing: it is taken inside allocators.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

/// A value that one thread at a time may use.
///
/// Whoever waits gives its time slice away. A thread that takes it twice waits for ever, so what is
/// done under it calls nothing that could come back here.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is used by one thread at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn take(&self) -> Taken<'_, T> {
        while self.taken.swap(true, Ordering::Acquire) {
            while self.taken.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        }
        Taken(self)
    }

    /// Take the lock and keep it taken until [`Lock::release`].
    pub(crate) fn hold(&self) {
        std::mem::forget(self.take());
    }

    /// Release what [`Lock::hold`] holds.
    pub(crate) fn release(&self) {
        self.taken.store(false, Ordering::Release);
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The right to use the value, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a, T>(&'a Lock<T>);

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is taken, so nobody else uses the value.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.0.release();
    }
}

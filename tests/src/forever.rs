//! What a subject borrows for good, and a leak checker is not to take for lost.

use std::sync::{Mutex, PoisonError};

/// Leak a value, and remember where it is.
///
/// A leak checker calls a leaked box lost as soon as nothing points at it: the memory below a subject
/// that a test is done with. What is remembered here is "still reachable".
pub fn forever<T: ?Sized>(value: Box<T>) -> &'static mut T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let value = Box::leak(value);
    let address = (&raw const *value).addr();
    KEPT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(address);
    value
}

//! Make the n-th kernel call of a kind fail, on this thread: the hook for failure tests.
//!
//! ```
//! use arena_core::region::{failure, Operation, Region};
//!
//! let _plan = failure::fail(Operation::Map, 2, 12);         // the second map gets ENOMEM
//! let first = Region::anonymous(4096);
//! let second = Region::anonymous(4096);
//! let third = Region::anonymous(4096);
//! assert!(first.is_ok() && second.is_err() && third.is_ok());
//! ```

use core::cell::Cell;

use super::Operation;

thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Plan {
    operation: Operation,
    /// Calls left until the one that fails; 0 once it has failed.
    countdown: u32,
    errno: i32,
    fired: u32,
}

/// Ends the plan on drop, and tells how often it has fired.
#[must_use = "the plan ends when this is dropped"]
#[derive(Debug)]
pub struct Planned(());

impl Planned {
    /// Count the calls that were made to fail.
    pub fn fired(&self) -> u32 {
        PLAN.get().map_or(0, |plan| plan.fired)
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        PLAN.set(None);
    }
}

/// Make the `nth` call (from 1) of `operation` on this thread fail with `errno`.
pub fn fail(operation: Operation, nth: u32, errno: i32) -> Planned {
    PLAN.set(Some(Plan {
        operation,
        countdown: nth,
        errno,
        fired: 0,
    }));
    Planned(())
}

/// Who decides about each kernel call of a thread: the errno to fail it with, or nothing.
pub type Hook = fn(Operation) -> Option<i32>;

thread_local! {
    static HOOK: Cell<Option<Hook>> = const { Cell::new(None) };
}

/// Ends the asking on drop.
#[must_use = "nobody is asked once this is dropped"]
#[derive(Debug)]
pub struct Asking(());

impl Drop for Asking {
    fn drop(&mut self) {
        HOOK.set(None);
    }
}

/// Ask `hook` before each kernel call of this thread, for plans kept elsewhere.
pub fn ask(hook: Hook) -> Asking {
    HOOK.set(Some(hook));
    Asking(())
}

/// Return the errno if the call that is about to be made is the one to fail.
pub(super) fn due(operation: Operation) -> Option<i32> {
    if let Some(errno) = HOOK.get().and_then(|hook| hook(operation)) {
        return Some(errno);
    }
    let mut plan = PLAN.get()?;
    if plan.operation != operation || plan.countdown == 0 {
        return None;
    }
    plan.countdown -= 1;
    let fires = plan.countdown == 0;
    plan.fired += u32::from(fires);
    PLAN.set(Some(plan));
    fires.then_some(plan.errno)
}

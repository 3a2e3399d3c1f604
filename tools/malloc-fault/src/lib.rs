//! Makes allocation fail on purpose, knows about retries, and tells which error paths really ran.
//!
//! Failing "the 5th malloc" looks like a test of an error path and is none when the code under test retries: the retry
//! succeeds, the function returns a good pointer, and the test passes.
//!
//! ```
//! use malloc_fault::FaultPlan;
//!
//! let once = FaultPlan::new(5, 1)?; // call 5
//! let twice = FaultPlan::new(5, 2)?; // and the retry that follows it
//! # let _ = (once, twice);
//! # Ok::<(), malloc_fault::PlanError>(())
//! ```
//!
//! * Any program, in any language: the command `malloc-fault` (`trace`, `run`, `sweep`), or `Launch` from Rust.
//! * Rust code in a test: [`exhaust`] runs a closure once per failure point; [`FaultAlloc`] makes an allocator fail, and
//!   [`with_faults`] says when, for one thread and one closure.
//! * The thing under test, for study: [`heap::TrackedHeap`], which tracks its blocks and retries.

pub mod channel;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod command;
pub mod decide;
#[cfg(all(target_os = "linux", feature = "command"))]
mod error;
mod exhaust;
mod fault_alloc;
pub mod heap;
#[cfg(all(target_os = "linux", feature = "command"))]
mod interposer;
#[cfg(all(target_os = "linux", feature = "command"))]
mod interrupt;
#[cfg(all(target_os = "linux", feature = "command"))]
mod launch;
pub mod plan;
mod scoped;
#[cfg(all(target_os = "linux", feature = "command"))]
mod shared;
#[cfg(all(target_os = "linux", feature = "command"))]
mod sweep;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod symbols;
#[cfg(all(target_os = "linux", feature = "command"))]
mod target;
mod text;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod trace;

#[cfg(all(target_os = "linux", feature = "command"))]
pub use error::Error;
pub use exhaust::{Exhausted, Outcome, Point, exhaust};
pub use fault_alloc::FaultAlloc;
#[cfg(all(target_os = "linux", feature = "command"))]
pub use launch::{Launch, Run};
pub use plan::{FaultPlan, PlanError};
pub use scoped::{Tally, fails, with_faults};

/// Passes the interposer's marker: its counters are zeroed, and a plan with `after=marker` begins. False if this process was not
/// started under malloc-fault.
///
/// A program in C declares `void malloc_fault_marker(void)` weak and calls it if it is there.
#[cfg(target_os = "linux")]
pub fn marker() -> bool {
    // SAFETY: the name ends with a NUL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc_fault_marker".as_ptr()) };
    if found.is_null() {
        return false;
    }
    // SAFETY: the interposer's function of this name has this type.
    let function = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn()>(found) };
    function();
    true
}

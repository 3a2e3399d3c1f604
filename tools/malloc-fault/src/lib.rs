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
//! * Any program, in any language: the command `malloc-fault` (`trace`, `run`, `sweep`), or [`Launch`] from Rust.

pub mod channel;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod command;
pub mod decide;
#[cfg(all(target_os = "linux", feature = "command"))]
mod error;
#[cfg(all(target_os = "linux", feature = "command"))]
mod interposer;
#[cfg(all(target_os = "linux", feature = "command"))]
mod launch;
pub mod plan;
#[cfg(all(target_os = "linux", feature = "command"))]
mod shared;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod symbols;
#[cfg(all(target_os = "linux", feature = "command"))]
mod target;
mod text;
#[cfg(all(target_os = "linux", feature = "command"))]
pub mod trace;

#[cfg(all(target_os = "linux", feature = "command"))]
pub use error::Error;
#[cfg(all(target_os = "linux", feature = "command"))]
pub use launch::{Launch, Run};
pub use plan::{FaultPlan, PlanError};

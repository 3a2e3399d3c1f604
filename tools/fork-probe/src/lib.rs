//! What fork does to a mapping, measured on the machine that asks.
//!
//! "What happens to my arena when the process forks?" has another answer for every kind of mapping.
//! [`ForkProbe`] finds it by experiment: it forks a child, has both sides read, write and allocate in
//! lock-step, and reads from the kernel which page was copied, when, and by whose write.
//!
//! ```
//! use fork_probe::{AtFork, ForkProbe, Ground, Recipe};
//!
//! let shared = Recipe { ground: Ground::Shared, at_fork: AtFork::Inherit };
//! let seen = ForkProbe::new().recipe(shared)?;
//! assert_eq!(seen.parent_sees_child, Some(true));
//! // Both bump from the same offset, and one takes the other's bytes.
//! let both = seen.both_allocate.unwrap();
//! assert!(both.same_offset() && both.child_bytes_lost);
//! # Ok::<(), fork_probe::ProbeError>(())
//! ```
//!
//! The child never returns into the caller's code, makes only async-signal-safe calls, has a deadline
//! for every answer, and is always reaped. It is forked with the memory of the calling process, so the
//! call works from any thread, and takes as long as a fork of that process takes.
//!
//! From the bottom up: [`kernel`] reads what the kernel tells of pages; [`Recipe`] makes mappings;
//! [`ForkProbe`] performs the script; [`Observation`] is what it saw; [`Matrix`] is one for each mapping.

#![cfg(target_os = "linux")]

pub mod bill;
mod child;
#[cfg(feature = "command")]
pub mod command;
mod end;
mod error;
mod generation;
pub mod hazards;
mod inherited;
pub mod kernel;
pub mod latency;
mod map;
pub mod matrix;
mod notes;
mod observation;
mod probe;
mod recipe;
mod script;
mod sight;

/// The README's example is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use end::{End, Reason, Refusal};
pub use error::ProbeError;
pub use generation::{Generation, Mechanisms};
pub use hazards::Hazards;
pub use matrix::Matrix;
pub use observation::{Accounts, BothAllocate, Observation, PageState, Source, Times, Writes};
pub use probe::ForkProbe;
pub use recipe::{AtFork, Ground, Recipe};

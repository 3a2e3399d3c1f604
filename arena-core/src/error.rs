//! Expected failure, as values that carry the numbers.

mod alloc;
mod region;

pub use alloc::AllocError;
pub use region::{Backing, Cause, Operation, RegionError};

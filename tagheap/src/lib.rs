#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod control;
mod engine;
mod error;
#[forbid(unsafe_code)]
mod fit;
mod handle;
mod header;
mod heap;
mod index;
mod options;
mod pin;
#[cfg(feature = "region")]
mod region;
mod spot;
mod stats;
mod tag;
pub mod th;
#[cfg(feature = "typed")]
mod typed;
mod validate;
mod walk;
#[cfg(feature = "walker")]
pub mod walker;
mod words;

pub use crate::engine::{Coalescing, Freed, Offer, Verdict};
pub use error::{Error, Fault, OpenError, Smashed, What};
pub use handle::Handle;
pub use heap::{DefragPlan, DefragReport, TagHeap, TagStats, TagsFreed};
pub use options::{DEFAULT_LEN, Options};
pub use pin::{Pinned, PinnedMut};
#[cfg(feature = "region")]
pub use region::{RegionHeap, RegionHeapError};
pub use stats::Fragmentation;
pub use tag::{Side, Tag, TagError};
#[cfg(feature = "typed")]
pub use typed::Typed;
pub use walk::{Block, BlockState, Drawing, Walk};

//! The engine: what is done to the blocks, as plain functions of dwords.
//!
//! Everything that can be wrong with a header, a link or a slot is looked at before the first dword
//! is written, so that a refusal leaves the heap as it was.

mod canary;
mod carve;
mod compact;
mod counts;
mod handles;
mod plan;
mod release;
mod resize;
mod scout;
mod tags;

pub(crate) use carve::{Carved, Found};
pub(crate) use compact::Compaction;
pub use compact::{Offer, Verdict};
pub(crate) use handles::SlotState;
pub use release::{Coalescing, Freed};
pub(crate) use resize::Resized;

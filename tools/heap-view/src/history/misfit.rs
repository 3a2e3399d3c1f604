//! Why an event cannot have happened after those before it.

use crate::event::{BlockId, Extent, RegionId};
use thiserror::Error;

/// An event that does not fit those before it. Events are named by their index.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Misfit {
    /// A region that was never mapped, or is gone.
    #[error("region {} {}", region.0, unknown(*gone, "unmapped", "mapped"))]
    UnknownRegion {
        /// The region.
        region: RegionId,
        /// The event that ended it.
        gone: Option<usize>,
    },
    /// A region that begins while it is there.
    #[error("region {} is mapped already", region.0)]
    RegionTwice {
        /// The region.
        region: RegionId,
    },
    /// A region whose end is no address.
    #[error("region {}: {size} bytes from {base:#x} end beyond every address", region.0)]
    RegionTooLarge {
        /// The region.
        region: RegionId,
        /// Its base.
        base: u64,
        /// Its size.
        size: u64,
    },
    /// A block that was never handed out, or is gone.
    #[error("block {} of region {} {}", block.0, region.0, unknown(*gone, "ended", "handed out"))]
    UnknownBlock {
        /// The region.
        region: RegionId,
        /// The block.
        block: BlockId,
        /// The event that ended it.
        gone: Option<usize>,
    },
    /// A block whose number is that of a live one.
    #[error("block {} of region {} is live already", block.0, region.0)]
    BlockTwice {
        /// The region.
        region: RegionId,
        /// The block.
        block: BlockId,
    },
    /// A block that is not within its region.
    #[error(
        "block {} ({} bytes at {}, {} before and {} after them) is not within region {} of {size} bytes",
        block.0, extent.size, extent.at, extent.before, extent.after, region.0
    )]
    OutsideOfRegion {
        /// The region.
        region: RegionId,
        /// The block.
        block: BlockId,
        /// Where it would be.
        extent: Extent,
        /// The size of the region; 0 if it has no bound.
        size: u64,
    },
    /// An alignment that is no power of two.
    #[error("block {} of region {}: an alignment of {align} is no power of two", block.0, region.0)]
    Alignment {
        /// The region.
        region: RegionId,
        /// The block.
        block: BlockId,
        /// The alignment.
        align: u32,
    },
    /// More bytes live at once than can be counted.
    #[error("{more} bytes more than the {live} that are live are too many to be counted")]
    TooMany {
        /// The bytes that are live.
        live: u64,
        /// How many come.
        more: u64,
    },
}

fn unknown(gone: Option<usize>, ended: &str, begun: &str) -> String {
    match gone {
        Some(event) => format!("was {ended} by event {event}"),
        None => format!("was never {begun}"),
    }
}

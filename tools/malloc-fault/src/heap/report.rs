//! What a heap says of itself: totals, live blocks, leaks with the places that made them.

use super::record::{Record, Records};
use std::fmt;
use std::panic::Location;
use std::ptr::NonNull;

/// Counts since the heap was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls to the heap, its own retries and records not counted.
    pub calls: usize,
    /// Blocks freed.
    pub frees: usize,
    /// Calls to the functions below that got no memory.
    pub failures: usize,
    /// Calls that were tried again.
    pub retries: usize,
    /// Frees and reallocs of a block that is not live here.
    pub refused: usize,
    /// Blocks not freed yet.
    pub live_blocks: usize,
    /// Their bytes.
    pub live_bytes: usize,
}

/// A live block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its first byte.
    pub block: NonNull<u8>,
    /// Its bytes.
    pub size: usize,
    /// What the caller said it is for.
    pub description: &'static str,
    /// The call that made it.
    pub site: &'static Location<'static>,
    /// When, in milliseconds since the heap was made.
    pub time: u32,
    /// Whether it is lost on purpose.
    pub intended: bool,
}

/// The state of a heap. `Display` lists its leaks, the intended ones apart; nothing of it allocates.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    totals: Totals,
    records: &'a Records,
}

impl<'a> Report<'a> {
    pub(super) fn new(totals: Totals, records: &'a Records) -> Self {
        Self { totals, records }
    }

    /// Counts.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The live blocks, the newest first.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + use<'a> {
        self.records.iter().map(|record: &Record| Block {
            block: record.block,
            size: record.size,
            description: record.description,
            site: record.site,
            time: record.time,
            intended: record.intended != 0,
        })
    }

    /// Whether no block is live but those that are lost on purpose.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.blocks().all(|block| block.intended)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals;
        writeln!(
            f,
            "{} calls, {} failures, {} retries, {} frees, {} refused; live: {} blocks, {} bytes",
            totals.calls,
            totals.failures,
            totals.retries,
            totals.frees,
            totals.refused,
            totals.live_blocks,
            totals.live_bytes
        )?;
        for (intended, word) in [(false, "leak"), (true, "intended leak")] {
            for block in self.blocks().filter(|block| block.intended == intended) {
                let Block {
                    size,
                    description,
                    site,
                    time,
                    ..
                } = block;
                writeln!(
                    f,
                    "{word}: {size} bytes, {description:?}, allocated at {site} after {time} ms"
                )?;
            }
        }
        Ok(())
    }
}

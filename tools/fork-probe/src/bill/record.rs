//! What the child writes down, in memory that both processes have.

use std::slice;

use arena_core::Region;
use arena_core::region::RegionError;

/// Set in an entry of pagemap whose page one page table alone refers to.
const OWN: u64 = 1 << 56;
/// Set in an entry whose page is in memory.
const PRESENT: u64 = 1 << 63;

/// The words at the start of the record.
#[repr(C)]
#[derive(Default)]
pub(super) struct Words {
    /// An errno, if pagemap could not be opened.
    pub(super) refused: u64,
    /// Page faults during the deeds.
    pub(super) faults: u64,
    /// Pages that were nobody's before.
    pub(super) new_pages: u64,
    /// How many items were noted.
    pub(super) items: u64,
}

impl Words {
    /// Compare two looks, and note each page that became the child's own: the deed in the upper half, the
    /// index of the page in the lower.
    pub(super) fn note(&mut self, before: &[u64], after: &[u64], items: &mut [u64], deed: u64) {
        for (page, (before, after)) in before.iter().zip(after).enumerate() {
            if after & (PRESENT | OWN) != PRESENT | OWN {
                continue;
            }
            if before & PRESENT == 0 {
                self.new_pages += 1;
            } else if before & OWN == 0 {
                let next = usize::try_from(self.items).unwrap_or(usize::MAX);
                if let Some(item) = items.get_mut(next) {
                    *item = deed << 32 | page as u64;
                    self.items += 1;
                }
            }
        }
    }
}

/// The room for the text of smaps: about 800 bytes for each mapping.
const TEXT: usize = 1 << 20;

/// Words, an item for each page, two looks at all pages, and two texts of smaps.
pub(super) struct Record {
    region: Region,
    pages: usize,
}

/// The parts of a record.
pub(super) struct Parts<'a> {
    pub(super) words: &'a mut Words,
    pub(super) items: &'a mut [u64],
    pub(super) before: &'a mut [u64],
    pub(super) after: &'a mut [u64],
    pub(super) smaps_before: &'a mut [u8],
    pub(super) smaps_after: &'a mut [u8],
}

impl Record {
    pub(super) fn new(pages: usize) -> Result<Self, RegionError> {
        let len = size_of::<Words>() + 3 * pages * size_of::<u64>() + 2 * TEXT;
        let region = Region::anonymous_shared(len)?;
        region.populate(0..region.len())?;
        Ok(Self { region, pages })
    }

    /// Use the record; the child does while the parent waits, and the parent when the child has ended.
    pub(super) fn parts(&mut self) -> Parts<'_> {
        let base = self.region.base();
        // SAFETY: page-aligned zeroes at first, and of this type ever since.
        let words = unsafe { base.cast::<Words>().as_mut() };
        // SAFETY: the region goes on behind the words.
        let rest = unsafe { base.add(size_of::<Words>()) }.cast::<u64>();
        // SAFETY: so many numbers have room there, are aligned, and are used through `self` alone.
        let numbers = unsafe { slice::from_raw_parts_mut(rest.as_ptr(), 3 * self.pages) };
        // SAFETY: and the texts behind them.
        let texts = unsafe { rest.add(3 * self.pages) }.cast::<u8>();
        // SAFETY: so many bytes have room there, and are used through `self` alone.
        let texts = unsafe { slice::from_raw_parts_mut(texts.as_ptr(), 2 * TEXT) };
        let (smaps_before, smaps_after) = texts.split_at_mut(TEXT);
        let (items, looks) = numbers.split_at_mut(self.pages);
        let (before, after) = looks.split_at_mut(self.pages);
        Parts {
            words,
            items,
            before,
            after,
            smaps_before,
            smaps_after,
        }
    }
}

#[cfg(test)]
mod tests;

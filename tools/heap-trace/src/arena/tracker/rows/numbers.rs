//! The numbers of the blocks, without a word for each in its row.
//!
//! Rows in succession are mostly of blocks in succession: a block's number is the index of its row, and
//! how many rows were written over before. That is kept for each run of rows for which it is the same.
//! A run ends where the bump pointer went back, or where bytes were not traced.
//!
//! ```text
//!   ├ runs of rows below the bump pointer ┤ free ┤ runs of rows above it ┤
//!   0                                   below  above                   room
//! ```

use std::ops::Range;

use arena_core::region::RegionError;

use super::column::{Column, Plain};

/// Rows from one on, up to where the next run begins.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: usize,
    /// By how much the numbers are ahead of the rows; modulo 2^64, as it can be less than nothing: what
    /// was not traced has a row, and no number.
    ahead: u64,
}

// SAFETY: two integers.
unsafe impl Plain for Run {}

#[derive(Debug)]
pub(super) struct Numbers {
    /// In the order of rows on both sides. Rows before the first run have their index for a number.
    runs: Column<Run>,
    below: usize,
    above: usize,
    /// What holds for the next row.
    ahead: u64,
}

/// Runs that a cut may add: one ends where it begins, and another begins there.
const ADDED: usize = 2;

impl Numbers {
    pub(super) const fn new() -> Self {
        Self {
            runs: Column::of(0),
            below: 0,
            above: 0,
            ahead: 0,
        }
    }

    /// Make sure that there is room for one cut, or for bytes that were not traced.
    pub(super) fn make_room(&mut self) -> Result<(), RegionError> {
        if self.above - self.below < ADDED {
            let (room, above) = (self.runs.room(), self.above);
            self.runs.enlarge(2 * room + ADDED, room)?;
            self.above = self.runs.room() - (room - above);
            self.runs.move_rows(above..room, self.above);
        }
        Ok(())
    }

    /// The number of the next block, whose row is `len`.
    #[inline(always)]
    pub(super) fn next(&self, len: usize) -> u64 {
        self.ahead.wrapping_add(len as u64)
    }

    pub(super) fn of_below(&self, row: usize) -> u64 {
        self.among(0..self.below, row)
    }

    pub(super) fn of_above(&self, row: usize) -> u64 {
        self.among(self.above..self.runs.room(), row)
    }

    fn among(&self, runs: Range<usize>, row: usize) -> u64 {
        let runs = self.runs.slice(runs);
        let begun = runs.partition_point(|run| run.first <= row);
        let ahead = begun.checked_sub(1).map_or(0, |run| runs[run].ahead);
        ahead.wrapping_add(row as u64)
    }

    /// The last of `len` rows has no number: the next one has the number that it would have had.
    pub(super) fn skip(&mut self, len: usize) {
        self.begin(len, self.next(len - 1));
    }

    /// Rows from `keep` on, of `len`, come to lie above the bump pointer; room was made.
    pub(super) fn cut(&mut self, keep: usize, len: usize) {
        let next = self.next(len);
        let mut end = len;
        loop {
            let run = self.last_below();
            let first = run.first.max(keep);
            if first < end {
                self.put_above(first, run.ahead);
                end = first;
            }
            if run.first < keep || self.below == 0 {
                break;
            }
            self.below -= 1;
        }
        self.begin(keep, next);
    }

    /// The rows above the bump pointer move from one index to another.
    pub(super) fn move_above(&mut self, from: usize, to: usize) {
        for run in self.above..self.runs.room() {
            // SAFETY: within the column.
            let run = unsafe { self.runs.at_mut(run) };
            run.first = to + run.first.saturating_sub(from);
            run.ahead = run.ahead.wrapping_add(from as u64).wrapping_sub(to as u64);
        }
    }

    /// Nobody will ask for the numbers of rows above the bump pointer and before this one.
    pub(super) fn forget_before(&mut self, row: usize) {
        let above = self.runs.slice(self.above..self.runs.room());
        let begun = above.partition_point(|run| run.first <= row);
        if let Some(run) = begun.checked_sub(1) {
            self.above += run;
            // SAFETY: one of those above.
            unsafe { self.runs.at_mut(self.above) }.first = row;
        }
    }

    /// Nobody will ask for the numbers of rows above the bump pointer.
    pub(super) fn forget_above(&mut self) {
        self.above = self.runs.room();
    }

    /// Bytes that the table has taken from the OS, touched or not.
    pub(super) fn granted(&self) -> usize {
        self.runs.granted()
    }

    /// The row `first` is the next, and its block has this number.
    fn begin(&mut self, first: usize, number: u64) {
        self.ahead = number.wrapping_sub(first as u64);
        let ahead = self.ahead;
        if self.last_below().ahead != ahead {
            assert!(self.below < self.above, "room is made before a cut");
            // SAFETY: between the runs on both sides.
            *unsafe { self.runs.at_mut(self.below) } = Run { first, ahead };
            self.below += 1;
        }
    }

    fn last_below(&self) -> Run {
        let runs = self.runs.slice(0..self.below);
        let all = Run { first: 0, ahead: 0 };
        runs.last().copied().unwrap_or(all)
    }

    fn put_above(&mut self, first: usize, ahead: u64) {
        let above = self.runs.slice(self.above..self.runs.room());
        if above.first().is_none_or(|run| run.ahead != ahead) {
            assert!(self.below < self.above, "room is made before a cut");
            self.above -= 1;
        }
        // SAFETY: the first of the runs above, which goes on downwards, or a place between.
        *unsafe { self.runs.at_mut(self.above) } = Run { first, ahead };
    }
}

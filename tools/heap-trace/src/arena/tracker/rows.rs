//! The rows of one arena, in the order of addresses, with a gap where the bump pointer is.
//!
//! ```text
//!   ├ below the bump pointer ┤ gap: zero ┤ above it: gone ┤ zero ┤ stop ┤ not touched yet ┤
//!   0                       len         gone             end           ready            room
//! ```
//!
//! A row that is given up stays where it is: it is `len` that goes back, and the row lies above the
//! bump pointer then. So a block that is allocated and freed again and again costs no copy of its
//! row: the next one is written over it, as the block's bytes are handed out again.
//!
//! Whether the row at `len` may be written over takes one comparison, with the end of the new block:
//! a row of zeroes may, a gone one that begins below that end may, one whose bytes are still above
//! may not, and neither may the stop, which stands at the highest address there is. Rows are faulted in
//! by as many as there are before the stop goes on: a fault for each page of the table, and one more for
//! the comparison before the first write to it, would take longer than all else.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

use arena_core::region::RegionError;

mod column;
mod numbers;
mod row;
mod sites;
#[cfg(test)]
mod tests;

use crate::record::{Origin, Record, State};
use crate::stack::StackId;
use column::{Column, Plain};
use numbers::Numbers;
use row::Wide;
pub(super) use row::{ADDRESS_END, Block, Row, is_wide};
pub(super) use sites::SiteId;

// SAFETY: 0 is the number of no stack.
unsafe impl Plain for [StackId; 2] {}

#[derive(Debug)]
pub(super) struct Rows {
    rows: Column<Row>,
    /// With backtraces, where each was allocated and freed; as long as the rows, or empty.
    stacks: Column<[StackId; 2]>,
    /// The layouts that have no room in a row; as long as the rows, or empty.
    wide: Column<Wide>,
    numbers: Numbers,
    /// Bytes of the rows below the bump pointer: where the next row stands.
    used: usize,
    /// The first row above it, or `len` if that is more: rows between are written over.
    gone: usize,
    /// The end of the rows above it; less than `len` if there are none.
    end: usize,
    /// The row behind the stop, up to which all rows can be written without a page fault; 0 if there
    /// are none.
    ready: usize,
}

/// Rows that are made ready at first: a page of them.
const FIRST_READY: usize = 4096 / size_of::<Row>();

/// The most rows that are made ready at once, ahead of their use: 256 KiB, which a processor's caches
/// hold until they are written.
const MOST_READY: usize = (256 << 10) / size_of::<Row>();

impl Rows {
    /// Begin with none, and with address space for so many if there is so much.
    pub(super) const fn of(rows: usize) -> Self {
        Self {
            rows: Column::of(rows),
            stacks: Column::of(rows),
            wide: Column::of(rows),
            numbers: Numbers::new(),
            used: 0,
            gone: 0,
            end: 0,
            ready: 0,
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.used / size_of::<Row>()
    }

    pub(super) fn get(&self, row: usize) -> Option<&Row> {
        self.below().get(row)
    }

    /// What the mark of a block says: where its row stands.
    pub(super) fn mark(row: usize) -> u64 {
        (row * size_of::<Row>()) as u64
    }

    /// The row that a mark leads to.
    pub(super) fn row(mark: u64) -> usize {
        mark as usize / size_of::<Row>()
    }

    /// Follow a mark, which may say anything.
    #[inline(always)]
    pub(super) fn find(&mut self, mark: u64) -> Option<&mut Row> {
        let place = mark as usize;
        let is_row = place < self.used && place.is_multiple_of(size_of::<Row>());
        // SAFETY: where a row below the bump pointer stands.
        is_row.then(|| unsafe { self.at_mark(mark) })
    }

    /// Follow a mark.
    ///
    /// # Safety
    ///
    /// It says where a row stands.
    #[inline(always)]
    pub(super) unsafe fn at_mark(&mut self, mark: u64) -> &mut Row {
        // SAFETY: the caller's promise.
        unsafe { self.rows.at_place(mark as usize) }
    }

    /// The rows below the bump pointer.
    pub(super) fn below(&self) -> &[Row] {
        self.rows.slice(0..self.len())
    }

    /// The rows above it whose bytes have not been handed out again: those that begin at `frontier` or
    /// behind it. With the index of the first.
    pub(super) fn gone(&self, frontier: usize) -> (usize, &[Row]) {
        let first = self.gone.max(self.len()).min(self.end);
        let rows = self.rows.slice(first..self.end);
        let taken = rows.partition_point(|row| row.block < Block::before(frontier));
        (first + taken, &rows[taken..])
    }

    /// Return the place of the next row, whose block is before `end`; `None` if it is taken, which is
    /// for [`Rows::make_room`] to change.
    ///
    /// # Safety
    ///
    /// [`Rows::make_room`] has succeeded once.
    #[inline(always)]
    pub(super) unsafe fn next(&mut self, end: Block) -> Option<Next<'_>> {
        // SAFETY: so there are rows, and the last of them is never passed.
        let row = unsafe { self.rows.at_place(self.used) };
        (row.block < end).then_some(Next {
            row,
            used: &mut self.used,
        })
    }

    /// Make sure that there is a place for a row whose block ends at an address.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, end: usize) -> Result<(), RegionError> {
        self.forget_below(end);
        if self.len() + 1 >= self.ready {
            self.make_ready()?;
        }
        if self.gone < self.end && self.len() == self.gone {
            self.open_gap()?;
        }
        self.numbers.make_room()
    }

    /// Make sure that there is a place for the layout of the next row too, which is a wide one.
    pub(super) fn make_room_for_layout(&mut self) -> Result<(), RegionError> {
        if self.wide.room() <= self.len() {
            self.wide.enlarge(self.rows.room(), self.end())?;
        }
        Ok(())
    }

    /// Note the layout of the last row, for which room was made.
    pub(super) fn note_layout(&mut self, layout: Layout) {
        let last = self.len() - 1;
        assert!(last < self.wide.room(), "room is made for a wide layout");
        // SAFETY: checked just now.
        *unsafe { self.wide.at_mut(last) } = Wide::of(layout);
    }

    /// Forget the gone rows that begin below an address: their bytes have been handed out again.
    fn forget_below(&mut self, address: usize) {
        self.gone = self.gone.max(self.len()).min(self.end);
        let taken = self.rows.slice(self.gone..self.end);
        let taken = taken.partition_point(|row| row.block < Block::before(address));
        self.clear(self.gone..self.gone + taken);
        self.gone += taken;
        self.numbers.forget_before(self.gone);
    }

    /// Make rows zero that nobody looks for any more, so that they may be written over.
    fn clear(&mut self, rows: Range<usize>) {
        for row in rows.start.max(self.len())..rows.end {
            // SAFETY: within the column.
            unsafe { self.rows.at_mut(row) }.block = Block::NONE;
        }
    }

    /// Note the stack that allocated a block (`which` is 0) or freed it (1).
    #[cold]
    pub(super) fn note_stack(&mut self, row: usize, which: usize, stack: StackId) {
        // Without memory for it the site has a line and no stack.
        if self.stacks.room() > row || self.stacks.enlarge(self.rows.room(), self.end()).is_ok() {
            // SAFETY: checked just now.
            let stacks = unsafe { self.stacks.at_mut(row) };
            stacks[which] = stack;
        }
    }

    /// The bump pointer goes back from `frontier`: rows from `keep` on lie above it now. What was live
    /// there is given up.
    ///
    /// # Errors
    ///
    /// There is no memory for another such cut: before that, [`Rows::make_room`] has to succeed.
    pub(super) fn cut(&mut self, keep: usize, frontier: usize) -> Result<(), RegionError> {
        self.forget_below(frontier);
        if self.gone == self.end {
            (self.gone, self.end) = (self.len(), self.len());
            self.numbers.forget_above();
        }
        if self.len() < self.gone {
            self.move_gone(self.len());
        }
        self.numbers.cut(keep, self.len());
        self.gone = keep;
        self.used = keep * size_of::<Row>();
        self.numbers.make_room()
    }

    fn move_gone(&mut self, to: usize) {
        let gone = self.gone..self.end;
        self.rows.move_rows(gone.clone(), to);
        self.stacks.move_rows(gone.clone(), to);
        self.wide.move_rows(gone.clone(), to);
        self.numbers.move_above(gone.start, to);
        (self.gone, self.end) = (to, to + gone.len());
        self.clear(gone.start..self.gone.min(gone.end));
        self.clear(self.end.max(gone.start)..gone.end);
    }

    /// How many blocks are live from a row on.
    pub(super) fn live_from(&self, row: usize) -> usize {
        let live = (row..self.len()).filter(|&row| self.state(row) == State::Live);
        live.count()
    }

    /// The first row at the end of the table such that it and all after it are of freed blocks.
    pub(super) fn first_of_freed_end(&self) -> usize {
        // Eight at a time, without a branch for each: this is the one walk that a cut takes.
        const STEP: usize = 8;
        let is_freed = |row: &Row| row.is_freed();
        let mut rows = self.below();
        while let Some((rest, last)) = rows.split_last_chunk::<STEP>()
            && Row::are_freed(last)
        {
            rows = rest;
        }
        rows.iter()
            .rposition(|row| !is_freed(row))
            .map_or(0, |row| row + 1)
    }

    /// What has become of the block of a row, below the bump pointer or above it.
    pub(super) fn state(&self, index: usize) -> State {
        self.state_of(index, self.any(index))
    }

    #[inline(always)]
    pub(super) fn state_of(&self, index: usize, row: Row) -> State {
        match () {
            () if row.block.is_untraced() => State::Untraced,
            () if row.is_freed() => State::Freed,
            () if index < self.len() => State::Live,
            () => State::Rewound,
        }
    }

    /// The layout of the block of a row, below the bump pointer or above it.
    pub(super) fn layout(&self, index: usize) -> Layout {
        self.layout_of(index, self.any(index))
    }

    #[inline(always)]
    pub(super) fn layout_of(&self, index: usize, row: Row) -> Layout {
        let layout = row.block.layout();
        layout.unwrap_or_else(|| self.wide.slice(index..index + 1)[0].layout())
    }

    /// The number of the block of a row, below the bump pointer or above it.
    pub(super) fn number(&self, index: usize) -> u64 {
        match index < self.len() {
            true => self.numbers.of_below(index),
            false => self.numbers.of_above(index),
        }
    }

    /// The number of the next block: how many were handed out before.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.next(self.len())
    }

    /// The last row is of bytes that were not traced, which have no number.
    pub(super) fn skip_number(&mut self) {
        self.numbers.skip(self.len());
    }

    /// What is known of a row, below the bump pointer or above it.
    pub(super) fn record(&self, index: usize, memory: NonNull<u8>) -> Record {
        let row = self.any(index);
        // An address of the arena is not 0.
        let address = std::num::NonZero::new(row.block.address()).unwrap_or(memory.addr());
        let stacks = match index < self.stacks.room() {
            // SAFETY: checked just now.
            true => *unsafe { self.stacks.at(index) },
            false => [StackId::NONE; 2],
        };
        let allocated = Origin {
            place: row.place(),
            stack: stacks[0],
        };
        let payload = memory.with_addr(address);
        let mut record = Record::new(payload, self.layout(index), self.number(index), allocated);
        record.state = self.state(index);
        if record.state == State::Freed {
            record.mark_freed(Origin {
                place: row.freed(),
                stack: stacks[1],
            });
        }
        record
    }

    /// What is known of every block below the bump pointer.
    pub(super) fn records(&self, memory: NonNull<u8>) -> impl Iterator<Item = Record> {
        let traced = |row: &usize| !self.below()[*row].block.is_untraced();
        (0..self.len())
            .filter(traced)
            .map(move |row| self.record(row, memory))
    }

    fn any(&self, index: usize) -> Row {
        self.rows.slice(0..self.end())[index]
    }

    /// Bytes that the table has taken from the OS, touched or not.
    pub(super) fn granted(&self) -> usize {
        self.rows.granted() + self.stacks.granted() + self.wide.granted() + self.numbers.granted()
    }

    /// The end of what is in use.
    fn end(&self) -> usize {
        self.end.max(self.len())
    }

    /// Let the stop go on: by as many rows as there are, and no more than [`MOST_READY`].
    fn make_ready(&mut self) -> Result<(), RegionError> {
        let more = self.ready.clamp(FIRST_READY, MOST_READY);
        if self.ready == self.room() {
            self.enlarge(self.ready + more)?;
        }
        let ready = (self.ready + more).min(self.room());
        self.rows.populate(self.ready..ready);
        if let Some(stop) = self.ready.checked_sub(1) {
            // SAFETY: rows up to `ready` lie within the column.
            unsafe { self.rows.at_mut(stop) }.block = Block::NONE;
        }
        // SAFETY: as above, and there is one: a column that was made larger has a page at least.
        unsafe { self.rows.at_mut(ready - 1) }.block = Block::LAST;
        self.ready = ready;
        Ok(())
    }

    /// Rows that all columns have room for.
    fn room(&self) -> usize {
        let beside = [self.stacks.room(), self.wide.room()];
        let beside = beside.into_iter().filter(|&room| room > 0).min();
        beside.unwrap_or(usize::MAX).min(self.rows.room())
    }

    fn enlarge(&mut self, room: usize) -> Result<(), RegionError> {
        if self.rows.room() == self.ready {
            self.rows.enlarge(room.max(2 * self.ready), self.ready)?;
        }
        if self.stacks.room() > 0 {
            self.stacks.enlarge(self.rows.room(), self.ready)?;
        }
        if self.wide.room() > 0 {
            self.wide.enlarge(self.rows.room(), self.ready)?;
        }
        Ok(())
    }

    /// Move the gone rows up by as many as they are, and make room for that.
    fn open_gap(&mut self) -> Result<(), RegionError> {
        let gone = self.end - self.gone;
        while self.end + gone >= self.ready {
            self.make_ready()?;
        }
        self.move_gone(self.gone + gone);
        Ok(())
    }
}

/// The place of the next row.
pub(super) struct Next<'a> {
    row: &'a mut Row,
    used: &'a mut usize,
}

impl Next<'_> {
    /// What the mark of its block says.
    #[inline(always)]
    pub(super) fn mark(&self) -> u64 {
        *self.used as u64
    }

    #[inline(always)]
    pub(super) fn write(self, row: Row) {
        *self.row = row;
        *self.used += size_of::<Row>();
    }
}

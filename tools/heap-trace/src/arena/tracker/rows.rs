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
#[cfg(test)]
mod tests;

use crate::record::{Origin, Place, Record, State};
use crate::stack::StackId;
use column::{Column, Plain};

/// One block: 40 bytes, all that is touched for it beside the block itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The address of the payload.
    pub(super) address: usize,
    pub(super) meta: Meta,
    /// The block's number.
    pub(super) id: u64,
    /// Where it was allocated.
    pub(super) place: Option<Place>,
    /// Where it was freed, if it is; otherwise anything.
    pub(super) freed: Option<Place>,
}

// SAFETY: a row of zeroes is a block of no bytes at no address; `None` is zero.
unsafe impl Plain for Row {}
// SAFETY: 0 is the number of no stack.
unsafe impl Plain for [StackId; 2] {}

/// Layout and state in one word, so that one comparison tells whether a block is live and freed with
/// the layout it was allocated for.
///
/// ```text
///   63      16 15     8 7     0
///   ├  size  ┤ ├ align ┤ ├state┤      the alignment as a power of two
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta(u64);

impl Meta {
    #[inline(always)]
    pub(super) fn live(layout: Layout) -> Self {
        let align = u64::from(layout.align().trailing_zeros());
        Self((layout.size() as u64) << 16 | align << 8 | State::Live as u64)
    }

    #[inline(always)]
    pub(super) fn in_state(self, state: State) -> Self {
        Self(self.0 & !0xff | state as u64)
    }

    #[inline(always)]
    pub(super) fn is(self, state: State) -> bool {
        self.0 & 0xff == state as u64
    }

    pub(super) fn state(self) -> State {
        const STATES: [State; 4] = [State::Live, State::Freed, State::Rewound, State::Untraced];
        STATES[(self.0 & 0b11) as usize]
    }

    pub(super) fn layout(self) -> Layout {
        let (size, align) = ((self.0 >> 16) as usize, 1 << (self.0 >> 8 & 0xff));
        // SAFETY: taken from a layout.
        unsafe { Layout::from_size_align_unchecked(size, align) }
    }
}

#[derive(Debug)]
pub(super) struct Rows {
    rows: Column<Row>,
    /// With backtraces, where each was allocated and freed; as long as the rows, or empty.
    stacks: Column<[StackId; 2]>,
    /// Rows below the bump pointer.
    len: usize,
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
            len: 0,
            gone: 0,
            end: 0,
            ready: 0,
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(super) fn get(&self, row: usize) -> Option<&Row> {
        // SAFETY: rows below `len` lie within the column.
        (row < self.len).then(|| unsafe { self.rows.at(row) })
    }

    /// The rows below the bump pointer.
    pub(super) fn below(&self) -> &[Row] {
        self.rows.slice(0..self.len)
    }

    /// The rows above it whose bytes have not been handed out again: those that begin at `frontier` or
    /// behind it. With the index of the first.
    pub(super) fn gone(&self, frontier: usize) -> (usize, &[Row]) {
        let first = self.gone.max(self.len).min(self.end);
        let rows = self.rows.slice(first..self.end);
        let taken = rows.partition_point(|row| row.address < frontier);
        (first + taken, &rows[taken..])
    }

    /// Return the place of the next row, whose block ends at an address; `None` if it is taken, which is
    /// for [`Rows::make_room`] to change.
    ///
    /// # Safety
    ///
    /// [`Rows::make_room`] has succeeded once.
    #[inline(always)]
    pub(super) unsafe fn next(&mut self, end: usize) -> Option<Next<'_>> {
        // SAFETY: so there are rows, and the last of them is never passed.
        let row = unsafe { self.rows.at_mut(self.len) };
        (row.address < end).then_some(Next {
            row,
            len: &mut self.len,
        })
    }

    /// Make sure that there is a place for a row whose block ends at an address.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, end: usize) -> Result<(), RegionError> {
        self.forget_below(end);
        if self.len + 1 >= self.ready {
            self.make_ready()?;
        }
        if self.gone < self.end && self.len == self.gone {
            self.open_gap()?;
        }
        Ok(())
    }

    /// Forget the gone rows that begin below an address: their bytes have been handed out again.
    fn forget_below(&mut self, address: usize) {
        self.gone = self.gone.max(self.len).min(self.end);
        let taken = self.rows.slice(self.gone..self.end);
        let taken = taken.partition_point(|row| row.address < address);
        self.clear(self.gone..self.gone + taken);
        self.gone += taken;
    }

    /// Make rows zero that nobody looks for any more, so that they may be written over.
    fn clear(&mut self, rows: Range<usize>) {
        for row in rows.start.max(self.len)..rows.end {
            // SAFETY: within the column.
            unsafe { self.rows.at_mut(row) }.address = 0;
        }
    }

    /// Note that a block was freed, and where.
    ///
    /// # Safety
    ///
    /// `row` is below `len`.
    #[inline(always)]
    pub(super) unsafe fn mark_freed(&mut self, row: usize, place: Option<Place>) {
        // SAFETY: the caller's promise.
        let freed = unsafe { self.rows.at_mut(row) };
        freed.meta = freed.meta.in_state(State::Freed);
        freed.freed = place;
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

    /// The bump pointer goes back from `frontier`: rows from `keep` on lie above it now.
    pub(super) fn cut(&mut self, keep: usize, frontier: usize) {
        self.forget_below(frontier);
        if self.gone == self.end {
            (self.gone, self.end) = (self.len, self.len);
        }
        if self.len < self.gone {
            self.move_gone(self.len);
        }
        self.gone = keep;
        self.len = keep;
    }

    fn move_gone(&mut self, to: usize) {
        let gone = self.gone..self.end;
        self.rows.move_rows(gone.clone(), to);
        self.stacks.move_rows(gone.clone(), to);
        (self.gone, self.end) = (to, to + gone.len());
        self.clear(gone.start..self.gone.min(gone.end));
        self.clear(self.end.max(gone.start)..gone.end);
    }

    /// Change the state of live rows from `from` on.
    pub(super) fn give_up(&mut self, from: usize) -> usize {
        let mut live = 0;
        for row in from..self.len {
            // SAFETY: below `len`.
            let row = unsafe { self.rows.at_mut(row) };
            if row.meta.is(State::Live) {
                row.meta = row.meta.in_state(State::Rewound);
                live += 1;
            }
        }
        live
    }

    /// The first row at the end of the table such that it and all after it are of freed blocks.
    pub(super) fn first_of_freed_end(&self) -> usize {
        // Eight at a time, without a branch for each: this is the one walk that a cut takes.
        const STEP: usize = 8;
        let is_freed = |row: &Row| row.meta.is(State::Freed);
        let mut rows = self.below();
        while let Some((rest, last)) = rows.split_last_chunk::<STEP>()
            && last.iter().fold(true, |all, row| all & is_freed(row))
        {
            rows = rest;
        }
        rows.iter()
            .rposition(|row| !is_freed(row))
            .map_or(0, |row| row + 1)
    }

    /// What is known of a row, below the bump pointer or above it.
    pub(super) fn record(&self, index: usize, memory: NonNull<u8>) -> Record {
        let row = self.rows.slice(0..self.end())[index];
        self.tell(index, row, memory)
    }

    /// What is known of every block below the bump pointer.
    pub(super) fn records(&self, memory: NonNull<u8>) -> impl Iterator<Item = Record> {
        let traced = |row: &usize| !self.below()[*row].meta.is(State::Untraced);
        (0..self.len)
            .filter(traced)
            .map(move |row| self.record(row, memory))
    }

    fn tell(&self, index: usize, row: Row, memory: NonNull<u8>) -> Record {
        // An address of the arena is not 0.
        let address = std::num::NonZero::new(row.address).unwrap_or(memory.addr());
        let stacks = match index < self.stacks.room() {
            // SAFETY: checked just now.
            true => *unsafe { self.stacks.at(index) },
            false => [StackId::NONE; 2],
        };
        let allocated = Origin {
            place: row.place,
            stack: stacks[0],
        };
        let payload = memory.with_addr(address);
        let mut record = Record::new(payload, row.meta.layout(), row.id, allocated);
        record.state = row.meta.state();
        if record.state == State::Freed {
            record.mark_freed(Origin {
                place: row.freed,
                stack: stacks[1],
            });
        }
        record
    }

    /// Bytes that the table has taken from the OS, touched or not.
    pub(super) fn granted(&self) -> usize {
        self.rows.granted() + self.stacks.granted()
    }

    /// The end of what is in use.
    fn end(&self) -> usize {
        self.end.max(self.len)
    }

    /// Let the stop go on: by as many rows as there are, and no more than [`MOST_READY`].
    fn make_ready(&mut self) -> Result<(), RegionError> {
        let more = self.ready.clamp(FIRST_READY, MOST_READY);
        if self.ready == self.rows.room() {
            self.enlarge(self.ready + more)?;
        }
        let ready = (self.ready + more).min(self.rows.room());
        self.rows.populate(self.ready..ready);
        if let Some(stop) = self.ready.checked_sub(1) {
            // SAFETY: rows up to `ready` lie within the column.
            unsafe { self.rows.at_mut(stop) }.address = 0;
        }
        // SAFETY: as above, and there is one: a column that was made larger has a page at least.
        unsafe { self.rows.at_mut(ready - 1) }.address = usize::MAX;
        self.ready = ready;
        Ok(())
    }

    fn enlarge(&mut self, room: usize) -> Result<(), RegionError> {
        self.rows.enlarge(room.max(2 * self.ready), self.ready)?;
        if self.stacks.room() > 0 {
            self.stacks.enlarge(self.rows.room(), self.ready)?;
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
    len: &'a mut usize,
}

impl Next<'_> {
    /// The number that the row will have.
    #[inline(always)]
    pub(super) fn number(&self) -> usize {
        *self.len
    }

    #[inline(always)]
    pub(super) fn write(self, row: Row) {
        *self.row = row;
        *self.len += 1;
    }
}

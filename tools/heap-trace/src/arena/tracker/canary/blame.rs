//! Damage: whose red zone, whose poison.

use std::ops::Range;
use std::ptr::NonNull;

use super::super::Tracker;
use super::super::rows::Rows;
use crate::fault::{Fault, Violation, When};
use crate::record::{Origin, Record, State};
use crate::zone::{self, Shape, extent, shape};

impl Tracker {
    /// Note what was written into the red zones of a block, and write them anew.
    #[cold]
    #[inline(never)]
    pub(super) fn note_damage(&mut self, row: usize, when: When, origin: Origin) {
        let record = self.rows.record(row, self.memory);
        let shape = shape(&record);
        // SAFETY: a recorded block, with the zones that were written around it.
        for violation in unsafe { zone::mend(record.payload, shape, Rows::mark(row)) } {
            self.note(Fault::new(violation, Some(record), when, origin));
        }
    }

    /// Look at poison above the bump pointer, or that was there until now, and note what was written
    /// to it.
    #[cold]
    #[inline(never)]
    pub(super) fn blame_if_wrong(
        &mut self,
        from: NonNull<u8>,
        len: usize,
        when: When,
        origin: Origin,
    ) {
        // SAFETY: it was written when it was poisoned, and is nobody's.
        if !unsafe { zone::is_poison(from, len) } {
            let start = from.addr().get();
            // SAFETY: as above.
            unsafe { self.blame(start..start + len, from, when, origin) };
        }
    }

    /// Find whose poison was written to, and note it.
    ///
    /// # Safety
    ///
    /// The bytes of the range, which begins at `from`, are initialised and no live block's.
    unsafe fn blame(&mut self, range: Range<usize>, from: NonNull<u8>, when: When, origin: Origin) {
        let mut owned = false;
        let (first, gone) = self.rows.gone(0);
        for index in first..first + gone.len() {
            let record = self.rows.record(index, self.memory);
            let whole = extent(&record);
            if whole.start >= range.end {
                break;
            }
            let (start, end) = (whole.start.max(range.start), whole.end.min(range.end));
            if start < end && record.state != State::Untraced {
                // SAFETY: within the range.
                let at = unsafe { from.add(start - range.start) };
                let ahead = start as isize - record.start() as isize;
                // SAFETY: as above.
                owned |=
                    unsafe { self.blame_on(Some(record), at, end - start, ahead, when, origin) };
            }
        }
        if !owned {
            // SAFETY: passed on.
            unsafe { self.blame_on(None, from, range.len(), 0, when, origin) };
        }
    }

    /// Note what was written to `len` bytes of poison, which begin `ahead` bytes from the payload.
    ///
    /// # Safety
    ///
    /// The bytes are initialised and no live block's.
    unsafe fn blame_on(
        &mut self,
        record: Option<Record>,
        at: NonNull<u8>,
        len: usize,
        ahead: isize,
        when: When,
        origin: Origin,
    ) -> bool {
        // SAFETY: the caller's promise.
        let wrong = unsafe { zone::compare(at, len, |_| zone::POISON_FREED) };
        let Some(mut wrong) = wrong else { return false };
        wrong.first += ahead;
        let violation = match record.map(|record| record.state) {
            Some(State::Freed) => Violation::UseAfterFree(wrong),
            _ => Violation::UseAfterReset(wrong),
        };
        let mut fault = Fault::new(violation, record, when, origin);
        fault.generation = Some(self.generation);
        self.note(fault);
        // SAFETY: as above: noted once is enough.
        unsafe { zone::poison(at, len) };
        true
    }

    /// Look at the zones of live blocks, and at the poison of freed ones, from a row on.
    pub(super) fn check_rows(&mut self, from: usize, when: When, origin: Origin) {
        for row in from..self.rows.len() {
            let known = self.rows.below()[row];
            let layout = self.rows.layout_of(row, known);
            let shape = Shape::unchecked(layout.size(), layout.align());
            let payload = self.at(known.block.address());
            let state = self.rows.state_of(row, known);
            if state == State::Live {
                // SAFETY: a recorded block, with the zones that were written around it.
                if !unsafe { zone::intact(payload, shape, Rows::mark(row)) } {
                    self.note_damage(row, when, origin);
                }
            } else if state == State::Freed {
                // SAFETY: the front zone lies before the payload, within the block.
                let block = unsafe { payload.sub(shape.front) };
                // SAFETY: freed, so its bytes are poison, and nobody's.
                if !unsafe { zone::is_poison(block, shape.total()) } {
                    let record = Some(self.rows.record(row, self.memory));
                    let ahead = -shape.front.cast_signed();
                    // SAFETY: as above.
                    unsafe { self.blame_on(record, block, shape.total(), ahead, when, origin) };
                }
            }
        }
    }
}

//! A pointer to be freed that its mark did not lead to a live block of this layout.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::Arena;

use super::super::Tracker;
use super::super::rows::{Row, Rows, SiteId};
use crate::fault::{Fault, Violation, When};
use crate::record::{Origin, Record, State};
use crate::zone::{self, block, shape};

impl Tracker {
    /// Find the block by its address, and free it if it is live; otherwise say what the pointer is.
    ///
    /// # Safety
    ///
    /// As [`Tracker::free`].
    #[cold]
    #[inline(never)]
    pub(in super::super) unsafe fn free_suspicious(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
        site: SiteId,
    ) -> Result<usize, Violation> {
        let row = self.row_by_search(pointer, origin)?;
        let record = self.rows.record(row, self.memory);
        // The mark too, which the quick way believes where it leads to the block.
        // SAFETY: a recorded block, with the zones that were written around it.
        if !unsafe { zone::intact(record.payload, shape(&record), Rows::mark(row)) } {
            self.note_damage(row, When::Freed, origin);
        }
        // SAFETY: the row is of this block, which is live and given up.
        unsafe {
            self.free_row(
                arena,
                Rows::mark(row),
                record.payload,
                record.layout(),
                origin,
                site,
            )
        };
        if record.layout() == layout {
            return Ok(row);
        }
        let violation = Violation::MismatchedLayout {
            size: layout.size(),
            align: layout.align(),
        };
        Err(self.note(Fault::new(violation, Some(record), When::Freed, origin)))
    }

    fn row_by_search(&mut self, pointer: NonNull<u8>, origin: Origin) -> Result<usize, Violation> {
        let address = pointer.addr().get();
        let behind = self
            .rows
            .below()
            .partition_point(|row| row.block.address() <= address);
        let traced = |row: usize| {
            let known = self.rows.get(row)?;
            let record = || self.rows.record(row, self.memory);
            (!known.block.is_untraced()).then(record)
        };
        let found = behind.checked_sub(1).and_then(traced);
        if let Some(record) = found.filter(|record| record.start() == address) {
            if record.state == State::Live {
                return Ok(behind - 1);
            }
            let fault = Fault::new(Violation::DoubleFree, found, When::Freed, origin);
            return Err(self.note(fault));
        }
        let at = |row: &Row| row.block.address() == address && !row.block.is_untraced();
        let (first, gone) = self.rows.gone(self.frontier);
        let gone = gone.iter().position(at);
        let gone = gone.map(|index| self.rows.record(first + index, self.memory));
        let (violation, block) = what_it_is(address, gone, found, traced(behind));
        let mut fault = Fault::new(violation, block, When::Freed, origin);
        fault.generation = block
            .filter(|block| block.state == State::Rewound)
            .map(|_| self.generation);
        Err(self.note(fault))
    }
}

/// Say what a pointer is that is not the start of a block below the bump pointer: of those above it,
/// `gone` begins there; `before` and `next` are the blocks around it.
fn what_it_is(
    address: usize,
    gone: Option<Record>,
    before: Option<Record>,
    next: Option<Record>,
) -> (Violation, Option<Record>) {
    let from = |record: &Record| address.wrapping_sub(record.start()).cast_signed();
    match (gone, before, next) {
        (Some(gone), ..) => (Violation::DoubleFree, Some(gone)),
        (_, Some(inside), _) if address < inside.end() + shape(&inside).rear => {
            let offset = from(&inside);
            (Violation::InteriorFree { offset }, Some(inside))
        }
        (_, _, Some(next)) if address >= block(&next).addr().get() => {
            let offset = from(&next);
            (Violation::InteriorFree { offset }, Some(next))
        }
        _ => (Violation::ForeignFree { address }, None),
    }
}

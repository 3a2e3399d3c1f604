//! The events of a traced arena.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::{AllocError, Arena};
use heap_view::{Extent, Trace};

use super::Tracker;
use super::rows::Rows;
use crate::events::What;
use crate::record::{Origin, State};
use crate::settings::Method;
use crate::zone::{self, Shape};

impl Tracker {
    /// Record the block that was placed just now, or that none was.
    pub(super) fn note_placed(
        &mut self,
        layout: Layout,
        placed: &Result<NonNull<u8>, AllocError>,
        origin: Origin,
    ) {
        let (size, align) = (layout.size(), layout.align() as u32);
        let Ok(payload) = placed else {
            let what = What::Refuse { size, align };
            return self.events.note(what, None, origin, 0);
        };
        let (at, shape) = match self.settings.method {
            Method::Canary => (*payload, Shape::unchecked(size, layout.align())),
            // The block is in a pen; its place in the arena is what it is charged for.
            _ => {
                let charge = self.charges.last().copied().unwrap_or(*payload);
                let (front, rear) = (0, 0);
                (charge, Shape { front, size, rear })
            }
        };
        let extent = Extent::new(at.addr().get() as u64, size as u64)
            .within(shape.front as u32, shape.rear as u32);
        let what = What::Alloc { extent, align };
        self.events.note(what, Some(self.next_id() - 1), origin, 0);
    }

    /// The row of the block that a pointer is the start of, if its mark leads there.
    fn row_by_mark(&mut self, pointer: NonNull<u8>) -> Option<usize> {
        let address = pointer.addr().get();
        if address < self.first_payload() || address >= self.frontier {
            return None;
        }
        // SAFETY: the 16 bytes before lie within the arena, below the bump pointer.
        let mark = unsafe { zone::row(self.memory.with_addr(pointer.addr())) };
        let row = self.rows.find(mark)?;
        (row.block.address() == address).then(|| Rows::row(mark))
    }

    /// The number of the live block that a pointer is the start of.
    pub(super) fn block_of(&mut self, pointer: NonNull<u8>) -> Option<u64> {
        if !self.events.is_on() {
            return None;
        }
        let address = pointer.addr().get();
        match self.settings.method {
            Method::Canary => {
                let row = self.row_by_mark(pointer).or_else(|| {
                    let rows = self.rows.below();
                    let row = rows.binary_search_by_key(&address, |row| row.block.address());
                    row.ok()
                })?;
                (self.rows.state(row) == State::Live).then(|| self.rows.number(row))
            }
            _ => {
                let found = self.guard.as_ref()?.find(pointer)?;
                found.ended.is_none().then_some(found.id)
            }
        }
    }

    pub(in crate::arena) fn recording(&self, arena: &Arena) -> Trace {
        let base = arena.base().addr().get();
        self.events.trace("traced arena", base, arena.capacity())
    }
}

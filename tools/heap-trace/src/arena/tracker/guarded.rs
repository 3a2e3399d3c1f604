//! Guard pages: blocks stand in pens, and the arena is charged for them.
//!
//! The arena hands out the plain block too, which nobody touches. So what is used, and when the arena
//! is exhausted, is as without a tracer.

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2_02::alloc::Allocator as _;
use arena_core::{AllocError, Arena};

use super::{Tracker, no_ledger};
use crate::fault::{Fault, Violation, When};
use crate::guard::{Ended, Found, GuardHeap};
use crate::record::{Origin, Record, State};
use crate::settings::Method;
use crate::zone::Side;

impl Tracker {
    pub(super) fn allocate_guarded(
        &mut self,
        arena: &Arena,
        layout: Layout,
        origin: Origin,
    ) -> Result<NonNull<u8>, AllocError> {
        let refused = |source| no_ledger(arena, layout, source);
        self.charges.make_room().map_err(refused)?;
        self.penned.make_room().map_err(refused)?;
        let charge = arena.try_alloc_layout(layout)?;
        let side = match self.settings.method {
            Method::GuardBefore => Side::Front,
            _ => Side::Rear,
        };
        let guard = self.guard.get_or_insert_with(|| GuardHeap::new(side));
        let placed = guard.place(layout, self.next_id, origin).map_err(refused);
        if placed.is_err() {
            // SAFETY: handed out just now, and unused.
            unsafe { arena.deallocate(charge, layout) };
        }
        let payload = placed?;
        self.charges.push(charge).map_err(refused)?;
        let record = Record::new(payload, layout, self.next_id, origin);
        self.penned.push(record).map_err(refused)?;
        self.next_id += 1;
        Ok(payload)
    }

    /// # Safety
    ///
    /// As [`Tracker::free`].
    pub(super) unsafe fn free_guarded(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
    ) -> Result<(), Violation> {
        let row = self.guarded_row_of(pointer, origin)?;
        let record = self.penned.as_slice()[row];
        self.look_at_slack(&record, When::Freed, origin);
        self.penned.as_mut_slice()[row].mark_freed(origin);
        self.frees += 1;
        if let Some(guard) = &mut self.guard {
            guard.free(pointer, Ended::Freed, origin);
        }
        self.give_charges_back(arena);
        if record.layout() == layout {
            return Ok(());
        }
        let violation = Violation::MismatchedLayout {
            size: layout.size(),
            align: layout.align(),
        };
        Err(self.note(Fault::new(violation, Some(record), When::Freed, origin)))
    }

    fn guarded_row_of(&mut self, pointer: NonNull<u8>, origin: Origin) -> Result<usize, Violation> {
        let address = pointer.addr().get();
        let found = self.guard.as_ref().and_then(|guard| guard.find(pointer));
        let (violation, block) = match found {
            None => (Violation::ForeignFree { address }, None),
            Some(Found { offset, record, .. }) if offset != 0 => {
                (Violation::InteriorFree { offset }, Some(record))
            }
            Some(Found {
                ended: Some(_),
                record,
                ..
            }) => (Violation::DoubleFree, Some(record)),
            Some(Found { id, .. }) => {
                let by_id = |record: &Record| record.id;
                let row = self.penned.as_slice().binary_search_by_key(&id, by_id);
                return Ok(row.expect("what is live in a pen is written down"));
            }
        };
        Err(self.note(Fault::new(violation, block, When::Freed, origin)))
    }

    /// Give the newest blocks back to the arena, as far as they are freed: their pens know them still.
    fn give_charges_back(&mut self, arena: &Arena) {
        while let Some(record) = self
            .penned
            .last()
            .filter(|record| record.state != State::Live)
        {
            let layout = record.layout();
            self.penned.pop();
            if let Some(charge) = self.charges.pop() {
                // SAFETY: the arena's newest block, which nobody has touched.
                unsafe { arena.deallocate(charge, layout) };
            }
        }
    }

    /// Give up every block that the arena was charged for from an address on.
    pub(super) fn rewind_guarded(&mut self, address: usize, origin: Origin) {
        let keep = self.charge_from(address);
        for row in keep..self.penned.len() {
            let record = self.penned.as_slice()[row];
            if record.state == State::Live {
                self.look_at_slack(&record, When::Rewound, origin);
                if let Some(guard) = &mut self.guard {
                    guard.free(record.payload, Ended::Rewound, origin);
                }
            }
        }
        self.penned.truncate(keep);
        self.charges.truncate(keep);
    }

    /// The first record that the arena was charged for at or above an address.
    pub(super) fn charge_from(&self, address: usize) -> usize {
        let is_below = |charge: &NonNull<u8>| charge.addr().get() < address;
        self.charges.as_slice().partition_point(is_below)
    }

    /// Look at the slack of all live blocks.
    pub(super) fn check_guarded(&mut self, origin: Origin) {
        for row in 0..self.penned.len() {
            let record = self.penned.as_slice()[row];
            if record.state == State::Live {
                self.look_at_slack(&record, When::Checked, origin);
            }
        }
    }

    fn look_at_slack(&mut self, record: &Record, when: When, origin: Origin) {
        let found = self.guard.as_ref().map(|guard| guard.slack_of(record));
        for violation in found.into_iter().flatten().flatten() {
            self.note(Fault::new(violation, Some(*record), when, origin));
        }
    }
}

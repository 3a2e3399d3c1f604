//! The ledger of one arena: records in the order of their addresses.

use std::alloc::Layout;
use std::io::Write;
use std::ptr::NonNull;

use arena_core::region::RegionError;
use arena_core::{AllocError, Arena};

mod canary;
mod guarded;
mod owed;
#[cfg(feature = "events")]
mod recording;
mod rows;

pub(super) use owed::Owed;

#[cfg(feature = "events")]
use crate::events::{Recorder, What};
use crate::fault::{Fault, Faults, Violation};
use crate::guard::GuardHeap;
use crate::reach::{self, Roots};
use crate::record::{Origin, Place, Record, State};
use crate::report::{Numbers, Report};
use crate::settings::{Method, Settings};
use crate::stack;
use crate::table::Table;
use crate::zone;
use rows::{ADDRESS_END, Rows, SiteId, is_wide};

/// What a traced arena writes down.
#[derive(Debug)]
pub(super) struct Tracker {
    /// Whether a call needs no more than canaries and a line: no stack, no pen, and not the first row.
    is_quick: bool,
    /// With canaries, whether there was room for a row, and is for a step back of the bump pointer.
    is_ready: bool,
    /// With canaries, a row for each block.
    rows: Rows,
    /// With guard pages, the number of the next block: how many were handed out before.
    next_id: u64,
    /// With canaries, where the bump pointer was left: whoever moves it uses the arena itself.
    frontier: usize,
    /// The address up to which what lies above the bump pointer is poison.
    poisoned_end: usize,
    /// Where the freed blocks at the end may be more than the quarantine holds.
    cut_at: usize,
    /// The lowest address of what can be freed the quick way: that of the first payload, or none.
    quick_from: usize,
    /// The arena's base: every pointer of the tracer's into its memory is made from it.
    memory: NonNull<u8>,
    settings: Settings,
    /// With guard pages, the pens that the blocks are in, a record for each block, and what the arena
    /// has handed out for it.
    guard: Option<GuardHeap>,
    penned: Table<Record>,
    charges: Table<NonNull<u8>>,
    /// How many blocks were freed one by one, with guard pages.
    frees: u64,
    /// With canaries, how many live blocks a rewind has given up: all others that are gone were freed.
    rewound: u64,
    /// How often the arena was emptied or rewound.
    generation: u64,
    faults: Faults,
    #[cfg(feature = "events")]
    events: Recorder,
    /// Destructors owed to values, in the order of their addresses.
    owed: Table<Owed>,
}

/// Bytes of the smallest block with red zones, of which an arena has room for so many.
const LEAST: usize = 2 * zone::RED_ZONE_LEN + zone::MARK_LEN;

impl Tracker {
    pub(super) fn new(arena: &Arena, settings: Settings) -> Self {
        let base = arena.base().addr().get();
        let end = base + arena.capacity();
        assert!(
            end <= ADDRESS_END,
            "an arena that ends at {end:#x}, and a row that has room for 48 bits of an address"
        );
        Self {
            is_quick: false,
            is_ready: false,
            // As many as the arena has room for; paid for row by row.
            rows: Rows::of(arena.capacity() / LEAST),
            next_id: 0,
            frontier: bump(arena),
            poisoned_end: bump(arena),
            cut_at: base.saturating_add(settings.quarantine),
            quick_from: usize::MAX,
            memory: arena.base(),
            settings,
            guard: None,
            penned: Table::new(),
            charges: Table::new(),
            frees: 0,
            rewound: 0,
            generation: 0,
            faults: Faults::new(),
            #[cfg(feature = "events")]
            events: Recorder::of(settings.events),
            owed: Table::new(),
        }
    }

    pub(super) fn next_id(&self) -> u64 {
        match self.settings.method {
            Method::Canary => self.rows.next_number(),
            _ => self.next_id,
        }
    }

    /// What is known of every block below the bump pointer.
    pub(super) fn records(&self) -> Vec<Record> {
        match self.settings.method {
            Method::Canary => self.rows.records(self.memory).collect(),
            _ => self.penned.as_slice().to_vec(),
        }
    }

    /// Hand out a block and write it down.
    #[inline(always)]
    pub(super) fn allocate(
        &mut self,
        arena: &Arena,
        layout: Layout,
        place: Place,
    ) -> Result<NonNull<u8>, AllocError> {
        if self.is_quick && !is_wide(layout) {
            // SAFETY: after the first row.
            let placed = unsafe { self.place_between_canaries(arena, layout, place) };
            if let Some(payload) = placed {
                return Ok(payload);
            }
        }
        self.allocate_with_more(arena, layout, place)
    }

    #[cold]
    #[inline(never)]
    fn allocate_with_more(
        &mut self,
        arena: &Arena,
        layout: Layout,
        place: Place,
    ) -> Result<NonNull<u8>, AllocError> {
        let origin = self.origin(place);
        let placed = match self.settings.method {
            Method::Canary => self.place_with_care(arena, layout, place),
            _ => self.allocate_guarded(arena, layout, origin),
        };
        #[cfg(feature = "events")]
        self.note_placed(layout, &placed, origin);
        let payload = placed?;
        if self.settings.backtraces && self.settings.method == Method::Canary {
            self.rows.note_stack(self.rows.len() - 1, 0, origin.stack);
        }
        let needs_more = self.settings.backtraces || self.settings.records();
        self.is_quick = self.settings.method == Method::Canary && !needs_more;
        if self.is_quick {
            self.quick_from = self.first_payload();
        }
        Ok(payload)
    }

    /// The lowest address that a payload can have.
    fn first_payload(&self) -> usize {
        self.memory.addr().get() + zone::RED_ZONE_LEN
    }

    fn origin(&self, place: Place) -> Origin {
        let mut origin = Origin::at(place);
        if self.settings.backtraces {
            origin.stack = stack::capture();
        }
        origin
    }

    /// Make room to write one more destructor down.
    pub(super) fn make_room_to_owe(&mut self) -> Result<(), RegionError> {
        self.owed.make_room()
    }

    /// Write down that a value is to be dropped when the arena is rewound below it. Where it stands,
    /// `at`, only grows: the number of its block, or its address where blocks have no numbers.
    ///
    /// # Safety
    ///
    /// `value` leads to a value of the arena that nobody else drops, and that may be dropped until the
    /// arena is rewound below it.
    pub(super) unsafe fn owe<T: Send>(&mut self, value: NonNull<T>, at: u64) {
        // SAFETY: passed on.
        let owed = self.owed.push(unsafe { Owed::to(value, at) });
        owed.expect("room was made");
    }

    /// The number of the first block at or above an address of the arena.
    pub(super) fn first_from(&self, address: usize) -> u64 {
        let id = match self.settings.method {
            Method::Canary => {
                let row = self.row_from(address);
                (row < self.rows.len()).then(|| self.rows.number(row))
            }
            _ => self
                .penned
                .get(self.charge_from(address))
                .map(|record| record.id),
        };
        id.unwrap_or(self.next_id())
    }

    /// Take the last destructor that is owed to a value that stands there or later.
    pub(super) fn next_owed(&mut self, at: u64) -> Option<Owed> {
        self.owed.last().filter(|owed| owed.is_from(at))?;
        self.owed.pop()
    }

    /// Report everything; it has been checked.
    pub(super) fn report(&mut self, arena: &Arena, roots: &Roots) -> Report {
        let mut live = self.records();
        live.retain(|record| record.state == State::Live);
        let mut report = Report::new("arena", reach::classify(&live, roots), self.faults.all());
        report.faults_dropped = self.faults.dropped();
        report.numbers = Numbers {
            allocations: self.next_id(),
            frees: match self.settings.method {
                Method::Canary => self.next_id() - live.len() as u64 - self.rewound,
                _ => self.frees,
            },
            requested: live.iter().map(|record| record.size).sum(),
            granted: arena.used(),
            committed: match &self.guard {
                Some(guard) => guard.committed(),
                None => arena.stats().committed,
            },
            resident: match &self.guard {
                Some(guard) => guard.resident(),
                None => arena.resident().ok(),
            },
            ledger: self.rows.granted() + self.penned.granted(),
        };
        self.faults.mark_told();
        report
    }

    /// Take back one block.
    ///
    /// # Safety
    ///
    /// If the pointer leads to a live block, nobody uses it any more.
    #[inline(always)]
    pub(super) unsafe fn free(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        place: Place,
    ) -> Result<(), Violation> {
        if let Some(site) = SiteId::known(place) {
            let (lowest, origin) = (self.quick_from, Origin::at(place));
            // SAFETY: passed on.
            let quick = unsafe { self.free_live(arena, lowest, pointer, layout, origin, site) };
            if quick.is_some() {
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.free_with_more(arena, pointer, layout, place) }
    }

    /// # Safety
    ///
    /// As [`Tracker::free`].
    #[cold]
    #[inline(never)]
    unsafe fn free_with_more(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        place: Place,
    ) -> Result<(), Violation> {
        let origin = self.origin(place);
        #[cfg(feature = "events")]
        let block = self.block_of(pointer);
        let freed = match self.settings.method {
            // SAFETY: passed on.
            Method::Canary => unsafe { self.free_row_of(arena, pointer, layout, place, origin) },
            // SAFETY: passed on.
            _ => unsafe { self.free_guarded(arena, pointer, layout, origin) },
        };
        #[cfg(feature = "events")]
        if matches!(freed, Ok(()) | Err(Violation::MismatchedLayout { .. })) {
            self.events.note(What::Free, block, origin, 0);
        }
        freed
    }

    /// # Safety
    ///
    /// As [`Tracker::free`].
    unsafe fn free_row_of(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        place: Place,
        origin: Origin,
    ) -> Result<(), Violation> {
        let (lowest, site) = (self.first_payload(), SiteId::of_line(place));
        // SAFETY: passed on.
        let quick = unsafe { self.free_live(arena, lowest, pointer, layout, origin, site) };
        let row = match quick {
            Some(row) => row,
            // SAFETY: passed on; nothing has been freed.
            None => unsafe { self.free_suspicious(arena, pointer, layout, origin, site) }?,
        };
        if self.settings.backtraces {
            self.rows.note_stack(row, 1, origin.stack);
        }
        Ok(())
    }

    /// Give up every block from an address on: a last look, then poison, or no access. The arena is
    /// rewound by the caller.
    ///
    /// # Safety
    ///
    /// Nobody uses those blocks any more.
    pub(super) unsafe fn rewind(&mut self, arena: &Arena, address: usize, origin: Origin) {
        self.generation += 1;
        #[cfg(feature = "events")]
        self.events.note(What::Rewind { address }, None, origin, 0);
        match self.settings.method {
            // SAFETY: passed on.
            Method::Canary => unsafe { self.rewind_canary(arena, address, origin) },
            _ => self.rewind_guarded(address, origin),
        }
    }

    /// Look at everything, and return how many faults are known.
    pub(super) fn check(&mut self, arena: &Arena, origin: Origin) -> usize {
        match self.settings.method {
            Method::Canary => self.check_canary(arena, origin),
            _ => self.check_guarded(origin),
        }
        self.faults.all().len()
    }

    /// Write a report to standard error if there is a fault that nobody has been told of.
    pub(super) fn tell_news(&mut self, arena: &Arena) {
        if self.faults.has_news() && !self.settings.quiet {
            let report = self.report(arena, &Roots::new());
            // If nobody reads standard error either, there is nobody left to tell.
            let _ = writeln!(std::io::stderr().lock(), "{report}");
        }
    }

    fn note(&mut self, fault: Fault) -> Violation {
        #[cfg(feature = "events")]
        self.events.note_fault(&fault);
        self.faults.note(fault);
        fault.violation
    }
}

/// The address of the bump pointer.
#[inline(always)]
fn bump(arena: &Arena) -> usize {
    arena.base().addr().get() + arena.used()
}

// SAFETY: the tables and pens are owned; pointers in records are notes about an arena that is sent
// along.
unsafe impl Send for Tracker {}

#[cold]
pub(super) fn no_ledger(arena: &Arena, layout: Layout, source: RegionError) -> AllocError {
    AllocError::Commit {
        size: layout.size(),
        used: arena.used(),
        source,
    }
}

//! The ledger of one arena: records in the order of their addresses.

use std::alloc::Layout;
use std::io::Write;
use std::ptr::NonNull;

use arena_core::region::RegionError;
use arena_core::{AllocError, Arena};

mod canary;
mod guarded;
mod owed;

pub(super) use owed::Owed;

use crate::fault::{Fault, Faults, Violation};
use crate::guard::GuardHeap;
use crate::reach::{self, Roots};
use crate::record::{Origin, Record, State};
use crate::report::{Numbers, Report};
use crate::settings::{Method, Settings};
use crate::table::Table;

/// What a traced arena writes down.
#[derive(Debug)]
pub(super) struct Tracker {
    settings: Settings,
    /// Blocks below the bump pointer, in the order of their addresses.
    records: Table<Record>,
    /// Blocks above the bump pointer whose bytes have not been handed out again: the one with the
    /// lowest address is the last.
    gone: Table<Record>,
    /// Records from here on are all of freed blocks; at most the number of records.
    live_end: usize,
    /// The address up to which what lies above the bump pointer is poison.
    poisoned_end: usize,
    /// With guard pages, the pens that the blocks are in.
    guard: Option<GuardHeap>,
    /// With guard pages, what the arena has handed out for each record.
    charges: Table<NonNull<u8>>,
    /// The number of the next block: how many were handed out before.
    next_id: u64,
    /// How often the arena was emptied or rewound.
    generation: u64,
    /// How many blocks were freed one by one.
    frees: u64,
    faults: Faults,
    /// Destructors owed to values, in the order of their addresses.
    owed: Table<Owed>,
}

impl Tracker {
    pub(super) fn new(arena: &Arena, settings: Settings) -> Self {
        Self {
            settings,
            // As much address space as the arena has; paid for row by row.
            records: Table::of(arena.capacity()),
            gone: Table::new(),
            live_end: 0,
            poisoned_end: bump(arena),
            guard: None,
            charges: Table::new(),
            next_id: 0,
            generation: 0,
            frees: 0,
            faults: Faults::new(),
            owed: Table::new(),
        }
    }

    #[inline(always)]
    pub(super) fn takes_stacks(&self) -> bool {
        self.settings.backtraces
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    pub(super) fn records(&self) -> &[Record] {
        self.records.as_slice()
    }

    /// Hand out a block and write it down.
    #[inline]
    pub(super) fn allocate(
        &mut self,
        arena: &Arena,
        layout: Layout,
        origin: Origin,
    ) -> Result<NonNull<u8>, AllocError> {
        // A block that nobody has written down would be called foreign when it is freed.
        self.records
            .make_room()
            .map_err(|source| no_ledger(arena, layout, source))?;
        let payload = match self.settings.method {
            Method::Canary => self.place_between_canaries(arena, layout)?,
            _ => self.allocate_guarded(arena, layout, origin)?,
        };
        let gap = self.records.len().saturating_sub(self.live_end) as u32;
        let record = Record::new(payload, layout, self.next_id, origin).with(gap);
        self.records
            .push(record)
            .map_err(|source| no_ledger(arena, layout, source))?;
        self.next_id += 1;
        self.live_end = self.records.len();
        Ok(payload)
    }

    /// Write down that a value is to be dropped when the arena is rewound below it. Where it stands,
    /// `at`, only grows: the number of its block, or its address where blocks have no numbers.
    ///
    /// # Safety
    ///
    /// `value` leads to a value of the arena that nobody else drops.
    pub(super) unsafe fn owe<T: Send + 'static>(
        &mut self,
        value: NonNull<T>,
        at: u64,
    ) -> Result<(), RegionError> {
        // SAFETY: passed on.
        self.owed.push(unsafe { Owed::to(value, at) })
    }

    /// The number of the first block at or above an address of the arena.
    pub(super) fn first_from(&self, address: usize) -> u64 {
        let row = match self.settings.method {
            Method::Canary => self.row_from(address),
            _ => self.charge_from(address),
        };
        self.records
            .get(row)
            .map_or(self.next_id, |record| record.id)
    }

    /// Take the last destructor that is owed to a value that stands there or later.
    pub(super) fn next_owed(&mut self, at: u64) -> Option<Owed> {
        self.owed.last().filter(|owed| owed.is_from(at))?;
        self.owed.pop()
    }

    /// Report everything; it has been checked.
    pub(super) fn report(&mut self, arena: &Arena, roots: &Roots) -> Report {
        let live: Vec<Record> = self.live().copied().collect();
        let mut report = Report::new("arena", reach::classify(&live, roots), self.faults.all());
        report.faults_dropped = self.faults.dropped();
        report.numbers = Numbers {
            allocations: self.next_id,
            frees: self.frees,
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
            ledger: self.records.granted() + self.gone.granted(),
        };
        self.faults.mark_told();
        report
    }

    /// Take back one block.
    ///
    /// # Safety
    ///
    /// If the pointer leads to a live block, nobody uses it any more.
    #[inline]
    pub(super) unsafe fn free(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
    ) -> Result<(), Violation> {
        match self.settings.method {
            // SAFETY: passed on.
            Method::Canary => unsafe { self.free_canary(arena, pointer, layout, origin) },
            // SAFETY: passed on.
            _ => unsafe { self.free_guarded(arena, pointer, layout, origin) },
        }
    }

    /// Give up every block from an address on: a last look, then poison, or no access. The arena is
    /// rewound by the caller.
    ///
    /// # Safety
    ///
    /// Nobody uses those blocks any more.
    pub(super) unsafe fn rewind(&mut self, arena: &Arena, address: usize, origin: Origin) {
        self.generation += 1;
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

    fn live(&self) -> impl Iterator<Item = &Record> {
        let records = self.records.as_slice().iter();
        records.filter(|record| record.state == State::Live)
    }

    fn note(&mut self, fault: Fault) -> Violation {
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
fn no_ledger(arena: &Arena, layout: Layout, source: RegionError) -> AllocError {
    AllocError::Commit {
        size: layout.size(),
        used: arena.used(),
        source,
    }
}

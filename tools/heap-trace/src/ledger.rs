//! The ledger of a heap whose blocks come from anywhere: rows that are used again, an index by
//! address, and a quarantine.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::region::RegionError;

mod index;
#[cfg(feature = "events")]
mod recording;
#[cfg(test)]
mod tests;

#[cfg(feature = "events")]
use crate::events::Recorder;
use crate::fault::{Fault, Faults, Violation, When};
use crate::guard::{Ended, GuardHeap};
use crate::reach::{self, Roots};
use crate::record::{Origin, Record, State};
use crate::report::{Numbers, Report};
use crate::settings::{Method, Settings};
use crate::table::Table;
use crate::thread;
use crate::zone::{self, Shape, Side, shape};
use index::Index;

/// Records of blocks that have left quarantine: the latest, to name a block that is freed twice.
const PAST: usize = 1024;

/// A block on its way back to the allocator that it came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Released {
    /// Its first byte, red zone included.
    pub(crate) block: NonNull<u8>,
    pub(crate) layout: Layout,
}

/// What a traced heap writes down. It has a lock around it, and never calls the traced allocator.
#[derive(Debug)]
pub(crate) struct Ledger {
    settings: Settings,
    rows: Table<Record>,
    /// Rows that no block has.
    spare: Table<u32>,
    /// Every row that a block has, freed ones in quarantine among them.
    index: Index,
    /// Rows of freed blocks, the oldest first; those before `oldest` have left.
    quarantine: Table<u32>,
    oldest: usize,
    /// Bytes in quarantine, red zones included.
    quarantined: usize,
    /// Records of blocks that left quarantine, in a ring.
    past: Table<Record>,
    next_past: usize,
    guard: Option<GuardHeap>,
    faults: Faults,
    #[cfg(feature = "events")]
    events: Recorder,
    next_id: u64,
    frees: u64,
    /// Bytes of blocks that are live or quarantined, red zones included.
    granted: usize,
    /// Blocks of a lower number were there when this process was forked.
    inherited: u64,
}

// SAFETY: the tables and pens are owned; pointers in records are notes.
unsafe impl Send for Ledger {}

impl Ledger {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            rows: Table::new(),
            spare: Table::new(),
            index: Index::new(),
            quarantine: Table::new(),
            oldest: 0,
            quarantined: 0,
            past: Table::new(),
            next_past: 0,
            guard: None,
            faults: Faults::new(),
            #[cfg(feature = "events")]
            events: Recorder::of(settings.events),
            next_id: 0,
            frees: 0,
            granted: 0,
            inherited: 0,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    pub(crate) fn set(&mut self, settings: Settings) {
        self.settings = settings;
        #[cfg(feature = "events")]
        self.events.keep(settings.events);
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    pub(crate) fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// This process was forked: its blocks so far are its parent's to free and to answer for.
    pub(crate) fn inherit(&mut self) {
        self.inherited = self.next_id;
    }

    /// Write a block down that an allocator has handed out for the enlarged layout, and return its
    /// payload.
    ///
    /// # Safety
    ///
    /// `block` has as many bytes as the shape says, and is the caller's.
    ///
    /// # Errors
    ///
    /// There is no memory for the record; nothing has happened.
    pub(crate) unsafe fn add(
        &mut self,
        block: NonNull<u8>,
        shape: Shape,
        layout: Layout,
        origin: Origin,
    ) -> Result<NonNull<u8>, RegionError> {
        // SAFETY: the front zone is part of the block.
        let payload = unsafe { block.add(shape.front) };
        let row = self.write_down(payload, layout, origin)?;
        // SAFETY: the caller's block.
        unsafe { zone::write(payload, shape, row as u64) };
        self.granted += shape.total();
        Ok(payload)
    }

    /// Hand out a block between guard pages and write it down.
    ///
    /// # Errors
    ///
    /// There is no memory for the block or for its record.
    pub(crate) fn add_guarded(
        &mut self,
        layout: Layout,
        origin: Origin,
    ) -> Result<NonNull<u8>, RegionError> {
        let side = match self.settings.method {
            Method::GuardBefore => Side::Front,
            _ => Side::Rear,
        };
        let id = self.next_id;
        let guard = self.guard.get_or_insert_with(|| GuardHeap::new(side));
        let payload = guard.place(layout, id, origin)?;
        self.write_down(payload, layout, origin)?;
        self.granted += layout.size();
        Ok(payload)
    }

    fn write_down(
        &mut self,
        payload: NonNull<u8>,
        layout: Layout,
        origin: Origin,
    ) -> Result<usize, RegionError> {
        self.index.make_room(self.rows.as_slice())?;
        let record = Record::new(payload, layout, self.next_id, origin).with(thread::number());
        let row = match self.spare.pop() {
            Some(row) => {
                self.rows.as_mut_slice()[row as usize] = record;
                row as usize
            }
            None => {
                // A row that is free must find its place in the list of spare ones.
                self.spare.reserve(self.rows.len() + 1)?;
                self.quarantine.reserve(2 * self.rows.len() + 2)?;
                self.rows.push(record)?;
                self.rows.len() - 1
            }
        };
        self.index.insert(self.rows.as_slice(), row);
        self.next_id += 1;
        #[cfg(feature = "events")]
        self.note_placed(&record, origin);
        Ok(row)
    }

    /// Take a block back into quarantine. Without a layout (C's `free`), none is compared.
    ///
    /// # Safety
    ///
    /// If the pointer leads to a live block, nobody uses it any more.
    ///
    /// # Errors
    ///
    /// The violation; it is noted too. Nothing was freed unless it is a mismatched layout.
    pub(crate) unsafe fn free(
        &mut self,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
    ) -> Result<(), Violation> {
        let found = self.index.find(self.rows.as_slice(), pointer.addr().get());
        let Some(row) = found else {
            return Err(self.refuse(pointer, origin));
        };
        let record = self.rows.as_slice()[row];
        if record.state != State::Live {
            return Err(self.note(Violation::DoubleFree, Some(record), When::Freed, origin));
        }
        self.look_around(row, When::Freed, origin);
        self.rows.as_mut_slice()[row].mark_freed(origin);
        match &mut self.guard {
            Some(guard) => guard.free(pointer, Ended::Freed, origin),
            None => {
                // SAFETY: the block is given up.
                unsafe { zone::poison(zone::block(&record), shape(&record).total()) };
            }
        }
        self.frees += 1;
        #[cfg(feature = "events")]
        self.note_freed(&record, origin);
        self.enter_quarantine(row);
        if record.layout() == layout {
            return Ok(());
        }
        let violation = Violation::MismatchedLayout {
            size: layout.size(),
            align: layout.align(),
        };
        Err(self.note(violation, Some(record), When::Freed, origin))
    }

    fn enter_quarantine(&mut self, row: usize) {
        self.quarantined += self.weight(row);
        // There is room: as many places were reserved as there are rows, twice.
        if self.oldest > 0 && self.oldest >= self.quarantine.len() - self.oldest {
            let left = self.quarantine.len() - self.oldest;
            let oldest = self.oldest;
            self.quarantine.as_mut_slice().copy_within(oldest.., 0);
            self.quarantine.truncate(left);
            self.oldest = 0;
        }
        let _ = self.quarantine.push(row as u32);
    }

    /// Bytes that a row's block takes.
    fn weight(&self, row: usize) -> usize {
        let record = &self.rows.as_slice()[row];
        match self.guard {
            Some(_) => record.size,
            None => shape(record).total(),
        }
    }

    /// Take the oldest block out of quarantine, if more are there than it holds; to be given back to the
    /// allocator that it came from. Called until there is none.
    pub(crate) fn release(&mut self) -> Option<Released> {
        while self.quarantined > self.settings.quarantine {
            if let Some(released) = self.release_oldest() {
                return Some(released);
            }
        }
        None
    }

    /// Take the oldest block out of quarantine; `None` if it was in a pen, which keeps it.
    fn release_oldest(&mut self) -> Option<Released> {
        let row = self.quarantine.get(self.oldest).copied()? as usize;
        self.oldest += 1;
        self.look_into_freed(row, When::LeftQuarantine, Origin::NONE);
        let weight = self.weight(row);
        self.quarantined -= weight;
        self.granted -= weight;
        let record = self.rows.as_slice()[row];
        self.index.remove(self.rows.as_slice(), record.start());
        // There is room: as many places were reserved as there are rows.
        let _ = self.spare.push(row as u32);
        self.remember(record);
        if self.guard.is_some() {
            return None;
        }
        let (_, layout) = Shape::of(record.layout())?;
        Some(Released {
            block: zone::block(&record),
            layout,
        })
    }

    /// Take any block out of quarantine that is to be given back: called when the heap ends.
    pub(crate) fn release_any(&mut self) -> Option<Released> {
        while self.oldest < self.quarantine.len() {
            if let Some(released) = self.release_oldest() {
                return Some(released);
            }
        }
        None
    }

    fn remember(&mut self, record: Record) {
        if self.past.len() < PAST {
            let _ = self.past.push(record);
        } else {
            self.past.as_mut_slice()[self.next_past] = record;
            self.next_past = (self.next_past + 1) % PAST;
        }
    }

    /// The pointer is the start of no block: say what it is.
    #[cold]
    fn refuse(&mut self, pointer: NonNull<u8>, origin: Origin) -> Violation {
        let address = pointer.addr().get();
        let rows = self.rows.as_slice();
        let taken = |row: &usize| self.index.find(rows, rows[*row].start()) == Some(*row);
        let inside = (0..rows.len())
            .filter(taken)
            .map(|row| rows[row])
            .find(|record| match self.guard {
                Some(_) => (record.start()..record.end()).contains(&address),
                None => zone::extent(record).contains(&address),
            });
        let past = self.past.as_slice().iter();
        let past = past
            .filter(|record| record.start() == address)
            .max_by_key(|record| record.id);
        let (violation, block) = match (inside, past) {
            (Some(record), _) => {
                let offset = address.wrapping_sub(record.start()) as isize;
                (Violation::InteriorFree { offset }, Some(record))
            }
            (None, Some(past)) => (Violation::DoubleFree, Some(*past)),
            (None, None) => (Violation::ForeignFree { address }, None),
        };
        self.note(violation, block, When::Freed, origin)
    }

    /// Look at everything, and return how many faults are known.
    pub(crate) fn check(&mut self, origin: Origin) -> usize {
        for row in 0..self.rows.len() {
            let record = self.rows.as_slice()[row];
            if self.index.find(self.rows.as_slice(), record.start()) != Some(row) {
                continue;
            }
            match record.state {
                State::Live => self.look_around(row, When::Checked, origin),
                _ => self.look_into_freed(row, When::Checked, origin),
            }
        }
        self.faults.all().len()
    }

    /// Look at the red zones of a live block; what was written there is noted, and mended.
    fn look_around(&mut self, row: usize, when: When, origin: Origin) {
        let record = self.rows.as_slice()[row];
        if let Some(guard) = &self.guard {
            for violation in guard.slack_of(&record).into_iter().flatten() {
                self.note(violation, Some(record), when, origin);
            }
            return;
        }
        let shape = shape(&record);
        // SAFETY: a recorded block, with the zones that were written around it.
        if !unsafe { zone::intact(record.payload, shape, row as u64) } {
            // SAFETY: as above.
            for violation in unsafe { zone::mend(record.payload, shape, row as u64) } {
                self.note(violation, Some(record), when, origin);
            }
        }
    }

    /// Look at the poison of a freed block; what was written there is noted, and mended. In a pen there
    /// is nothing to see: whoever touches it faults.
    fn look_into_freed(&mut self, row: usize, when: When, origin: Origin) {
        if self.guard.is_some() {
            return;
        }
        let record = self.rows.as_slice()[row];
        let (from, len) = (zone::block(&record), shape(&record).total());
        // SAFETY: freed, so its bytes are poison, and nobody's.
        if unsafe { zone::is_poison(from, len) } {
            return;
        }
        // SAFETY: as above.
        if let Some(mut wrong) = unsafe { zone::compare(from, len, |_| zone::POISON_FREED) } {
            wrong.first -= shape(&record).front as isize;
            self.note(Violation::UseAfterFree(wrong), Some(record), when, origin);
            // SAFETY: as above.
            unsafe { zone::poison(from, len) };
        }
    }

    #[cold]
    pub(crate) fn note(
        &mut self,
        violation: Violation,
        block: Option<Record>,
        when: When,
        origin: Origin,
    ) -> Violation {
        let mut fault = Fault::new(violation, block, when, origin);
        fault.thread = thread::number();
        #[cfg(feature = "events")]
        self.events.note_fault(&fault);
        self.faults.note(fault);
        violation
    }

    /// Report everything, checked just now. Blocks that this process has from its parent are left out.
    pub(crate) fn report(&mut self, of: &str, roots: &Roots) -> Report {
        let live: Vec<Record> = (0..self.rows.len())
            .map(|row| (row, self.rows.as_slice()[row]))
            .filter(|(_, record)| record.state == State::Live)
            .filter(|(row, record)| {
                self.index.find(self.rows.as_slice(), record.start()) == Some(*row)
            })
            .map(|(_, record)| record)
            .collect();
        let mut blocks = reach::classify(&live, roots);
        blocks.retain(|(_, block)| block.id >= self.inherited);
        let mut report = Report::new(of, blocks, self.faults.all());
        report.faults_dropped = self.faults.dropped();
        let pens = self.guard.as_ref().map_or(0, GuardHeap::committed);
        let ledger = self.rows.granted() + self.index.granted() + self.quarantine.granted();
        report.numbers = Numbers {
            allocations: self.next_id,
            frees: self.frees,
            requested: live.iter().map(|record| record.size).sum(),
            granted: self.granted,
            committed: if self.guard.is_some() {
                pens
            } else {
                self.granted
            },
            resident: self.guard.as_ref().and_then(GuardHeap::resident),
            ledger: ledger + self.spare.granted() + self.past.granted(),
        };
        if self.inherited > 0 {
            let inherited = live
                .iter()
                .filter(|record| record.id < self.inherited)
                .count();
            report.notes.push(format!(
                "a forked process: {inherited} live blocks are its parent's and are left out"
            ));
        }
        if thread::are_some_unknown() {
            report
                .notes
                .push("more threads than are known: not all stacks were searched".to_owned());
        }
        self.faults.mark_told();
        report
    }
}

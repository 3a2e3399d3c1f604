//! Canaries: red zones around each block, poison in what was given up.
//!
//! ```text
//!   records, in the order of addresses                      gone, in the reverse order
//!   ├zone┤ live ├zone┤zone┤ freed: poison ├zone┤ bump pointer ┤ poison … ┤ poisoned_end
//! ```
//!
//! What is freed one by one stays where it is, as in any arena. Only when nothing live lies behind
//! it, and more of it than the quarantine holds, is it given back to the arena.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

use allocator_api2_02::alloc::Allocator as _;
use arena_core::{AllocError, Arena};

use super::{Tracker, bump};
use crate::fault::{Fault, Violation, When};
use crate::record::{Origin, Record, State};
use crate::zone::{self, Shape, block, extent, shape};

impl Tracker {
    #[inline(always)]
    pub(super) fn place_between_canaries(
        &mut self,
        arena: &Arena,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        let Some((shape, enlarged)) = Shape::of(layout) else {
            return Err(AllocError::TooLarge {
                count: 1,
                element_size: layout.size(),
            });
        };
        let block = arena.try_alloc_layout(enlarged)?;
        if block.addr().get() < self.poisoned_end {
            self.look_before_reuse(block, shape.total());
        }
        // SAFETY: the block has `shape.total()` bytes.
        let payload = unsafe { block.add(shape.front) };
        // SAFETY: the block was handed out just now.
        unsafe { zone::write(payload, shape, self.records.len() as u64) };
        Ok(payload)
    }

    /// Bytes that were poison are handed out again: see whether anyone has written there meanwhile.
    #[inline]
    fn look_before_reuse(&mut self, block: NonNull<u8>, len: usize) {
        let (start, end) = (block.addr().get(), block.addr().get() + len);
        let len = end.min(self.poisoned_end) - start;
        // SAFETY: the bytes were written when they were poisoned, and are ours now.
        if !unsafe { zone::is_poison(block, len) } {
            // SAFETY: as above.
            unsafe { self.blame(start..start + len, block, When::Reused, Origin::NONE) };
        }
        while let Some(top) = self.gone.last() {
            if zone::block(top).addr().get() >= end {
                break;
            }
            self.gone.pop();
        }
    }

    /// Find whose poison was written to, and note it.
    ///
    /// # Safety
    ///
    /// The bytes of the range, which begins at `from`, are initialised and no live block's.
    #[cold]
    unsafe fn blame(&mut self, range: Range<usize>, from: NonNull<u8>, when: When, origin: Origin) {
        let mut owned = false;
        for index in (0..self.gone.len()).rev() {
            let record = self.gone.as_slice()[index];
            let whole = extent(&record);
            if whole.start >= range.end {
                break;
            }
            let (start, end) = (whole.start.max(range.start), whole.end.min(range.end));
            if start < end {
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

    /// # Safety
    ///
    /// As [`Tracker::free`].
    #[inline]
    pub(super) unsafe fn free_canary(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
    ) -> Result<(), Violation> {
        let row = self.row_of(arena, pointer, origin)?;
        let record = self.records.as_slice()[row];
        let shape = shape(&record);
        // SAFETY: a recorded block, with the zones that were written around it.
        if !unsafe { zone::intact(record.payload, shape, row as u64) } {
            self.note_damage(row, When::Freed, origin);
        }
        let mismatched = record.layout() != layout;
        // SAFETY: the block is given up.
        unsafe { zone::poison(block(&record), shape.total()) };
        self.records.as_mut_slice()[row].mark_freed(origin);
        self.frees += 1;
        if row + 1 == self.live_end {
            self.shorten(arena);
        }
        if !mismatched {
            return Ok(());
        }
        let violation = Violation::MismatchedLayout {
            size: layout.size(),
            align: layout.align(),
        };
        Err(self.note(Fault::new(violation, Some(record), When::Freed, origin)))
    }

    /// Find the live block that a pointer is the start of.
    #[inline(always)]
    fn row_of(
        &mut self,
        arena: &Arena,
        pointer: NonNull<u8>,
        origin: Origin,
    ) -> Result<usize, Violation> {
        let records = self.records.as_slice();
        let first = records.first().map_or(usize::MAX, Record::start);
        if pointer.addr().get() >= first && pointer.addr().get() < bump(arena) {
            // SAFETY: at or behind the first payload, which has a front zone: the 16 bytes before lie
            // within blocks of ours, or in padding between them.
            let row = unsafe { zone::row(with_address(records[0].payload, pointer)) };
            let row = usize::try_from(row).unwrap_or(usize::MAX);
            if let Some(record) = records.get(row)
                && record.payload.addr() == pointer.addr()
                && record.state == State::Live
            {
                return Ok(row);
            }
        }
        self.row_by_search(pointer, origin)
    }

    /// The mark did not name the block: it was overwritten, or the pointer is not what it should be.
    #[cold]
    fn row_by_search(&mut self, pointer: NonNull<u8>, origin: Origin) -> Result<usize, Violation> {
        let address = pointer.addr().get();
        let records = self.records.as_slice();
        let row = records
            .partition_point(|record| record.start() <= address)
            .wrapping_sub(1);
        let found = records.get(row).copied();
        if let Some(record) = found.filter(|record| record.start() == address) {
            if record.state == State::Live {
                return Ok(row);
            }
            let fault = Fault::new(Violation::DoubleFree, found, When::Freed, origin);
            return Err(self.note(fault));
        }
        let gone = self
            .gone
            .as_slice()
            .iter()
            .find(|record| record.start() == address);
        let next = records.get(row.wrapping_add(1)).copied();
        let (violation, block) = match (gone, found, next) {
            (Some(gone), ..) => (Violation::DoubleFree, Some(*gone)),
            (_, Some(inside), _) if address < inside.end() + shape(&inside).rear => {
                let offset = (address - inside.start()) as isize;
                (Violation::InteriorFree { offset }, found)
            }
            (_, _, Some(next)) if address >= block(&next).addr().get() => {
                let offset = address.wrapping_sub(next.start()) as isize;
                (Violation::InteriorFree { offset }, Some(next))
            }
            _ => (Violation::ForeignFree { address }, None),
        };
        let mut fault = Fault::new(violation, block, When::Freed, origin);
        fault.generation = block
            .filter(|block| block.state == State::Rewound)
            .map(|_| self.generation);
        Err(self.note(fault))
    }

    /// The last live block was freed: give the freed ones at the end back to the arena, if they are
    /// more than the quarantine holds.
    fn shorten(&mut self, arena: &Arena) {
        let records = self.records.as_slice();
        // Below each freed record are those that were freed when it was allocated: passed at a step.
        while let Some(last) = records[..self.live_end].last() {
            if last.state == State::Live {
                break;
            }
            self.live_end -= 1 + last.thread_or_gap as usize;
        }
        let Some(first) = records.get(self.live_end) else {
            return;
        };
        let start = block(first).addr().get();
        if bump(arena) - start <= self.settings.quarantine {
            return;
        }
        self.poisoned_end = self.poisoned_end.max(bump(arena));
        while self.records.len() > self.live_end {
            let Some(record) = self.records.pop() else {
                break;
            };
            self.forget(record);
        }
        self.cut(arena, start);
    }

    /// Give everything from an address on back to the arena, as what it is: the newest block.
    fn cut(&mut self, arena: &Arena, start: usize) {
        let len = bump(arena) - start;
        let at = arena.base().map_addr(|_| {
            // An address within the arena is not 0.
            std::num::NonZero::new(start).unwrap_or(arena.base().addr())
        });
        // Padding between blocks is not poison yet.
        // SAFETY: from `start` on there are freed blocks and padding only.
        unsafe { zone::poison(at, len) };
        give_back(arena, at, len);
        self.see_what_is_left_of_poison(arena);
    }

    /// Keep a record of what is no block any more, to be able to name it.
    fn forget(&mut self, record: Record) {
        // Without memory for it, a use after free is still seen, and is nobody's.
        let _ = self.gone.push(record);
    }

    /// The arena may have cleared, or given to the OS, what was poisoned: then there is nothing to
    /// see there.
    pub(in crate::arena) fn see_what_is_left_of_poison(&mut self, arena: &Arena) {
        let from = bump(arena);
        if self.poisoned_end <= from {
            return;
        }
        let len = self.poisoned_end - from;
        // SAFETY: the poisoned bytes lie within the arena.
        let first = unsafe { arena.base().add(arena.used()) };
        // SAFETY: as above.
        let last = unsafe { first.add(len - 1) };
        // SAFETY: both were written when they were poisoned, or read as zero since.
        let is_left = |at| unsafe { zone::is_poison(at, 1) };
        if !is_left(first) || !is_left(last) {
            self.poisoned_end = from;
        }
    }

    /// # Safety
    ///
    /// As [`Tracker::rewind`].
    pub(super) unsafe fn rewind_canary(&mut self, arena: &Arena, address: usize, origin: Origin) {
        let keep = self.row_from(address);
        self.check_rows(keep, When::Rewound, origin);
        let offset = address.saturating_sub(arena.base().addr().get());
        // SAFETY: a checkpoint lies within the arena.
        let from = unsafe { arena.base().add(offset) };
        // SAFETY: what lies between the checkpoint and the bump pointer is given up.
        unsafe { zone::poison(from, arena.used() - offset) };
        self.poisoned_end = self.poisoned_end.max(bump(arena));
        while self.records.len() > keep {
            let Some(mut record) = self.records.pop() else {
                break;
            };
            if record.state == State::Live {
                record.state = State::Rewound;
            }
            self.forget(record);
        }
        self.live_end = self.live_end.min(keep);
    }

    pub(super) fn check_canary(&mut self, arena: &Arena, origin: Origin) {
        self.check_rows(0, When::Checked, origin);
        let from = bump(arena);
        if let Some(len) = self.poisoned_end.checked_sub(from).filter(|&len| len > 0) {
            // SAFETY: the poisoned bytes lie within the arena.
            let at = unsafe { arena.base().add(arena.used()) };
            // SAFETY: they were written when they were poisoned.
            if !unsafe { zone::is_poison(at, len) } {
                // SAFETY: as above, and nobody's.
                unsafe { self.blame(from..from + len, at, When::Checked, origin) };
            }
        }
    }

    /// The first record of a block at or above an address.
    pub(super) fn row_from(&self, address: usize) -> usize {
        let is_below = |record: &Record| block(record).addr().get() < address;
        self.records.as_slice().partition_point(is_below)
    }

    /// Look at the zones of live blocks, and at the poison of freed ones, from a row on.
    fn check_rows(&mut self, from: usize, when: When, origin: Origin) {
        for row in from..self.records.len() {
            let record = self.records.as_slice()[row];
            let shape = shape(&record);
            match record.state {
                State::Live => {
                    // SAFETY: a recorded block, with the zones that were written around it.
                    if !unsafe { zone::intact(record.payload, shape, row as u64) } {
                        self.note_damage(row, when, origin);
                    }
                }
                _ => {
                    // SAFETY: freed, so its bytes are poison, and nobody's.
                    if !unsafe { zone::is_poison(block(&record), shape.total()) } {
                        let (at, ahead) = (block(&record), -(shape.front as isize));
                        // SAFETY: as above.
                        unsafe {
                            self.blame_on(Some(record), at, shape.total(), ahead, when, origin);
                        }
                    }
                }
            }
        }
    }

    /// Note what was written into the red zones of a block, and write them anew.
    #[cold]
    fn note_damage(&mut self, row: usize, when: When, origin: Origin) {
        let record = self.records.as_slice()[row];
        let shape = shape(&record);
        // SAFETY: a recorded block, with the zones that were written around it.
        for violation in unsafe { zone::mend(record.payload, shape, row as u64) } {
            self.note(Fault::new(violation, Some(record), when, origin));
        }
    }
}

/// Return the pointer with the provenance of the arena's memory.
#[inline(always)]
fn with_address(arena: NonNull<u8>, pointer: NonNull<u8>) -> NonNull<u8> {
    arena.with_addr(pointer.addr())
}

/// Free the newest block of the arena.
fn give_back(arena: &Arena, newest: NonNull<u8>, len: usize) {
    // SAFETY: the size is not more than the arena, and 1 is an alignment.
    let layout = unsafe { Layout::from_size_align_unchecked(len, 1) };
    // SAFETY: the blocks that these bytes were are all freed, and end at the bump pointer.
    unsafe { arena.deallocate(newest, layout) };
}

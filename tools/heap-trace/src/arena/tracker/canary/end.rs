//! The end of what is in use: what goes back to the arena, and what came out of it past the tracer.

use std::alloc::Layout;
use std::num::NonZero;
use std::ptr::NonNull;

use allocator_api2_02::alloc::Allocator as _;
use arena_core::{AllocError, Arena};

use super::super::{Tracker, bump, no_ledger};
use super::{Block, Row, is_wide};
use crate::fault::When;
use crate::record::{Origin, Place, State};
use crate::zone::{self, Shape};

impl Tracker {
    /// Give the freed blocks at the end back to the arena, if they are more than the quarantine holds.
    ///
    /// It is asked again when as much has been allocated as would make them more, if they begin where
    /// they do now. If blocks below are freed meanwhile, that is later than it could be, by no more
    /// than a quarantine; who would get no memory for that asks [`Tracker::empty_the_end`].
    #[cold]
    #[inline(never)]
    pub(super) fn shorten(&mut self, arena: &Arena) {
        if bump(arena) != self.frontier {
            // What was not traced lies at the end, and is in use.
            self.cut_at = self.frontier.saturating_add(self.settings.quarantine);
            return;
        }
        let keep = self.rows.first_of_freed_end();
        let start = self.end_of(keep);
        if self.frontier - start > self.settings.quarantine {
            self.cut(arena, keep, start);
        }
        self.cut_at = start.saturating_add(self.settings.quarantine);
    }

    /// Hand out a block, as [`Tracker::place_between_canaries`] does, and do first what keeps that from
    /// it: note what was not traced, make room for a row, give the freed blocks at the end back.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn place_with_care(
        &mut self,
        arena: &Arena,
        layout: Layout,
        place: Place,
    ) -> Result<NonNull<u8>, AllocError> {
        let Some((_, enlarged)) = Shape::of(layout) else {
            return Err(AllocError::TooLarge {
                count: 1,
                element_size: layout.size(),
            });
        };
        if self.is_ready && !is_wide(layout) {
            // SAFETY: there was room for a row.
            let placed = unsafe { self.place_between_canaries(arena, layout, place) };
            if let Some(payload) = placed {
                return Ok(payload);
            }
        }
        self.note_what_is_new(arena)?;
        self.make_room(arena, layout, enlarged)?;
        // SAFETY: room was made just now.
        let mut placed = unsafe { self.place_between_canaries(arena, layout, place) };
        if placed.is_none() {
            self.empty_the_end(arena);
            // The arena itself says what is wrong, unless it has room now.
            let block = arena.try_alloc_layout(enlarged)?;
            give_back(arena, block, enlarged.size());
            self.make_room(arena, layout, enlarged)?;
            // SAFETY: as above.
            placed = unsafe { self.place_between_canaries(arena, layout, place) };
        }
        let placed = placed.expect("room in the arena and in the table");
        if is_wide(layout) {
            self.rows.note_layout(layout);
        }
        self.is_ready = true;
        Ok(placed)
    }

    /// Make sure that the table has room for the next block.
    fn make_room(
        &mut self,
        arena: &Arena,
        layout: Layout,
        enlarged: Layout,
    ) -> Result<(), AllocError> {
        let end = self.frontier.next_multiple_of(enlarged.align()) + enlarged.size();
        let made = self
            .rows
            .make_room(end)
            .and_then(|()| match is_wide(layout) {
                true => self.rows.make_room_for_layout(),
                false => Ok(()),
            });
        made.map_err(|source| no_ledger(arena, enlarged, source))
    }

    /// Give all freed blocks at the end back, whatever the quarantine.
    fn empty_the_end(&mut self, arena: &Arena) {
        let keep = self.rows.first_of_freed_end();
        if keep < self.rows.len() {
            let start = self.end_of(keep);
            self.cut(arena, keep, start);
            self.cut_at = start.saturating_add(self.settings.quarantine);
        }
    }

    /// Where the blocks end that the first `rows` rows are of, padding behind them included.
    fn end_of(&self, rows: usize) -> usize {
        match self.rows.get(rows) {
            Some(row) => row.block.address() - self.front_of(rows),
            None => self.frontier,
        }
    }

    /// Give everything from an address on back to the arena, as what it is: the newest block.
    fn cut(&mut self, arena: &Arena, keep: usize, start: usize) {
        let len = self.frontier - start;
        self.poisoned_end = self.poisoned_end.max(self.frontier);
        self.cut_rows(keep);
        self.frontier = start;
        give_back(arena, self.at(start), len);
        self.see_what_is_left_of_poison(arena);
    }

    /// The address, with the provenance of the arena's memory.
    pub(super) fn at(&self, address: usize) -> NonNull<u8> {
        // An address within the arena is not 0.
        let address = NonZero::new(address).unwrap_or(self.memory.addr());
        self.memory.with_addr(address)
    }

    /// There is no place for a row: the block is not handed out.
    #[cold]
    #[inline(never)]
    pub(super) fn undo(&mut self, arena: &Arena, block: NonNull<u8>, enlarged: Layout) {
        // What was looked at before its reuse is poison again.
        let (start, end) = (block.addr().get(), block.addr().get() + enlarged.size());
        give_back(arena, block, enlarged.size());
        self.frontier = start;
        debug_assert!(
            bump(arena) == start,
            "{start:#x}..{end:#x} is not the newest"
        );
    }

    /// The bytes between the last block and the next are nobody's. They are made poison, as everything
    /// is that may come to lie above the bump pointer.
    #[cold]
    #[inline(never)]
    pub(super) fn poison_padding(&mut self, start: usize) {
        let from = self.at(self.frontier);
        let poisoned = self.poisoned_end.clamp(self.frontier, start) - self.frontier;
        self.blame_if_wrong(from, poisoned, When::Reused, Origin::NONE);
        // SAFETY: padding, which the arena has skipped just now.
        unsafe { zone::poison(from, start - self.frontier) };
    }

    /// The bump pointer is not where the tracer has left it: somebody has used the arena itself. The
    /// bytes are theirs, until the arena is rewound below them.
    #[cold]
    #[inline(never)]
    pub(super) fn note_what_was_not_traced(&mut self, arena: &Arena) -> Result<(), AllocError> {
        let now = bump(arena);
        if now < self.frontier {
            // Only an unsafe call on the arena does this, and what lay above is given up by it.
            let keep = self.row_from(now);
            self.give_up_rows(keep);
            self.poisoned_end = now;
        } else {
            let size = now - self.frontier;
            let layout = Layout::from_size_align(size, 1).expect("no more than the arena");
            let refused = |source| no_ledger(arena, layout, source);
            self.rows.make_room(now).map_err(refused)?;
            // SAFETY: room was made just now.
            let next = unsafe { self.rows.next(Block::before(now)) }.expect("room was made");
            next.write(Row::untraced(self.frontier));
            self.rows.skip_number();
        }
        self.frontier = now;
        Ok(())
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
    pub(in super::super) unsafe fn rewind_canary(
        &mut self,
        arena: &Arena,
        address: usize,
        origin: Origin,
    ) {
        // Without memory for the row of what was not traced, it is given up all the same.
        let _ = self.note_what_is_new(arena);
        let keep = self.row_from(address);
        self.check_rows(keep, When::Rewound, origin);
        let offset = address.saturating_sub(arena.base().addr().get());
        // SAFETY: a checkpoint lies within the arena.
        let from = unsafe { arena.base().add(offset) };
        // SAFETY: what lies between the checkpoint and the bump pointer is given up.
        unsafe { zone::poison(from, arena.used().saturating_sub(offset)) };
        self.poisoned_end = self.poisoned_end.max(bump(arena));
        self.give_up_rows(keep);
        self.frontier = address.min(bump(arena));
        self.cut_at = self.frontier;
    }

    pub(in super::super) fn check_canary(&mut self, arena: &Arena, origin: Origin) {
        // As above: what has no row is not looked at.
        let _ = self.note_what_is_new(arena);
        self.check_rows(0, When::Checked, origin);
        let from = bump(arena);
        if let Some(len) = self.poisoned_end.checked_sub(from).filter(|&len| len > 0) {
            // SAFETY: the poisoned bytes lie within the arena.
            let at = unsafe { arena.base().add(arena.used()) };
            self.blame_if_wrong(at, len, When::Checked, origin);
        }
    }

    fn note_what_is_new(&mut self, arena: &Arena) -> Result<(), AllocError> {
        match bump(arena) == self.frontier {
            true => Ok(()),
            false => self.note_what_was_not_traced(arena),
        }
    }

    /// The first row of a block at or above an address.
    pub(in super::super) fn row_from(&self, address: usize) -> usize {
        let is_below = |row: &Row| row.block.address() < address;
        let first = self.rows.below().partition_point(is_below);
        match self.rows.get(first) {
            // The address lies within its front zone.
            Some(row) if row.block.address() - self.front_of(first) < address => first + 1,
            _ => first,
        }
    }

    /// Bytes between where the block of a row begins and its payload.
    fn front_of(&self, row: usize) -> usize {
        match self.rows.state(row) {
            State::Untraced => 0,
            _ => Shape::unchecked(0, self.rows.layout(row).align()).front,
        }
    }

    /// Rows from one on come to lie above the bump pointer.
    fn cut_rows(&mut self, keep: usize) {
        // If there is no room for another, the next allocation makes some, or is refused.
        self.is_ready &= self.rows.cut(keep, self.frontier).is_ok();
        self.is_quick &= self.is_ready;
    }

    fn give_up_rows(&mut self, keep: usize) {
        self.rewound += self.rows.live_from(keep) as u64;
        self.cut_rows(keep);
    }
}

/// Free the newest block of the arena.
fn give_back(arena: &Arena, newest: NonNull<u8>, len: usize) {
    // SAFETY: the size is not more than the arena, and 1 is an alignment.
    let layout = unsafe { Layout::from_size_align_unchecked(len, 1) };
    // SAFETY: the blocks that these bytes were are all freed, and end at the bump pointer.
    unsafe { arena.deallocate(newest, layout) };
}

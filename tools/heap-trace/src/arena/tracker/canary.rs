//! Canaries: red zones around each block, poison in what was given up.
//!
//! ```text
//!   ├zone┤ live ├zone┤zone┤ freed: poison ├zone┤ frontier ┤ poison … ┤ poisoned_end
//! ```
//!
//! What is freed one by one stays where it is, as in any arena. Only when nothing live lies behind
//! it, and more of it than the quarantine holds, is it given back to the arena: all of it at once,
//! by a step back of the bump pointer. Its rows and its poison stay, to be looked at when the bytes
//! are handed out again.
//!
//! This file is what every call runs; what only some do is in the modules below, and is cold.

use std::alloc::Layout;
use std::ptr::NonNull;

use arena_core::Arena;

mod blame;
mod end;
mod search;
#[cfg(test)]
mod tests;

use super::rows::{Block, Row, Rows, SiteId, is_wide};
use super::{Tracker, bump};
use crate::fault::When;
use crate::record::{Origin, Place};
use crate::zone::{self, MARK_LEN, Shape};

impl Tracker {
    /// Hand out a block between red zones, and write it down. `None` if anything is not as it mostly
    /// is; then nothing has happened, and it is for [`Tracker::place_with_care`].
    ///
    /// # Safety
    ///
    /// Room for a row was made once.
    #[inline(always)]
    pub(super) unsafe fn place_between_canaries(
        &mut self,
        arena: &Arena,
        layout: Layout,
        place: Place,
    ) -> Option<NonNull<u8>> {
        let (shape, enlarged) = Shape::of(layout)?;
        if bump(arena) != self.frontier {
            return None;
        }
        let block = arena.try_alloc_layout(enlarged).ok()?;
        let (start, end) = (block.addr().get(), block.addr().get() + shape.total());
        if enlarged.align() > MARK_LEN && start != self.frontier {
            self.poison_padding(start);
        }
        self.look_before_reuse(block, shape.total());
        let before = Block::before(start);
        // SAFETY: passed on.
        let Some(next) = (unsafe { self.rows.next(before.ahead(shape.total())) }) else {
            self.undo(arena, block, enlarged);
            return None;
        };
        // SAFETY: the block has `shape.total()` bytes.
        let payload = unsafe { block.add(shape.front) };
        // SAFETY: the block was handed out just now.
        unsafe { zone::write(payload, shape, next.mark()) };
        next.write(Row::live(before.ahead(shape.front).with(layout), place));
        self.frontier = end;
        Some(payload)
    }

    /// Bytes that were poison are handed out again: see whether anyone has written there meanwhile.
    #[inline(always)]
    fn look_before_reuse(&mut self, block: NonNull<u8>, len: usize) {
        let start = block.addr().get();
        let len = match start + len <= self.poisoned_end {
            // SAFETY: the bytes were written when they were poisoned, and are ours now.
            true if unsafe { zone::is_poison(block, len) } => return,
            true => len,
            false if start >= self.poisoned_end => return,
            false => self.poisoned_end - start,
        };
        self.blame_if_wrong(block, len, When::Reused, Origin::NONE);
    }

    /// Free a live block of this layout; `None` if the pointer does not lead to the start of one, which
    /// is for [`Tracker::free_suspicious`] to look at. No payload begins below `lowest`.
    ///
    /// # Safety
    ///
    /// As [`Tracker::free`]; `lowest` is at least [`Tracker::first_payload`].
    #[inline(always)]
    pub(super) unsafe fn free_live(
        &mut self,
        arena: &Arena,
        lowest: usize,
        pointer: NonNull<u8>,
        layout: Layout,
        origin: Origin,
        site: SiteId,
    ) -> Option<usize> {
        let address = pointer.addr().get();
        if address < lowest || address >= self.frontier {
            return None;
        }
        let payload = self.memory.with_addr(pointer.addr());
        // SAFETY: the 16 bytes before lie within the arena, below the bump pointer.
        let mark = unsafe { zone::row(payload) };
        // What the mark says is believed if the row says the same.
        let known = self.rows.find(mark)?;
        if known.block != Block::before(address).with(layout) || known.is_freed() {
            return None;
        }
        let row = Rows::row(mark);
        if is_wide(layout) && self.rows.layout(row) != layout {
            return None;
        }
        // SAFETY: the row is of this block, which is given up.
        unsafe { self.free_row(arena, mark, payload, layout, origin, site) };
        Some(row)
    }

    /// Check the zones of a block, poison it, and note that it is freed.
    ///
    /// # Safety
    ///
    /// The mark is that of a live block of this payload and layout, and nobody uses it any more.
    #[inline(always)]
    unsafe fn free_row(
        &mut self,
        arena: &Arena,
        mark: u64,
        payload: NonNull<u8>,
        layout: Layout,
        origin: Origin,
        site: SiteId,
    ) {
        let shape = Shape::unchecked(layout.size(), layout.align());
        // SAFETY: a recorded block, with the zones that were written around it.
        if !unsafe { zone::canaries_are_whole(payload, shape) } {
            self.note_damage(Rows::row(mark), When::Freed, origin);
        }
        // SAFETY: the front zone lies before the payload, within the block.
        let block = unsafe { payload.sub(shape.front) };
        // SAFETY: the block is given up.
        unsafe { zone::poison(block, shape.total()) };
        // SAFETY: the mark of a live block.
        unsafe { self.rows.at_mark(mark) }.mark_freed(site);
        if self.frontier > self.cut_at {
            self.shorten(arena);
        }
    }
}

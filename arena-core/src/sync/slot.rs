//! A thread's own sub-block, for calls that name only the arena.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use super::block::SubBlock;
use super::shared::Shared;
use crate::error::AllocError;

/// How often in a row a thread may be in want of another arena before its slot goes over to that
/// one. Until then the other arena's blocks are taken from its cursor, so that a thread that allocates
/// from two in turn does not leave a sub-block behind at every turn.
const PATIENCE: u32 = 32;

thread_local! {
    // Without a destructor, and constant: found by one addition, without a check.
    static SLOT: Slot = const { Slot { owner: Cell::new(0), patience: Cell::new(0), seen: Cell::new(0), piece: SubBlock::empty() } };
}

struct Slot {
    /// The arena, between two resets, that the sub-block belongs to; 0 for none. Ids are never used
    /// twice, so the sub-block of an arena that is no more is never used.
    owner: Cell<u64>,
    /// How often the slot is still to be left to its owner.
    patience: Cell<u32>,
    /// Where the owner's bump pointer stood when the slot was last left to it.
    seen: Cell<usize>,
    piece: SubBlock,
}

impl Slot {
    fn stays_with_its_owner(&self) -> bool {
        let at = self.piece.position();
        if self.owner.get() != 0 && self.seen.replace(at) != at {
            // The owner has allocated since: it is as much in want of the slot.
            self.patience.set(PATIENCE);
        }
        let left = self.patience.get();
        self.patience.set(left.saturating_sub(1));
        left > 0
    }
}

/// Place a block in the thread's own sub-block, if it has one of this arena and there is room.
#[inline(always)]
pub(super) fn place_in_own(shared: &Shared, layout: Layout) -> Option<NonNull<u8>> {
    SLOT.with(|slot| {
        if slot.owner.get() == shared.id() {
            slot.piece.place(layout)
        } else {
            None
        }
    })
}

/// Look at the thread's own sub-block, if it has one of this arena.
#[inline(always)]
pub(super) fn with_own<R>(shared: &Shared, look: impl FnOnce(Option<&SubBlock>) -> R) -> R {
    SLOT.with(|slot| look((slot.owner.get() == shared.id()).then_some(&slot.piece)))
}

/// Place a block that did not fit: in a new sub-block, or directly.
#[cold]
#[inline(never)]
pub(super) fn place(shared: &Shared, layout: Layout) -> Result<NonNull<u8>, AllocError> {
    if shared.is_large(layout) {
        return shared.take(layout);
    }
    SLOT.with(|slot| {
        if slot.owner.get() != shared.id() && slot.stays_with_its_owner() {
            return shared.take(layout);
        }
        let Some((start, end)) = shared.take_sub_block() else {
            // Too little is left for a sub-block, perhaps not for the block.
            return shared.take(layout);
        };
        slot.owner.set(shared.id());
        slot.patience.set(PATIENCE);
        slot.piece.refill(start, end);
        slot.piece
            .place(layout)
            .map_or_else(|| shared.take(layout), Ok)
    })
}

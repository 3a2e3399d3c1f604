//! The handle table: where the block of each handle is now.
//!
//! ```text
//!  slot    in use                     free                  never used
//!  0       block                      next free slot        anything
//!  1       generation                 generation to be      anything
//!  2       pins (EXCLUSIVE for one)   FREE                  anything
//! ```
//!
//! The upper byte of dword 2 is a check byte: it folds the rest of the slot, and which one it is, so that a
//! change of any one byte of a slot that was ever used shows. A changed generation would make a stale
//! handle good, or a good one stale; changed pins would move a block under its guard.
//!
//! Slots at or above `UsedHandles` were never used: a table of any size costs memory only as far as
//! it is used. A generation that would repeat retires its slot: a stale handle is never taken for a
//! fresh one.

use crate::control::{Core, SLOT, State};
use crate::error::{Damage, What};
use crate::header::{Header, NONE, damage};

/// The bits of dword 2 that are not the check byte.
const PINS: u32 = (1 << CHECK_SHIFT) - 1;

const CHECK_SHIFT: u32 = 24;

/// Not pinned, but free.
const FREE: u32 = PINS - 1;

/// Pinned for writing.
const EXCLUSIVE: u32 = PINS;

/// The most guards at a time that only read.
const SHARED_MAX: u32 = FREE - 1;

/// What a slot in use says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotState {
    pub(crate) at: u32,
    pub(crate) generation: u32,
    pins: u32,
}

/// The dwords of a slot, in their order; the last without the check byte.
type SlotDwords = [u32; SLOT as usize];

#[inline]
fn check(slot: u32, [block, generation, pins]: SlotDwords) -> u32 {
    let all = slot ^ block ^ generation ^ pins;
    let half = all ^ all >> 16;
    (half ^ half >> 8 ^ 0xa5) & 0xff
}

impl SlotState {
    pub(crate) fn is_pinned(self) -> bool {
        self.pins != 0
    }

    /// The pins with one more, if that is allowed.
    fn pinned(self, exclusive: bool) -> Option<u32> {
        match (exclusive, self.pins) {
            (true, 0) => Some(EXCLUSIVE),
            (false, pins @ 0..SHARED_MAX) => Some(pins + 1),
            _ => None,
        }
    }
}

impl Core {
    #[inline]
    fn slot_words(&self, slot: u32) -> u32 {
        self.control.geometry.slots + SLOT * slot
    }

    /// Read a slot that was used once.
    #[inline]
    fn read_slot(&self, slot: u32) -> Result<SlotDwords, Damage> {
        let words = self.control.words.read(self.slot_words(slot));
        let [block, generation, last] = words.ok_or_else(|| table_damage(slot))?;
        let dwords = [block, generation, last & PINS];
        if last >> CHECK_SHIFT == check(slot, dwords) {
            Ok(dwords)
        } else {
            Err(table_damage(slot))
        }
    }

    #[inline]
    fn write_slot(&self, slot: u32, dwords: SlotDwords) {
        let [block, generation, pins] = dwords;
        let last = pins | check(slot, dwords) << CHECK_SHIFT;
        let at = self.slot_words(slot);
        self.control.words.write(at, [block, generation, last]);
    }

    /// Read a slot in use; `None` if it is not.
    #[inline]
    pub(crate) fn slot(&self, slot: u32) -> Result<Option<SlotState>, Damage> {
        if slot >= self.used_handles() {
            return Ok(None);
        }
        let [at, generation, pins] = self.read_slot(slot)?;
        let state = SlotState {
            at,
            generation,
            pins,
        };
        Ok((pins != FREE).then_some(state))
    }

    #[inline]
    fn used_handles(&self) -> u32 {
        let used = self.control.get(State::UsedHandles);
        used.min(self.control.geometry.handles)
    }

    /// Tell which slot the next handle gets; `None` if the table is full.
    #[inline]
    pub(crate) fn next_slot(&self) -> Result<Option<u32>, Damage> {
        let free = self.control.get(State::FreeHandle);
        if free == NONE {
            let used = self.used_handles();
            return Ok((used < self.control.geometry.handles).then_some(used));
        }
        if free < self.used_handles() && self.read_slot(free)?[2] == FREE {
            Ok(Some(free))
        } else {
            Err(table_damage(free))
        }
    }

    /// Let the slot that [`next_slot`](Self::next_slot) told name a block. Returns its generation.
    #[inline]
    pub(crate) fn take_slot(&self, slot: u32, block: u32) -> u32 {
        let at = self.slot_words(slot);
        let words = self.control.words;
        let generation = if self.control.get(State::FreeHandle) == slot {
            self.control.set(State::FreeHandle, words.get(at));
            words.get(at + 1)
        } else {
            self.control.add(State::UsedHandles, 1);
            0
        };
        self.write_slot(slot, [block, generation, 0]);
        generation
    }

    /// Read the slot that a header names, which must name the block.
    #[inline]
    pub(crate) fn slot_of_block(&self, block: u32, slot: u32) -> Result<SlotState, Damage> {
        self.slot(slot)?
            .filter(|state| state.at == block)
            .ok_or_else(|| damage(block, What::Handle))
    }

    /// Give a slot up, whose state was read; its handle is stale from now on.
    #[inline]
    pub(crate) fn give_slot(&self, slot: u32, state: SlotState) {
        match state.generation.checked_add(1) {
            Some(generation) => {
                let next = self.control.get(State::FreeHandle);
                self.write_slot(slot, [next, generation, FREE]);
                self.control.set(State::FreeHandle, slot);
            }
            None => self.write_slot(slot, [NONE, state.generation, FREE]),
        }
    }

    /// Let another block have a block's handle.
    pub(crate) fn hand_over(&self, from: u32, header: &mut Header, to: u32) -> Result<(), Damage> {
        let slot = header.handle;
        let heir = self.blocks.header(to)?;
        let state = self.slot_of_block(from, slot)?;
        self.blocks.write(
            self.blocks.known_spot(to),
            &Header {
                handle: slot,
                ..heir
            },
        );
        header.handle = NONE;
        self.blocks.write(self.blocks.known_spot(from), header);
        self.move_slot(slot, state, to);
        Ok(())
    }

    /// The block of a slot, whose state was read, is somewhere else now.
    #[inline]
    pub(crate) fn move_slot(&self, slot: u32, state: SlotState, block: u32) {
        self.write_slot(slot, [block, state.generation, state.pins]);
    }

    /// Pin a slot in use; `false` if who has it now does not allow that.
    pub(crate) fn pin(&self, slot: u32, state: SlotState, exclusive: bool) -> bool {
        let pins = state.pinned(exclusive);
        if let Some(pins) = pins {
            self.write_slot(slot, [state.at, state.generation, pins]);
        }
        pins.is_some()
    }

    /// Take one pin back. A damaged slot stays as it is, to be reported by who can.
    pub(crate) fn unpin(&self, slot: u32) {
        if let Ok([block, generation, pins]) = self.read_slot(slot) {
            let left = match pins {
                EXCLUSIVE => 0,
                pins => pins.saturating_sub(1),
            };
            self.write_slot(slot, [block, generation, left]);
        }
    }

    /// Forget all pins: those of a process that is gone.
    pub(crate) fn unpin_all(&self) {
        for slot in 0..self.used_handles() {
            if let Ok(Some(state)) = self.slot(slot) {
                self.write_slot(slot, [state.at, state.generation, 0]);
            }
        }
    }

    /// Count the guards that the table says there are.
    pub(crate) fn pins(&self) -> Result<usize, Damage> {
        let mut pins = 0;
        for slot in 0..self.used_handles() {
            pins += self.slot(slot)?.map_or(0, |state| match state.pins {
                EXCLUSIVE => 1,
                shared => shared as usize,
            });
        }
        Ok(pins)
    }

    /// Look through the table: slots in use name their blocks, the others are on the free list or
    /// retired. `named` is how many blocks name a slot.
    pub(crate) fn check_slots(&self, named: u32) -> Result<(), Damage> {
        let used = self.control.get(State::UsedHandles);
        if used > self.control.geometry.handles {
            return Err(table_damage(used));
        }
        let (mut in_use, mut retired) = (0, 0);
        for slot in 0..used {
            match self.slot(slot)? {
                Some(state) => {
                    if self.blocks.header(state.at)?.handle != slot {
                        return Err(table_damage(slot));
                    }
                    in_use += 1;
                }
                None => {
                    let generation = self.control.words.get(self.slot_words(slot) + 1);
                    retired += u32::from(generation == u32::MAX);
                }
            }
        }
        let mut listed = 0;
        let mut slot = self.control.get(State::FreeHandle);
        while slot != NONE {
            if slot >= used || self.slot(slot)?.is_some() || listed == used {
                return Err(table_damage(slot));
            }
            listed += 1;
            slot = self.control.words.get(self.slot_words(slot));
        }
        // A slot of the last generation may be on the list still, or be retired.
        let rest = used - in_use - listed.min(used - in_use);
        if in_use == named && rest <= retired {
            Ok(())
        } else {
            Err(table_damage(used))
        }
    }
}

fn table_damage(slot: u32) -> Damage {
    damage(slot, What::HandleTable)
}

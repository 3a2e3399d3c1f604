//! From the address of a payload to its row: open addressing, one word a slot.

use arena_core::region::RegionError;

use crate::record::Record;
use crate::table::Table;

/// The rows of all recorded blocks, by address. At most half of the slots are taken.
#[derive(Debug)]
pub(super) struct Index {
    /// A row's number plus one, or 0.
    slots: Table<u32>,
    taken: usize,
}

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            slots: Table::new(),
            taken: 0,
        }
    }

    fn slot_of(&self, address: usize) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the address.
        let hash = (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        hash & (self.slots.len() - 1)
    }

    /// Make sure that one more row can be added.
    pub(super) fn make_room(&mut self, rows: &[Record]) -> Result<(), RegionError> {
        if 2 * (self.taken + 1) <= self.slots.len() {
            return Ok(());
        }
        let larger = Table::filled((4 * self.taken).next_power_of_two().max(4096), 0)?;
        let smaller = std::mem::replace(&mut self.slots, larger);
        self.taken = 0;
        for &slot in smaller.as_slice().iter().filter(|&&slot| slot != 0) {
            self.insert(rows, slot as usize - 1);
        }
        Ok(())
    }

    /// Add a row. There is room, and its address is not there yet.
    pub(super) fn insert(&mut self, rows: &[Record], row: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.slot_of(rows[row].start());
        while self.slots.as_slice()[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots.as_mut_slice()[slot] = row as u32 + 1;
        self.taken += 1;
    }

    /// Find the row of a payload that begins at this address.
    pub(super) fn find(&self, rows: &[Record], address: usize) -> Option<usize> {
        self.position(rows, address).map(|(_, row)| row)
    }

    fn position(&self, rows: &[Record], address: usize) -> Option<(usize, usize)> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = self.slot_of(address);
        loop {
            let row = (self.slots.as_slice()[slot] as usize).checked_sub(1)?;
            if rows[row].start() == address {
                return Some((slot, row));
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Take a row out, and move up those that its slot has pushed away.
    pub(super) fn remove(&mut self, rows: &[Record], address: usize) {
        let Some((mut hole, _)) = self.position(rows, address) else {
            return;
        };
        let mask = self.slots.len() - 1;
        let mut slot = hole;
        loop {
            slot = (slot + 1) & mask;
            let entry = self.slots.as_slice()[slot];
            if entry == 0 {
                break;
            }
            let home = self.slot_of(rows[entry as usize - 1].start());
            // It may move up if its home is not between the hole and its place.
            if slot.wrapping_sub(home) & mask >= slot.wrapping_sub(hole) & mask {
                self.slots.as_mut_slice()[hole] = entry;
                hole = slot;
            }
        }
        self.slots.as_mut_slice()[hole] = 0;
        self.taken -= 1;
    }

    pub(super) fn granted(&self) -> usize {
        self.slots.granted()
    }
}

//! Which checkpoints of an arena are still good.
//!
//! C may give back any checkpoint at any time, so each one that is good is remembered. They are a
//! stack: going back to one takes those above it away. Its growth is bounded by the arena's, for two
//! checkpoints at one position are one.

use arena_core::Checkpoint;

use crate::failure::Failure;

#[cfg(test)]
mod tests;

/// The good checkpoints, from the lowest position to the highest.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Serials and positions both go strictly up.
    good: Vec<(u64, Checkpoint)>,
    /// No checkpoint has it yet.
    next: u64,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            good: Vec::new(),
            next: 1,
        }
    }

    /// Remember a position, and return the serial to ask for it by.
    pub(crate) fn take(&mut self, position: Checkpoint) -> Result<u64, Failure> {
        if let Some(&(serial, last)) = self.good.last()
            && last == position
        {
            return Ok(serial);
        }
        let room = self.good.try_reserve(1);
        room.map_err(|_| Failure::NoMemory("a checkpoint"))?;
        let serial = self.next;
        self.next += 1;
        self.good.push((serial, position));
        Ok(serial)
    }

    /// Return the position of a good checkpoint; those taken after it are good no more.
    pub(crate) fn back_to(&mut self, serial: u64, used: usize) -> Result<Checkpoint, Failure> {
        let found = self.good.binary_search_by_key(&serial, |mark| mark.0);
        let index = found.map_err(|_| {
            Failure::Checkpoint(
                "the checkpoint is void: the arena was reset, or rewound to an earlier one, since",
            )
        })?;
        let (_, position) = self.good[index];
        if position.offset() != used {
            return Err(Failure::Checkpoint("the checkpoint was changed"));
        }
        self.good.truncate(index + 1);
        Ok(position)
    }

    /// Forget them all.
    pub(crate) fn void(&mut self) {
        self.good.clear();
    }
}

//! Names for blocks that may move.

use core::fmt;

/// Names a block wherever it is, until it is freed; after that it names nothing, for ever.
///
/// A number of the heap, a slot of its table, and a generation that grows each time the slot is used
/// again. It is plain data: copy it, compare it, keep it beside other data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    pub(crate) heap: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Handle {
    pub(crate) fn new(heap: u32, slot: u32, generation: u32) -> Self {
        Self {
            heap,
            slot,
            generation,
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}.{})", self.slot, self.generation)
    }
}

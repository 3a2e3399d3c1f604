//! Replay on a tagheap: every block in HEAD, by handle.

use super::{Refused, Subject};
use tagheap::{Error, Handle, Tag, TagHeap, Verdict};

/// A workload's blocks from a tagheap. Where one finds no room, the heap is defragmented once, as its owner would.
#[derive(Debug)]
pub struct OnTagHeap<'h, 'm> {
    heap: &'h TagHeap<'m>,
    tag: Tag,
    defragmented: usize,
}

impl<'h, 'm> OnTagHeap<'h, 'm> {
    /// Blocks from this heap, with this tag.
    #[must_use]
    pub fn new(heap: &'h TagHeap<'m>, tag: Tag) -> Self {
        Self {
            heap,
            tag,
            defragmented: 0,
        }
    }

    /// How often it was defragmented to make room.
    #[must_use]
    pub fn defragmented(&self) -> usize {
        self.defragmented
    }

    /// Calls, and once more after a defragmentation if there was no room.
    fn with_room<T>(
        &mut self,
        call: impl Fn(&TagHeap<'m>) -> Result<T, Error>,
    ) -> Result<T, Refused> {
        let refused = |error: Error| Refused(error.to_string());
        match call(self.heap) {
            Err(Error::NoRoom { .. }) => {}
            answer => return answer.map_err(refused),
        }
        self.heap.defrag(|_| Verdict::Move).map_err(refused)?;
        self.defragmented += 1;
        call(self.heap).map_err(refused)
    }
}

impl Subject for OnTagHeap<'_, '_> {
    type Block = Handle;

    fn alloc(&mut self, size: usize) -> Result<Handle, Refused> {
        let tag = self.tag;
        self.with_room(|heap| heap.alloc(size, tag))
    }

    fn realloc(&mut self, block: &mut Handle, size: usize) -> Result<(), Refused> {
        let handle = *block;
        self.with_room(|heap| heap.realloc(handle, size))
    }

    fn free(&mut self, block: Handle) {
        self.heap
            .free(block)
            .expect("a block of this heap that is live");
    }

    fn with_bytes(&mut self, block: &mut Handle, look: &mut dyn FnMut(&mut [u8])) {
        let seen = self.heap.with_mut(*block, |bytes| look(bytes));
        seen.expect("a block of this heap that is live");
    }
}

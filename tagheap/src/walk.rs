//! The heap as a list of blocks, and as a drawing.

use core::fmt;

use crate::fit::{DWORD, HEADER};
use crate::handle::Handle;
use crate::header::NONE;
use crate::heap::TagHeap;
use crate::tag::{Side, Tag};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockState {
    /// Free.
    Free,
    /// In use.
    Live {
        /// Its tag.
        tag: Tag,
        /// The bytes it was asked for.
        requested: usize,
        /// Its handle, if it was allocated with one.
        handle: Option<Handle>,
    },
    /// LASTBLOCK: at the end of the heap, of no size.
    Last,
}

/// A block of a walk. Places are bytes from the heap's base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Where its header is.
    pub offset: usize,
    /// Where its payload is.
    pub payload: usize,
    /// The bytes of its payload.
    pub size: usize,
    /// What it is.
    pub state: BlockState,
    /// Where the block before is, as this block's header says.
    pub previous: Option<usize>,
}

impl Block {
    /// Return the 15 bits of its tag as the header has them: 0x7FFF if it is not live.
    #[must_use]
    pub fn tag_bits(&self) -> u16 {
        match self.state {
            BlockState::Live { tag, .. } => tag.bits(),
            BlockState::Free | BlockState::Last => crate::tag::FREE_BITS,
        }
    }

    /// Tell whether it is live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, BlockState::Live { .. })
    }
}

/// The blocks of a heap, from the bottom up, LASTBLOCK included.
///
/// A change of the heap ends the walk, as does a damaged header: [`TagHeap::validate`] says what is
/// wrong with it.
#[derive(Debug)]
pub struct Walk<'h> {
    heap: &'h TagHeap<'h>,
    next: Option<u32>,
    changes: u64,
}

impl Iterator for Walk<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let at = self.next.take()?;
        let core = &self.heap.core;
        let unchanged = self.changes == self.heap.changes.get();
        let header = core.blocks.header(at).ok().filter(|_| unchanged)?;
        let last = at == core.blocks.last();
        let behind = at + HEADER + header.size;
        self.next = (!last).then_some(behind);
        let state = match header.tag() {
            None if last => BlockState::Last,
            None => BlockState::Free,
            Some(tag) => {
                let slot = core.slot(header.handle).ok()?;
                BlockState::Live {
                    tag,
                    requested: core.requested(at, &header).ok()?,
                    handle: slot
                        .map(|slot| Handle::new(core.control.heap, header.handle, slot.generation)),
                }
            }
        };
        Some(Block {
            offset: at as usize * DWORD,
            payload: (at + HEADER) as usize * DWORD,
            size: header.size as usize * DWORD,
            state,
            previous: (header.previous != NONE).then_some(header.previous as usize * DWORD),
        })
    }
}

impl<'m> TagHeap<'m> {
    /// Walk over all blocks, from the bottom up.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk {
            heap: self,
            next: Some(0),
            changes: self.changes.get(),
        }
    }

    /// Draw the heap on one line: `FIRST [1001 4dw] [FREE 74978dw] LAST`.
    ///
    /// HEAD tags are plain numbers; FIRST and LAST are labels, not blocks.
    #[must_use]
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing(self)
    }
}

/// A heap that draws itself; see [`TagHeap::drawing`].
#[derive(Debug)]
pub struct Drawing<'h>(&'h TagHeap<'h>);

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FIRST")?;
        for block in self.0.walk() {
            let dwords = block.size / DWORD;
            match block.state {
                BlockState::Free => write!(f, " [FREE {dwords}dw]")?,
                BlockState::Live { tag, .. } => {
                    let side = match tag.side() {
                        Side::Head => "",
                        Side::Tail => "TAIL",
                    };
                    write!(f, " [{side}{} {dwords}dw]", tag.number())?;
                }
                BlockState::Last => f.write_str(" LAST")?,
            }
        }
        Ok(())
    }
}

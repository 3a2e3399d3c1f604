//! Two pictures of an arena's bytes, and what differs between them.

use std::fmt;

use arena_core::Arena;

use crate::memory::Memory;
use crate::record::Record;

/// Whose a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The payload of the block of this number.
    Block(u64),
    /// The red zone of the block of this number.
    RedZone(u64),
    /// Nobody's: padding, or bytes that were given up.
    Gap,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(id) => write!(f, "block #{id}"),
            Self::RedZone(id) => write!(f, "red zone of block #{id}"),
            Self::Gap => f.write_str("gap"),
        }
    }
}

/// Neighbouring bytes of one owner that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Bytes from the arena's base to the first.
    pub offset: usize,
    /// Whose they are in the later snapshot, or in the earlier if they are nobody's in the later.
    pub owner: Owner,
    /// Bytes from the start of the owner's payload; negative in front of it. The offset, in a gap.
    pub within: isize,
    /// What they were.
    pub was: Vec<u8>,
    /// What they are.
    pub is: Vec<u8>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "base+{} ({}{:+}):", self.offset, self.owner, self.within)?;
        for (was, is) in self.was.iter().zip(&self.is) {
            write!(f, " {was:02x}→{is:02x}")?;
        }
        Ok(())
    }
}

/// The bytes in use of an arena at one moment, and whose they are.
#[derive(Debug, Clone)]
pub struct Snapshot {
    bytes: Vec<u8>,
    base: usize,
    blocks: Vec<Record>,
}

impl Snapshot {
    pub(crate) fn of(arena: &Arena, blocks: Vec<Record>) -> Self {
        let base = arena.base().addr().get();
        let bytes = Memory::of_this_process().and_then(|memory| memory.bytes(base, arena.used()));
        Self {
            bytes: bytes.unwrap_or_default(),
            base,
            blocks,
        }
    }

    /// Return the bytes, from the arena's base on. Empty if this process cannot read its own memory
    /// (`/proc` is not mounted).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Compare with an earlier snapshot of the same arena, as far as both go.
    ///
    /// ```
    /// use heap_trace::{Owner, TracedArena};
    ///
    /// let mut arena = TracedArena::new(arena_core::Arena::new());
    /// let block = arena.alloc_layout(std::alloc::Layout::new::<[u8; 24]>());
    /// let before = arena.snapshot();
    /// // SAFETY: one byte past the block, in its red zone: the fault to be found.
    /// unsafe { block.add(24).write(0x41) };
    /// let changes = arena.snapshot().since(&before);
    /// assert_eq!((changes.len(), changes[0].owner, changes[0].within), (1, Owner::RedZone(0), 24));
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for (offset, (&was, &is)) in earlier.bytes.iter().zip(&self.bytes).enumerate() {
            if was == is {
                continue;
            }
            let (owner, within) = match self.owner(offset) {
                (Owner::Gap, _) => earlier.owner(offset),
                owner => owner,
            };
            match changes.last_mut() {
                Some(last) if last.owner == owner && last.offset + last.is.len() == offset => {
                    last.was.push(was);
                    last.is.push(is);
                }
                _ => changes.push(Change {
                    offset,
                    owner,
                    within,
                    was: vec![was],
                    is: vec![is],
                }),
            }
        }
        changes
    }

    /// Whose the byte at an offset is, and how far from the payload.
    fn owner(&self, offset: usize) -> (Owner, isize) {
        let address = self.base + offset;
        let behind = self
            .blocks
            .partition_point(|block| block.start() <= address);
        let around = self.blocks[..behind]
            .last()
            .into_iter()
            .chain(self.blocks.get(behind));
        for block in around {
            let within = address as isize - block.start() as isize;
            let extent = crate::zone::extent(block);
            if (block.start()..block.end()).contains(&address) {
                return (Owner::Block(block.id), within);
            }
            if extent.contains(&address) {
                return (Owner::RedZone(block.id), within);
            }
        }
        (Owner::Gap, offset as isize)
    }
}

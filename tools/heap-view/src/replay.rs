//! A recorded workload on any allocator: what it costs, whether it fits, whether the bytes survive.
//!
//! ```
//! use heap_view::rep::Rep;
//! use heap_view::replay::{Malloc, replay};
//!
//! let rep = Rep::read(&b"1000\n2\n5\n1\na 0 512\na 1 128\nr 0 640\nf 1\nf 0\n"[..])?;
//! let outcome = replay(&rep, &mut Malloc);
//! assert_eq!((outcome.done, outcome.most_live), (5, 768));
//! assert!(outcome.stopped.is_none());
//! # Ok::<(), heap_view::rep::RepError>(())
//! ```

use crate::rep::{Operation, Rep};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

#[cfg(feature = "allocator-api2-02")]
mod allocator;
mod malloc;
#[cfg(feature = "command")]
mod tag_heap;

#[cfg(feature = "allocator-api2-02")]
pub use allocator::OnAllocator;
pub use malloc::Malloc;
#[cfg(feature = "command")]
pub use tag_heap::OnTagHeap;

/// An allocator that a workload is replayed on.
///
/// Blocks are values of its own kind: a pointer, or the handle of a heap that moves its blocks.
pub trait Subject {
    /// One block. Dropping it unfreed may leak it, and does no other harm.
    type Block;

    /// Hands out a block.
    ///
    /// # Errors
    ///
    /// If there is no room, in the allocator's words.
    fn alloc(&mut self, size: usize) -> Result<Self::Block, Refused>;

    /// Gives a block another size; its first bytes stay what they are.
    ///
    /// # Errors
    ///
    /// If there is no room, in the allocator's words; the block stays as it is.
    fn realloc(&mut self, block: &mut Self::Block, size: usize) -> Result<(), Refused>;

    /// Takes a block back.
    fn free(&mut self, block: Self::Block);

    /// Shows the bytes of a block: as many as were asked for, or more.
    fn with_bytes(&mut self, block: &mut Self::Block, look: &mut dyn FnMut(&mut [u8]));
}

/// Why an allocator gave no block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// How a replay went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How many operations were done.
    pub done: usize,
    /// The most bytes that were live at once, as asked for.
    pub most_live: u64,
    /// The time in the calls of the subject; writing and checking the bytes is not in it.
    pub time: Duration,
    /// Why it stopped before the end.
    pub stopped: Option<Stopped>,
}

/// Why a replay stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// There was no room.
    Refused {
        /// The operation, from 0.
        operation: usize,
        /// How many bytes it asked for.
        size: u64,
        /// The allocator's words.
        why: String,
    },
    /// A block does not hold what was written into it.
    Spoilt {
        /// The operation at which it was seen, from 0.
        operation: usize,
        /// The block.
        id: u32,
        /// The first byte that differs.
        byte: usize,
    },
    /// A block has another size than was asked for.
    Short {
        /// The operation, from 0.
        operation: usize,
        /// The block.
        id: u32,
        /// How many bytes it has.
        has: usize,
        /// How many were asked for.
        asked: u64,
    },
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                operation,
                size,
                why,
            } => write!(f, "operation {operation}: {size} bytes refused: {why}"),
            Self::Spoilt {
                operation,
                id,
                byte,
            } => write!(
                f,
                "operation {operation}: byte {byte} of block {id} is not what was written there"
            ),
            Self::Short {
                operation,
                id,
                has,
                asked,
            } => write!(
                f,
                "operation {operation}: block {id} has {has} bytes, {asked} were asked for"
            ),
        }
    }
}

/// Replays a workload. Every block is filled with bytes of its own, which are checked when it is given another size,
/// freed, or left at the end.
pub fn replay<S: Subject>(rep: &Rep, subject: &mut S) -> Outcome {
    let mut run = Run {
        subject,
        blocks: BTreeMap::new(),
        live: 0,
        operation: 0,
        outcome: Outcome {
            done: 0,
            most_live: 0,
            time: Duration::ZERO,
            stopped: None,
        },
    };
    for (index, &operation) in rep.operations.iter().enumerate() {
        run.operation = index;
        if let Err(stopped) = run.step(operation) {
            run.outcome.stopped = Some(stopped);
            break;
        }
        run.outcome.done += 1;
    }
    run.end();
    run.outcome
}

struct Run<'s, S: Subject> {
    subject: &'s mut S,
    /// Live blocks by id, with the size that was asked for.
    blocks: BTreeMap<u32, (S::Block, u64)>,
    live: u64,
    operation: usize,
    outcome: Outcome,
}

impl<S: Subject> Run<'_, S> {
    fn step(&mut self, operation: Operation) -> Result<(), Stopped> {
        match operation {
            Operation::Alloc { id, size } => {
                let asked = self.asked(size)?;
                let block = self.timed(|subject| subject.alloc(asked));
                let mut block = block.map_err(|refused| self.refused(size, refused))?;
                let filled = self.fill(id, &mut block, 0, size);
                self.blocks.insert(id, (block, size));
                self.live += size;
                filled?;
            }
            Operation::Realloc { id, size } => {
                let Some((mut block, old)) = self.blocks.remove(&id) else {
                    return Ok(());
                };
                let checked = self.check(id, &mut block, old);
                let asked = self.asked(size)?;
                let grown = self.timed(|subject| subject.realloc(&mut block, asked));
                let kept = match &grown {
                    Ok(()) => self.check(id, &mut block, old.min(size)),
                    Err(_) => Ok(()),
                };
                let filled = match grown {
                    Ok(()) => self.fill(id, &mut block, old.min(size) as usize, size),
                    Err(refused) => Err(self.refused(size, refused)),
                };
                let size = if filled.is_ok() { size } else { old };
                self.blocks.insert(id, (block, size));
                self.live = self.live - old + size;
                checked.and(kept).and(filled)?;
            }
            Operation::Free { id } => {
                let Some((mut block, size)) = self.blocks.remove(&id) else {
                    return Ok(());
                };
                let checked = self.check(id, &mut block, size);
                self.timed(|subject| subject.free(block));
                self.live -= size;
                checked?;
            }
        }
        self.outcome.most_live = self.outcome.most_live.max(self.live);
        Ok(())
    }

    /// Checks and frees what is left.
    fn end(&mut self) {
        while let Some((id, (mut block, size))) = self.blocks.pop_first() {
            let checked = self.check(id, &mut block, size);
            self.subject.free(block);
            if let Err(stopped) = checked {
                self.outcome.stopped.get_or_insert(stopped);
            }
        }
    }

    fn timed<T>(&mut self, act: impl FnOnce(&mut S) -> T) -> T {
        let start = Instant::now();
        let result = act(self.subject);
        self.outcome.time += start.elapsed();
        result
    }

    fn asked(&self, size: u64) -> Result<usize, Stopped> {
        usize::try_from(size)
            .map_err(|_| self.refused(size, Refused("more than an address can say".to_owned())))
    }

    fn refused(&self, size: u64, refused: Refused) -> Stopped {
        Stopped::Refused {
            operation: self.operation,
            size,
            why: refused.0,
        }
    }

    /// Writes the block's own bytes from an index on.
    fn fill(
        &mut self,
        id: u32,
        block: &mut S::Block,
        from: usize,
        size: u64,
    ) -> Result<(), Stopped> {
        let mut has = 0;
        self.subject.with_bytes(block, &mut |bytes| {
            has = bytes.len();
            let asked = bytes.iter_mut().enumerate().take(size as usize);
            for (index, byte) in asked.skip(from) {
                *byte = pattern(id, index);
            }
        });
        if has as u64 >= size {
            return Ok(());
        }
        Err(Stopped::Short {
            operation: self.operation,
            id,
            has,
            asked: size,
        })
    }

    /// Compares the first bytes of a block with what was written there.
    fn check(&mut self, id: u32, block: &mut S::Block, size: u64) -> Result<(), Stopped> {
        let mut spoilt = None;
        self.subject.with_bytes(block, &mut |bytes| {
            let known = bytes.iter().enumerate().take(size as usize);
            let differs = |&(index, &byte): &(usize, &u8)| byte != pattern(id, index);
            spoilt = known.clone().find(differs).map(|(index, _)| index);
        });
        match spoilt {
            None => Ok(()),
            Some(byte) => Err(Stopped::Spoilt {
                operation: self.operation,
                id,
                byte,
            }),
        }
    }
}

/// The byte that belongs there: no two blocks, nor two places of one, agree for long.
fn pattern(id: u32, index: usize) -> u8 {
    let mixed = (u64::from(id) << 32 | index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

#[cfg(test)]
mod tests;

//! Which blocks nothing points at any more: a conservative scan at exit.
//!
//! Roots are the registers and the stack of whoever called `exit`, and all private writable memory that is not the heap. A
//! word that holds an address within a live block keeps that block, and the block's own words are looked at in turn.

mod roots;
mod touched;

pub use roots::remember;

use crate::channel::{Channel, Point};
use crate::sys;
use crate::{live, real, unwind};
use core::slice;
use core::sync::atomic::Ordering::Relaxed;

/// A live block; `kept` once something that is kept points at it.
#[derive(Clone, Copy)]
struct Block {
    start: u64,
    size: u64,
    stack: u32,
    kept: u32,
}

/// The blocks by address, and those whose words are still to be looked at.
struct Scan {
    blocks: &'static mut [Block],
    waiting: &'static mut [u32],
    waiting_len: usize,
    /// Blocks that nothing is known to point at: at 0 there is nothing left to find.
    left: usize,
    /// The first block's first byte, and the last address that keeps a block.
    range: (u64, u64),
    /// Only pointers to a block's first byte count: libc's own lists point at free memory right behind blocks.
    starts_only: bool,
}

/// Looks for lost blocks and writes them to the record.
pub fn scan(channel: &Channel, record: &Point) {
    let count = live::blocks().count();
    if count == 0 {
        return report(record, &[]);
    }
    let (Some(blocks), Some(waiting)) = (room::<Block>(count), room::<u32>(count)) else {
        return;
    };
    for (place, (start, size, stack)) in blocks.iter_mut().zip(live::blocks()) {
        *place = Block {
            start,
            size,
            stack,
            kept: 0,
        };
    }
    blocks.sort_unstable_by_key(|block| block.start);
    let own = [
        core::ptr::from_ref(channel) as u64,
        live::rows().as_ptr() as u64,
        blocks.as_ptr() as u64,
        waiting.as_ptr() as u64,
    ];
    let last = blocks.iter().map(|block| block.start + block.size).max();
    let mut scan = Scan {
        range: (blocks[0].start, last.unwrap_or(0)),
        blocks,
        waiting,
        waiting_len: 0,
        left: count,
        starts_only: false,
    };
    let registers = unwind::at_caller_of(real::symbol(c"exit") as u64);
    for register in registers {
        scan.word(register);
    }
    scan.follow();
    roots::look(&mut scan, channel, &own, &registers);
    report(record, scan.blocks);
}

fn report(record: &Point, blocks: &[Block]) {
    let mut used = 0;
    for block in blocks.iter().filter(|block| block.kept == 0) {
        record.lost_blocks.fetch_add(1, Relaxed);
        record.lost_bytes.fetch_add(block.size, Relaxed);
        let known = record.lost[..used]
            .iter()
            .find(|lost| lost.stack.load(Relaxed) == block.stack);
        let lost = match known {
            Some(lost) => lost,
            None if used < record.lost.len() => {
                used += 1;
                record.lost[used - 1].stack.store(block.stack, Relaxed);
                &record.lost[used - 1]
            }
            None => continue,
        };
        lost.blocks.fetch_add(1, Relaxed);
        lost.bytes.fetch_add(block.size, Relaxed);
    }
    record.lost_len.store(used as u32, Relaxed);
    record.scanned.store(1, Relaxed);
}

/// Zeroed memory of the kernel's for so many values.
fn room<T>(count: usize) -> Option<&'static mut [T]> {
    let start = sys::map(count * size_of::<T>()).cast::<T>();
    // SAFETY: the mapping is that long, this scan's alone, and zeros are valid for what is kept here.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts_mut(start, count) })
}

impl Scan {
    /// Looks at one word of memory that is kept.
    #[inline]
    fn word(&mut self, word: u64) {
        if self.may_be_in_block(word) {
            self.word_in_range(word);
        }
    }

    #[inline(never)] // the loop over all words of a block is to stay small
    fn word_in_range(&mut self, word: u64) {
        if let Some(index) = self.unkept(word) {
            self.keep(index);
        }
    }

    /// Looks at one word outside of the heap. What lies in a block is that block's.
    #[inline]
    fn root(&mut self, address: u64, word: u64) {
        if self.may_be_in_block(word) {
            self.root_in_range(address, word);
        }
    }

    #[inline(never)] // the loop over all words is to stay small
    fn root_in_range(&mut self, address: u64, word: u64) {
        if let Some(index) = self.unkept(word)
            && !self.is_in_block(address)
        {
            self.keep(index);
        }
    }

    /// Most words are no addresses of blocks, and are told by one comparison.
    fn may_be_in_block(&self, word: u64) -> bool {
        word.wrapping_sub(self.range.0) <= self.range.1 - self.range.0
    }

    /// The block that a word keeps, unless it is kept already.
    fn unkept(&self, word: u64) -> Option<usize> {
        let behind = self.blocks.partition_point(|block| block.start <= word);
        let index = behind.checked_sub(1)?;
        let block = &self.blocks[index];
        let offset = word - block.start;
        // A pointer behind the last byte belongs to the block too: an empty tail, an end of a range.
        let within = offset == 0 || !self.starts_only && offset <= block.size;
        (within && block.kept == 0).then_some(index)
    }

    fn keep(&mut self, index: usize) {
        self.blocks[index].kept = 1;
        self.left -= 1;
        self.waiting[self.waiting_len] = index as u32;
        self.waiting_len += 1;
    }

    /// Looks into all blocks that are kept, until no new one is.
    fn follow(&mut self) {
        self.starts_only = false;
        while let Some(next) = self.waiting_len.checked_sub(1) {
            self.waiting_len = next;
            let block = self.blocks[self.waiting[next] as usize];
            let first = block.start.next_multiple_of(8);
            let words = (block.start + block.size).saturating_sub(first) / 8;
            for index in 0..words {
                // SAFETY: the block is live, so its words may be read.
                let word = unsafe { ((first + 8 * index) as *const u64).read_volatile() };
                self.word(word);
            }
        }
    }

    fn is_in_block(&self, address: u64) -> bool {
        let behind = self.blocks.partition_point(|block| block.start <= address);
        behind
            .checked_sub(1)
            .is_some_and(|index| address - self.blocks[index].start < self.blocks[index].size)
    }
}

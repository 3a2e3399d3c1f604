//! The blocks that are live: a table in private memory, without locks.
//!
//! A block's home is its address in steps of 32 bytes, so the blocks of a heap lie side by side as they do in memory, and
//! touch few pages of the table.

use crate::{start, sys};
use core::ptr::null_mut;
use core::slice;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicPtr, AtomicU64};

/// How many blocks there is room for.
pub const ROOM: usize = 1 << 22;
/// How far apart blocks are, at least, in glibc's heap.
const STEP: u64 = 32;
/// How far from its home a block may lie.
const REACH: usize = 64;

/// A block.
pub struct Row {
    /// Its address; 0 never used, 1 used before.
    block: AtomicU64,
    /// Its size in the upper 47 bits, its stack's slot plus 1 in the lower 17.
    what: AtomicU64,
}

#[unsafe(link_section = ".data")]
static TABLE: AtomicPtr<Row> = AtomicPtr::new(null_mut());

/// Rows in one part of the table, an OS page; a part that no block was ever in is not looked at, so it takes no memory.
const PART: usize = 4096 / size_of::<Row>();

/// One bit for each part.
static USED: [AtomicU64; ROOM / PART / 64] = [const { AtomicU64::new(0) }; ROOM / PART / 64];

/// Makes the table; the kernel gives memory where it is touched.
pub fn start() {
    TABLE.store(sys::map(ROOM * size_of::<Row>()).cast(), Relaxed);
}

/// All rows, none if there is no table.
pub fn rows() -> &'static [Row] {
    let table = TABLE.load(Relaxed);
    if table.is_null() {
        return &[];
    }
    // SAFETY: the mapping has that many rows, zeros are valid, and it stays to the end.
    unsafe { slice::from_raw_parts(table, ROOM) }
}

/// All live blocks: address, size and stack.
pub fn blocks() -> impl Iterator<Item = (u64, u64, u32)> {
    let groups = USED.iter().map(|used| used.load(Relaxed)).enumerate();
    let parts = groups
        .filter(|(_, used)| *used != 0)
        .flat_map(|(group, used)| {
            let in_group = (0..64).filter(move |part| used >> part & 1 == 1);
            in_group.map(move |part| (64 * group + part) * PART)
        });
    let rows = rows();
    parts
        .filter_map(move |first| rows.get(first..first + PART))
        .flat_map(|part| part.iter().filter_map(Row::block))
}

impl Row {
    /// The block in this row: address, size and stack.
    fn block(&self) -> Option<(u64, u64, u32)> {
        let block = self.block.load(Relaxed);
        let what = self.what.load(Relaxed);
        (block > 1).then(|| (block, what >> 17, slot(what)))
    }
}

fn slot(what: u64) -> u32 {
    ((what & 0x1_ffff) as u32).wrapping_sub(1)
}

fn near(rows: &[Row], block: u64) -> impl Iterator<Item = &Row> {
    let home = (block / STEP) as usize;
    (0..REACH).filter_map(move |step| rows.get(home.wrapping_add(step) % ROOM))
}

/// Adds a block.
pub fn insert(block: u64, size: u64, stack: u32, live: &AtomicU64) {
    let what = size << 17 | u64::from(stack.wrapping_add(1) & 0x1_ffff);
    let table = TABLE.load(Relaxed);
    for row in near(rows(), block) {
        let there = row.block.load(Relaxed);
        // The row is taken first and described then: nobody looks for a block that is not handed out yet.
        let free = there <= 1
            && row
                .block
                .compare_exchange(there, block, AcqRel, Relaxed)
                .is_ok();
        if free {
            let index = (core::ptr::from_ref(row).addr() - table.addr()) / size_of::<Row>();
            mark(index / PART);
            row.what.store(what, Relaxed);
            let sum = live.fetch_add(size, Relaxed) + size;
            peak(sum);
            return;
        }
    }
    if let Some(channel) = start::channel() {
        channel.header.blocks_lost.fetch_add(1, Relaxed);
    }
}

fn mark(part: usize) {
    let (used, bit) = (&USED[part / 64], 1 << (part % 64));
    if used.load(Relaxed) & bit == 0 {
        used.fetch_or(bit, Relaxed);
    }
}

fn peak(sum: u64) {
    if let Some(channel) = start::channel()
        && channel.header.live_high_water_mark.load(Relaxed) < sum
    {
        channel.header.live_high_water_mark.fetch_max(sum, Relaxed);
    }
}

/// Takes a block out; its size and its stack if it was there.
pub fn remove(block: u64, live: &AtomicU64) -> Option<(u64, u32)> {
    for row in near(rows(), block) {
        match row.block.load(Acquire) {
            there if there == block => {
                let what = row.what.load(Relaxed);
                row.block.store(1, Relaxed);
                live.fetch_sub(what >> 17, Relaxed);
                return Some((what >> 17, slot(what)));
            }
            0 => return None,
            _ => {}
        }
    }
    None
}

//! Which blocks nothing points at any more: a conservative scan at exit.
//!
//! Roots are the registers and the stack of whoever called `exit`, and all private writable memory that is not the heap. A
//! word that holds an address within a live block keeps that block, and the block's own words are looked at in turn.

use crate::channel::{Channel, Point};
use crate::live;
use crate::real;
use crate::sys::{self, sys};
use crate::unwind::{self, RSP, Registers};
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
    /// Only pointers to a block's first byte count: libc's own lists point at free memory right behind blocks.
    starts_only: bool,
}

/// Looks for lost blocks and writes them to the record.
pub fn scan(channel: &Channel, record: &Point) {
    let count = live::blocks().count();
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
    let cache = unwind::cache_address();
    let own = [
        core::ptr::from_ref(channel) as u64,
        live::rows().as_ptr() as u64,
        blocks.as_ptr() as u64,
        waiting.as_ptr() as u64,
    ];
    let mut scan = Scan {
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
    each_mapping(|mapping| {
        // This library's own memory knows blocks only by accident.
        if scan.left > 0 && !(mapping.start <= cache && cache < mapping.end) {
            scan.mapping(mapping, &own, &registers);
        }
    });
    scan.starts_only = false;
    scan.follow();
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
    let start = sys::map(count.max(1) * size_of::<T>()).cast::<T>();
    // SAFETY: the mapping is that long, this scan's alone, and zeros are valid for what is kept here.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts_mut(start, count) })
}

impl Scan {
    /// Looks at one word of memory that is kept.
    fn word(&mut self, word: u64) {
        let behind = self.blocks.partition_point(|block| block.start <= word);
        let Some(index) = behind.checked_sub(1) else {
            return;
        };
        let block = &mut self.blocks[index];
        let offset = word - block.start;
        // A pointer behind the last byte belongs to the block too: an empty tail, an end of a range.
        let within = offset == 0 || !self.starts_only && offset <= block.size;
        if within && block.kept == 0 {
            block.kept = 1;
            self.left -= 1;
            self.waiting[self.waiting_len] = index as u32;
            self.waiting_len += 1;
        }
    }

    /// Looks into all blocks that are kept, until no new one is.
    fn follow(&mut self) {
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

    fn mapping(&mut self, mapping: &Mapping<'_>, own: &[u64], registers: &Registers) {
        let heap = mapping.name == b"[heap]";
        if !mapping.writable || !mapping.readable || heap || own.contains(&mapping.start) {
            return;
        }
        let stack_pointer = registers[RSP];
        let is_stack = mapping.start <= stack_pointer && stack_pointer < mapping.end;
        let start = if is_stack {
            stack_pointer
        } else {
            mapping.start
        };
        self.starts_only = mapping.name.ends_with(b"/libc.so.6");
        let mut at = start.next_multiple_of(8);
        while at < mapping.end {
            at = self.page(at, mapping.end);
        }
        self.starts_only = false;
    }

    /// Looks at some memory of a mapping, blocks left out. Returns the first address behind it.
    fn page(&mut self, at: u64, end: u64) -> u64 {
        let mut words = [0_u64; 1024];
        let len = (end - at).min(size_of_val(&words) as u64);
        let local = [words.as_mut_ptr() as u64, len];
        let remote = [at, len];
        // By the kernel, which says so if a page is not there: a file may be shorter than its mapping.
        // SAFETY: the kernel writes `len` bytes to the array.
        let read = unsafe {
            sys!(
                sys::PROCESS_VM_READV,
                sys::pid(),
                local.as_ptr(),
                1,
                remote.as_ptr(),
                1,
                0
            )
        };
        let read = u64::try_from(read).unwrap_or(0);
        for (index, word) in words.iter().take((read / 8) as usize).enumerate() {
            if *word > 4096 && !self.is_in_block(at + 8 * index as u64) {
                self.word(*word);
            }
        }
        at + if read < len { len.min(4096) } else { len }
    }

    fn is_in_block(&self, address: u64) -> bool {
        let behind = self.blocks.partition_point(|block| block.start <= address);
        behind
            .checked_sub(1)
            .is_some_and(|index| address - self.blocks[index].start < self.blocks[index].size)
    }
}

/// One row of `/proc/self/maps`.
pub struct Mapping<'a> {
    pub start: u64,
    pub end: u64,
    pub readable: bool,
    pub writable: bool,
    pub shared: bool,
    pub name: &'a [u8],
}

/// Calls a function for each mapping of this process.
pub fn each_mapping(mut visit: impl FnMut(&Mapping<'_>)) {
    // O_CLOEXEC. SAFETY: the path ends with a NUL.
    let file = unsafe { sys!(sys::OPEN, c"/proc/self/maps".as_ptr(), 0x80000, 0) };
    let Ok(file) = usize::try_from(file) else {
        return;
    };
    let mut text = [0_u8; 8192];
    let mut used = 0;
    loop {
        // SAFETY: the kernel writes no more than the rest of the array.
        let len = unsafe {
            sys!(
                sys::READ,
                file,
                text.as_mut_ptr().wrapping_add(used),
                text.len() - used
            )
        };
        let Ok(len @ 1..) = usize::try_from(len) else {
            break;
        };
        used += len;
        let mut start = 0;
        while let Some(line) = text[start..used].iter().position(|byte| *byte == b'\n') {
            if let Some(mapping) = parse(&text[start..start + line]) {
                visit(&mapping);
            }
            start += line + 1;
        }
        text.copy_within(start..used, 0);
        used -= start;
    }
    // SAFETY: opened above.
    unsafe { sys!(sys::CLOSE, file) };
}

fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut range = fields.next()?.split(|byte| *byte == b'-');
    let start = hexadecimal(range.next()?)?;
    let end = hexadecimal(range.next()?)?;
    let access = fields.next()?;
    let rest = fields.nth(3).unwrap_or(b"");
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    Some(Mapping {
        start,
        end,
        readable: access.first() == Some(&b'r'),
        writable: access.get(1) == Some(&b'w'),
        shared: access.get(3) == Some(&b's'),
        name: &rest[blanks..],
    })
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok()
}

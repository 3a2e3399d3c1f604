//! This process's own memory, read as the kernel sees it.
//!
//! Words that may be uninitialised, that another thread may be writing, or that may not be mapped at
//! all, are nothing that Rust code may load. The kernel copies them, or says no.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes read at a time.
const BATCH: usize = 64 << 10;

/// The memory of this process.
#[derive(Debug)]
pub(crate) struct Memory {
    file: File,
}

impl Memory {
    /// Open it; `None` where there is no `/proc`.
    pub(crate) fn of_this_process() -> Option<Self> {
        let file = File::open("/proc/self/mem").ok()?;
        Some(Self { file })
    }

    /// Show the aligned words of a range that can be read, but for zeros.
    pub(crate) fn words(&self, address: usize, len: usize, mut show: impl FnMut(usize)) {
        const WORD: usize = size_of::<usize>();
        let start = address.next_multiple_of(WORD);
        let end = address.saturating_add(len) & !(WORD - 1);
        let mut bytes = vec![0; BATCH.min(end.saturating_sub(start))];
        let mut at = start;
        while at < end {
            let want = (end - at).min(bytes.len());
            let Ok(read @ 1..) = self.file.read_at(&mut bytes[..want], at as u64) else {
                // Nothing is mapped here: go on with the next page.
                at = (at | 0xfff) + 1;
                continue;
            };
            let read = read / WORD * WORD;
            let words = bytes[..read].chunks_exact(WORD).map(|word| {
                usize::from_ne_bytes(word.try_into().expect("a chunk of a word's length"))
            });
            words.filter(|&word| word != 0).for_each(&mut show);
            at += read.max(WORD);
        }
    }

    /// Copy the bytes of a range; `None` if not all of it can be read.
    pub(crate) fn bytes(&self, address: usize, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, address as u64).ok()?;
        Some(bytes)
    }
}

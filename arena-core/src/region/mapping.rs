//! The thing that unmaps on drop.

use core::ptr::NonNull;

use memmap2::MmapRaw;

use super::os;

/// A mapping, by whichever crate made it.
#[derive(Debug)]
pub(super) enum Mapping {
    /// Made, and unmapped, by memmap2.
    Memmap(MmapRaw),
    /// Made by rustix, for the kinds that memmap2 does not know; unmapped here.
    Range {
        /// The first byte; page aligned.
        base: NonNull<u8>,
        /// The bytes, all of them mapped and ours.
        len: usize,
    },
}

impl Mapping {
    pub(super) fn base(&self) -> NonNull<u8> {
        match self {
            Mapping::Memmap(map) => NonNull::new(map.as_mut_ptr()).expect("mmap gave address 0"),
            Mapping::Range { base, .. } => *base,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Mapping::Memmap(map) => map.len(),
            Mapping::Range { len, .. } => *len,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Mapping::Range { base, len } = *self {
            // SAFETY: the range was mapped by us, is ours alone, and is never used after this.
            unsafe { os::unmap(base, len) }
        }
    }
}

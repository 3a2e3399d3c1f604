//! A second mapping of a region's bytes.

use core::ptr::NonNull;

use super::mapping::Mapping;

/// The same bytes as a [`Region`](super::Region), at another address.
///
/// It keeps the bytes alive on its own: the region may be dropped before it.
#[derive(Debug)]
pub struct View {
    mapping: Mapping,
}

// SAFETY: a view is a range of addresses that belongs to the process, not to a thread, and hands
// out raw pointers only.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    pub(super) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Return the address of the first byte; it stands for the first byte of the region.
    pub fn base(&self) -> NonNull<u8> {
        self.mapping.base()
    }

    /// Return the length in bytes, that of the region.
    #[expect(clippy::len_without_is_empty, reason = "a view is never empty")]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }
}

//! Memory for heaps, aligned as a test needs it.

/// What the strictest test aligns blocks to.
pub(crate) const ALIGN: usize = 4096;

#[derive(Clone, Copy)]
#[repr(C, align(4096))]
struct Page([u8; ALIGN]);

/// Bytes at a multiple of [`ALIGN`], none of them 0.
pub(crate) struct Memory {
    pages: Vec<Page>,
    len: usize,
}

impl Memory {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            pages: vec![Page([0xdd; ALIGN]); len.div_ceil(ALIGN)],
            len,
        }
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        let first = self.pages.as_mut_ptr().cast();
        // SAFETY: the pages are bytes and nothing else, and at least so many.
        unsafe { std::slice::from_raw_parts_mut(first, self.len) }
    }
}

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Range;
use std::ptr::NonNull;

/// What a buffer holds at first, so that forgotten zeroing shows on fresh memory as well.
pub(crate) const DIRT: u8 = 0xdd;

/// Memory that a toy owns: whatever it does wrong, it does in here.
pub(crate) struct Buffer {
    /// Valid for reads and writes of `layout`, all of it initialised, until drop.
    base: NonNull<u8>,
    layout: Layout,
}

impl Buffer {
    /// Makes a buffer of `len` bytes that starts at a multiple of 4096.
    pub(crate) fn new(len: usize) -> Self {
        let layout = Layout::from_size_align(len, 4096).expect("a toy is small");
        assert!(len > 0, "a toy has some room");
        // SAFETY: the size is not zero.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else {
            handle_alloc_error(layout);
        };
        // SAFETY: just allocated, with this length.
        unsafe { base.write_bytes(DIRT, len) };
        Buffer { base, layout }
    }

    pub(crate) fn len(&self) -> usize {
        self.layout.size()
    }

    /// Returns the address of an offset up to and including the end.
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.len(), "offset {offset} of {}", self.len());
        // SAFETY: inside the buffer or at its end, as just checked.
        unsafe { self.base.add(offset) }
    }

    pub(crate) fn offset_of(&self, payload: NonNull<u8>) -> usize {
        payload.addr().get() - self.base.addr().get()
    }

    /// Returns the addresses of a part.
    pub(crate) fn addresses(&self, part: Range<usize>) -> Range<usize> {
        let base = self.base.addr().get();
        base + part.start..base + part.end
    }

    /// Sets a part to one value; what lies outside the buffer is left out.
    pub(crate) fn set(&mut self, part: Range<usize>, value: u8) {
        let end = part.end.min(self.len());
        let start = part.start.min(end);
        let to = self.at(start);
        // SAFETY: `start..end` lies inside the buffer.
        unsafe { to.write_bytes(value, end - start) };
    }

    /// Copies a part to another place, with which it may overlap.
    pub(crate) fn copy(&mut self, part: Range<usize>, to: usize) {
        assert!(
            part.end <= self.len() && to + part.len() <= self.len(),
            "copy inside the buffer"
        );
        let (from, to) = (self.at(part.start), self.at(to));
        // SAFETY: both parts lie inside the buffer, as just checked.
        unsafe { to.copy_from(from, part.len()) };
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and not freed since.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

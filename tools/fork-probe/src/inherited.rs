//! The child's half of the script: what it does at each command. Nothing here allocates, locks, or
//! formats.

use std::alloc::Layout;
use std::ptr;
use std::sync::atomic::Ordering;

use crate::kernel::faults;
use crate::notes::{Notes, nanoseconds, note_refusals};
use crate::recipe::Mapping;

/// The commands, in the order of the script.
pub(crate) mod command {
    /// Do everything once elsewhere, so that code and stack are there when it counts.
    pub(crate) const WARM_UP: u8 = b'm';
    /// Read a byte of every page.
    pub(crate) const READ: u8 = b'r';
    /// Write a byte into every second page.
    pub(crate) const WRITE: u8 = b'w';
    /// Allocate a block and sign it.
    pub(crate) const ALLOCATE: u8 = b'a';
    /// Read the block again.
    pub(crate) const LOOK: u8 = b'l';
    /// Touch what must not be touched.
    pub(crate) const TRESPASS: u8 = b't';
}

/// What the child writes into pages, and into its block.
pub(crate) const CHILD_BYTE: u8 = 0xc1;
/// What the parent writes into pages after the fork.
pub(crate) const PARENT_BYTE: u8 = 0xb2;
/// What the child writes into its block.
pub(crate) const CHILD_SIGN: u64 = 0xc1c1_c1c1_c1c1_c1c1;
/// What the parent writes into its block.
pub(crate) const PARENT_SIGN: u64 = 0xb2b2_b2b2_b2b2_b2b2;

/// The block that both sides allocate.
pub(crate) const BLOCK: Layout = Layout::new::<[u64; 8]>();

/// One byte in some of the pages from an address on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes {
    /// The first page.
    pub(crate) start: *mut u8,
    /// Bytes from one page to the next.
    pub(crate) page_size: usize,
    /// Which pages: from this one,
    pub(crate) first: usize,
    /// each so many-th,
    pub(crate) step: usize,
    /// below this one.
    pub(crate) end: usize,
}

impl Bytes {
    fn pointers(self) -> impl Iterator<Item = *mut u8> {
        (self.first..self.end)
            .step_by(self.step)
            .map(move |page| self.start.wrapping_add(page * self.page_size))
    }

    pub(crate) fn count(self) -> usize {
        (self.first..self.end).step_by(self.step).count()
    }
}

/// Write a byte into each page; return the faults this took, and the nanoseconds of the first write.
///
/// # Safety
///
/// The bytes are mapped and writable, or the process may die of it; no reference to them exists.
#[inline(never)]
pub(crate) unsafe fn write(bytes: Bytes, value: u8) -> (u64, u64) {
    let before = faults::minor();
    let mut first = 0;
    for (index, pointer) in bytes.pointers().enumerate() {
        let start = if index == 0 { nanoseconds() } else { 0 };
        // SAFETY: as the caller says.
        unsafe { pointer.write_volatile(value) };
        if index == 0 {
            first = nanoseconds() - start;
        }
    }
    (faults::minor() - before, first)
}

/// Read a byte of each page, and note it.
///
/// # Safety
///
/// The bytes are mapped and readable, or the process may die of it.
#[inline(never)]
unsafe fn read(bytes: Bytes, notes: &Notes) {
    for (pointer, note) in bytes.pointers().zip(notes.bytes()) {
        // SAFETY: as the caller says.
        note.store(unsafe { pointer.read_volatile() }, Ordering::Relaxed);
    }
}

/// The child's half of the script.
pub(crate) struct Inherited<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) notes: &'a Notes,
    /// All pages observed.
    pub(crate) all: Bytes,
    /// Those that the child writes.
    pub(crate) written: Bytes,
    /// The block it allocated.
    pub(crate) block: *mut u8,
}

impl Inherited<'_> {
    /// Perform one command.
    pub(crate) fn perform(&mut self, command: u8) {
        match command {
            command::WARM_UP => self.warm_up(),
            // SAFETY: the mapping observed; if the child does not have it, its death is the answer.
            command::READ => unsafe { read(self.all, self.notes) },
            command::WRITE => {
                // SAFETY: as above; the parent waits meanwhile.
                let done = unsafe { write(self.written, CHILD_BYTE) };
                self.note(done);
            }
            command::ALLOCATE => self.allocate(),
            command::LOOK => {
                // SAFETY: the block that was allocated before.
                let found = unsafe { self.block.cast::<u64>().read_volatile() };
                self.notes.header().found.store(found, Ordering::Relaxed);
            }
            _ => self.trespass(),
        }
    }

    fn note(&self, (faults, first_write): (u64, u64)) {
        let header = self.notes.header();
        header.faults.store(faults, Ordering::Relaxed);
        header.first_write.store(first_write, Ordering::Relaxed);
    }

    fn warm_up(&self) {
        note_refusals(self.notes);
        let Some(scratch) = self.notes.bytes().first() else {
            return;
        };
        let here = Bytes {
            start: scratch.as_ptr(),
            page_size: 0,
            end: self.all.end,
            ..self.all
        };
        // SAFETY: a byte of the notes, which are atomics and have no reader now.
        let done = unsafe { write(here, 0) };
        // SAFETY: as above.
        unsafe { read(here, self.notes) };
        self.note(done);
    }

    fn allocate(&mut self) {
        let Some(Ok(block)) = self
            .mapping
            .arena()
            .map(|arena| arena.try_alloc_layout(BLOCK))
        else {
            return;
        };
        self.block = block.as_ptr();
        let address = self.block.addr();
        self.notes.header().block.store(address, Ordering::Relaxed);
        // SAFETY: a fresh block of this process's arena, aligned to 8.
        unsafe { self.block.cast::<u64>().write_volatile(CHILD_SIGN) };
    }

    fn trespass(&self) {
        let Some(pointer) = self.mapping.forbidden() else {
            return;
        };
        if self.mapping.writable {
            // SAFETY: a guard page, which belongs to the mapping: the read ends this process.
            unsafe { pointer.read_volatile() };
        } else {
            // SAFETY: read-only memory of the mapping: the write ends this process.
            unsafe { ptr::write_volatile(pointer, CHILD_BYTE) };
        }
    }
}

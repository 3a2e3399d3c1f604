//! What is known of a block: one record each, in a list through malloc'ed memory.

use std::panic::Location;
use std::ptr::NonNull;

/// What is known of a block.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) block: NonNull<u8>,
    pub(crate) size: usize,
    /// File and line of the call.
    pub(crate) site: &'static Location<'static>,
    pub(crate) description: &'static str,
    /// Milliseconds since the heap was made.
    pub(crate) time: u32,
    /// 1 if the block is lost on purpose.
    pub(crate) intended: u32,
    next: Option<NonNull<Record>>,
}

// The numbers of the chapter on retries count on it.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Record>() == 56);

impl Record {
    pub(crate) fn describe(
        &mut self,
        block: NonNull<u8>,
        size: usize,
        description: &'static str,
        site: &'static Location<'static>,
        time: u32,
    ) {
        self.block = block;
        self.size = size;
        self.description = description;
        self.site = site;
        self.time = time;
    }
}

/// All records of a heap, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Each record in the list is whole, and belongs to the list alone.
    first: Option<NonNull<Record>>,
}

// SAFETY: the records belong to the list, and move with it.
unsafe impl Send for Records {}

impl Records {
    /// Adds a record in the memory given.
    ///
    /// # Safety
    ///
    /// The memory is as large and aligned as a record, and the list's from now on.
    pub(crate) unsafe fn add(
        &mut self,
        memory: NonNull<Record>,
        block: NonNull<u8>,
        size: usize,
        description: &'static str,
        site: &'static Location<'static>,
        time: u32,
    ) {
        let record = Record {
            block,
            size,
            site,
            description,
            time,
            intended: 0,
            next: self.first,
        };
        // SAFETY: the caller's promise.
        unsafe { memory.write(record) };
        self.first = Some(memory);
    }

    /// The record of a block.
    pub(crate) fn find(&mut self, block: NonNull<u8>) -> Option<&mut Record> {
        let mut next = self.first;
        while let Some(mut record) = next {
            // SAFETY: records in the list are whole, and `&mut self` says that nobody else looks at one.
            let record = unsafe { record.as_mut() };
            if record.block == block {
                return Some(record);
            }
            next = record.next;
        }
        None
    }

    /// Takes the record of a block out of the list.
    pub(crate) fn take(&mut self, block: NonNull<u8>) -> Option<NonNull<Record>> {
        let mut link = &mut self.first;
        while let Some(mut record) = *link {
            // SAFETY: as in `find`.
            let there = unsafe { record.as_mut() };
            if there.block == block {
                *link = there.next;
                return Some(record);
            }
            link = &mut there.next;
        }
        None
    }

    /// Takes the newest record out of the list.
    pub(crate) fn take_any(&mut self) -> Option<NonNull<Record>> {
        let first = self.first?;
        // SAFETY: as in `find`.
        self.first = unsafe { first.as_ref() }.next;
        Some(first)
    }

    /// All records, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        // SAFETY: records in the list are whole, and `&self` says that none changes.
        let whole = |record: NonNull<Record>| unsafe { record.as_ref() };
        std::iter::successors(self.first.map(whole), move |record| record.next.map(whole))
    }
}

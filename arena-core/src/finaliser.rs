//! Destructors that an arena owes: a list through the arena itself, newest first.
//!
//! ```text
//!            ┌──────────────────┐
//!   newest ─►│ older │ run │ value │ ─► … ─► null
//!            └──────────────────┘
//! ```

use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::{self, NonNull};

#[cfg(all(test, feature = "std"))]
mod tests;

/// What stands before a value whose destructor is owed.
struct Record {
    /// The record before this one, at a lower address; null for the first.
    older: *mut Record,
    /// Runs the destructor of the value behind this record.
    run: unsafe fn(*mut Record),
}

/// A value and its record, in one block.
#[repr(C)]
pub(crate) struct Finalised<T> {
    record: Record,
    value: T,
}

/// The destructors owed, newest first; their addresses fall along the list.
pub(crate) struct Finalisers {
    /// The newest record, in memory below the bump pointer; null if none is owed.
    newest: Cell<*mut Record>,
}

impl Finalisers {
    pub(crate) const fn new() -> Self {
        Self {
            newest: Cell::new(ptr::null_mut()),
        }
    }

    /// Owe the destructor of a value, which is put into `block`, and hand out the value.
    ///
    /// # Safety
    ///
    /// `block` is the newest block of the arena of these finalisers, made for a `Finalised<T>`. The
    /// value may be dropped as long as the block is not given up, and on any thread that the arena
    /// can reach.
    #[inline]
    pub(crate) unsafe fn owe<T>(&self, block: NonNull<Finalised<T>>, value: T) -> NonNull<T> {
        let record = Record {
            older: self.newest.get(),
            run: run::<T>,
        };
        // SAFETY: the block has room for both.
        unsafe { block.write(Finalised { record, value }) };
        self.newest.set(block.as_ptr().cast());
        // SAFETY: within the block.
        unsafe { block.byte_add(offset_of!(Finalised<T>, value)) }.cast()
    }

    /// Tell whether a destructor is owed to a value at or above an address, which is not 0.
    #[inline(always)]
    pub(crate) fn reach(&self, address: usize) -> bool {
        self.newest.get().addr() >= address
    }

    /// Run the destructors of all values at or above an address, which is not 0, newest first; also
    /// the rest of them after one has panicked.
    ///
    /// # Safety
    ///
    /// The values are in place, and nobody uses them any more.
    #[cold]
    pub(crate) unsafe fn run_from(&self, address: usize) {
        struct Rest<'f>(&'f Finalisers, usize);
        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                self.0.run_each(self.1);
            }
        }
        let _also_after_a_panic = Rest(self, address);
        self.run_each(address);
    }

    /// Owe nothing any more.
    pub(crate) fn forget(&self) {
        self.newest.set(ptr::null_mut());
    }

    fn run_each(&self, address: usize) {
        while self.reach(address) {
            let record = self.newest.get();
            // SAFETY: a record on the list is in place: it leaves the list before its block is
            // given up.
            self.newest.set(unsafe { (*record).older });
            // SAFETY: as above; its destructor has not run, for it has just left the list.
            let run = unsafe { (*record).run };
            // SAFETY: `run` was made for the value behind this record.
            unsafe { run(record) };
        }
    }
}

/// # Safety
///
/// The record is the first field of a `Finalised<T>` whose value is in place and is used by nobody,
/// now or later.
unsafe fn run<T>(record: *mut Record) {
    let block = record.cast::<Finalised<T>>();
    // SAFETY: within the block.
    let value = unsafe { &raw mut (*block).value };
    // SAFETY: the value is in place, and dropped once.
    unsafe { value.drop_in_place() };
}

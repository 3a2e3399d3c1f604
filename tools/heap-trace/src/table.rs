//! Rows in a region of their own: what the tracer writes down never touches an allocator that it
//! traces.

use std::marker::PhantomData;
use std::ptr::NonNull;

use arena_core::Region;
use arena_core::region::{Advice, RegionError};

/// Bytes of a table's first region: small enough to be made for every traced heap.
const FIRST_LEN: usize = 64 << 10;

/// Where a large table begins to ask for huge pages, in bytes: as arenas do.
const HUGE_FROM: usize = 2 << 20;

/// A growing array in memory that comes straight from the OS.
///
/// It grows by doubling, into a new region: rows are plain values, and nobody points to one.
#[derive(Debug)]
pub(crate) struct Table<T: Copy> {
    /// The first row: the region's base, or dangling while there is no region.
    rows: NonNull<T>,
    /// Rows in use; the first `len` are initialised.
    len: usize,
    /// Rows that fit into the region.
    room: usize,
    region: Option<Region>,
    content: PhantomData<T>,
}

// SAFETY: the rows are owned, as those of a `Vec` are.
unsafe impl<T: Copy + Send> Send for Table<T> {}

impl<T: Copy> Table<T> {
    /// Make an empty table, which has no memory yet.
    pub(crate) const fn new() -> Self {
        Self {
            rows: NonNull::dangling(),
            len: 0,
            room: 0,
            region: None,
            content: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the first `len` rows are initialised and within the region, which is aligned to
        // a page and not written through anything else while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.rows.as_ptr(), self.len) }
    }

    #[inline(always)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.rows.as_ptr(), self.len) }
    }

    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.as_slice().get(index)
    }

    #[inline(always)]
    pub(crate) fn last(&self) -> Option<&T> {
        self.as_slice().last()
    }

    /// Make sure that so many rows fit in all.
    pub(crate) fn reserve(&mut self, rows: usize) -> Result<(), RegionError> {
        if rows > self.room {
            let doubled = 2 * self.room * size_of::<T>();
            self.enlarge(FIRST_LEN.max(doubled).max(rows * size_of::<T>()))?;
        }
        Ok(())
    }

    /// Make sure that one more row fits.
    #[inline(always)]
    pub(crate) fn make_room(&mut self) -> Result<(), RegionError> {
        if self.len == self.room {
            self.double()?;
        }
        Ok(())
    }

    /// Append a row.
    #[inline(always)]
    pub(crate) fn push(&mut self, row: T) -> Result<(), RegionError> {
        self.make_room()?;
        // SAFETY: `len < room`, so the place lies within the region.
        let to = unsafe { self.rows.add(self.len) };
        // SAFETY: the place is ours and aligned.
        unsafe { to.write(row) };
        self.len += 1;
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.last().copied()?;
        self.len -= 1;
        Some(last)
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Bytes that the table has taken from the OS, touched or not.
    pub(crate) fn granted(&self) -> usize {
        self.region.as_ref().map_or(0, Region::len)
    }

    #[cold]
    #[inline(never)]
    fn double(&mut self) -> Result<(), RegionError> {
        self.enlarge(FIRST_LEN.max(2 * self.room * size_of::<T>()))
    }

    fn enlarge(&mut self, bytes: usize) -> Result<(), RegionError> {
        let region = Region::anonymous(bytes)?;
        if region.len() > HUGE_FROM {
            // Advice that is not followed costs time, and nothing else.
            let _ = region.advise(HUGE_FROM..region.len(), Advice::HugePages);
        }
        let rows = region.base().cast::<T>();
        // SAFETY: the new region is larger, and the two do not overlap.
        unsafe { rows.copy_from_nonoverlapping(self.rows, self.len) };
        self.rows = rows;
        self.room = region.len() / size_of::<T>();
        self.region = Some(region);
        Ok(())
    }
}

impl<T: Copy> Table<T> {
    /// Make a table of `len` equal rows.
    pub(crate) fn filled(len: usize, row: T) -> Result<Self, RegionError> {
        let mut table = Self::new();
        table.enlarge((len * size_of::<T>()).max(1))?;
        for _ in 0..len {
            table.push(row)?;
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests;

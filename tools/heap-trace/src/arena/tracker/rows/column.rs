//! One column of a table: memory straight from the OS, zero until it is written.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;

use arena_core::Region;
use arena_core::region::{Advice, RegionError, page_size};

/// Bytes of a column's first region: what a small arena is content with.
const FIRST_LEN: usize = 256 << 10;

/// Bytes of a huge page, as most systems have them. Regions of whole ones begin at one.
const HUGE_PAGE: usize = 2 << 20;

/// A value that zeroed memory is one of.
///
/// # Safety
///
/// All bytes zero is a valid value.
pub(super) unsafe trait Plain: Copy {}

/// A growing array of plain values. It grows into a new region: nobody points to a value.
#[derive(Debug)]
pub(super) struct Column<T: Plain> {
    /// The region's base, or dangling while there is none.
    values: NonNull<T>,
    /// Values that fit into the region.
    room: usize,
    region: Option<Region>,
    /// Values that the first region is to have room for.
    hoped: usize,
    content: PhantomData<T>,
}

impl<T: Plain> Column<T> {
    pub(super) const fn of(hoped: usize) -> Self {
        Self {
            values: NonNull::dangling(),
            room: 0,
            region: None,
            hoped,
            content: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn granted(&self) -> usize {
        self.region.as_ref().map_or(0, Region::len)
    }

    /// # Safety
    ///
    /// `index` is below the room.
    #[inline(always)]
    pub(super) unsafe fn at(&self, index: usize) -> &T {
        debug_assert!(index < self.room, "{index} of {}", self.room);
        // SAFETY: the caller's promise.
        let value = unsafe { self.values.add(index) };
        // SAFETY: within the region: written, or zero, and either is a value.
        unsafe { value.as_ref() }
    }

    /// # Safety
    ///
    /// `index` is below the room.
    #[inline(always)]
    pub(super) unsafe fn at_mut(&mut self, index: usize) -> &mut T {
        debug_assert!(index < self.room, "{index} of {}", self.room);
        // SAFETY: the caller's promise.
        let mut value = unsafe { self.values.add(index) };
        // SAFETY: as above, and borrowed exclusively.
        unsafe { value.as_mut() }
    }

    /// # Safety
    ///
    /// A value within the room stands so many bytes from the first.
    #[inline(always)]
    pub(super) unsafe fn at_place(&mut self, bytes: usize) -> &mut T {
        // SAFETY: the caller's promise.
        let mut value = unsafe { self.values.byte_add(bytes) };
        // SAFETY: as above: within the region, and borrowed exclusively.
        unsafe { value.as_mut() }
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &[T] {
        assert!(
            range.start <= range.end && range.end <= self.room,
            "{range:?}"
        );
        // SAFETY: within the region.
        let first = unsafe { self.values.add(range.start) };
        // SAFETY: all values of the region are valid, and none is written while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(first.as_ptr(), range.len()) }
    }

    /// Move values to another place of the column. Without room there are none.
    pub(super) fn move_rows(&mut self, range: Range<usize>, to: usize) {
        if self.room == 0 {
            return;
        }
        assert!(
            range.end.max(to + range.len()) <= self.room,
            "{range:?} to {to}"
        );
        // SAFETY: within the region.
        let from = unsafe { self.values.add(range.start) };
        // SAFETY: within the region.
        let to = unsafe { self.values.add(to) };
        // SAFETY: both ranges lie within the region; they may overlap.
        unsafe { from.copy_to(to, range.len()) };
    }

    /// Let values be written without page faults. Where the kernel cannot, they take theirs.
    pub(super) fn populate(&self, range: Range<usize>) {
        let page = page_size();
        let start = (range.start * size_of::<T>()).next_multiple_of(page);
        let end = (range.end * size_of::<T>()).next_multiple_of(page);
        if let Some(region) = &self.region {
            let _ = region.populate(start..end.min(region.len()));
        }
    }

    /// Have room for at least `room`: in a small region at first, then, of huge pages from its first
    /// byte, as much as was hoped for, then more.
    ///
    /// In pages of 4 KiB the first touch of a table takes several times as long, and a table that has
    /// outgrown its first region is likely to fill a huge page.
    pub(super) fn enlarge(&mut self, room: usize, used: usize) -> Result<(), RegionError> {
        let least = FIRST_LEN.max(room * size_of::<T>());
        let region = match self.room {
            0 => Region::anonymous(least),
            _ => Region::anonymous(
                least
                    .max(self.hoped * size_of::<T>())
                    .next_multiple_of(HUGE_PAGE),
            )
            .or_else(|_| Region::anonymous(least)),
        }?;
        if region.len() >= HUGE_PAGE {
            // Advice that is not followed costs time, and nothing else.
            let _ = region.advise(0..region.len(), Advice::HugePages);
        }
        let values = region.base().cast::<T>();
        let kept = used.min(self.room);
        // SAFETY: the new region has more room, and the two do not overlap.
        unsafe { values.copy_from_nonoverlapping(self.values, kept) };
        self.values = values;
        self.room = region.len() / size_of::<T>();
        self.region = Some(region);
        Ok(())
    }
}

// SAFETY: the values are owned, as those of a `Vec` are.
unsafe impl<T: Plain + Send> Send for Column<T> {}

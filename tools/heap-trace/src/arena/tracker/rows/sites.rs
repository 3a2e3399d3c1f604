//! The lines that free blocks, each with a number of 15 bits, for the whole process.
//!
//! A line's number is its place in a table, which its address leads to: mostly the first place that is
//! looked at. Nothing is ever taken out, and nothing moves, so that a number can be read and given
//! without a lock.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::record::Place;

/// The number of a line that frees blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct SiteId(u16);

/// How many there are, with [`SiteId::OTHER`].
const LINES: usize = 1 << 15;

/// A quarter of a mebibyte of address space; memory for those of its pages that are used.
static TABLE: [AtomicPtr<Location<'static>>; LINES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; LINES];

impl SiteId {
    /// All other lines, if there are more than there is room for.
    const OTHER: Self = Self((LINES - 1) as u16);

    /// The number of a line, if it has one and stands where it is first looked for.
    #[inline(always)]
    pub(in super::super) fn known(place: Place) -> Option<Self> {
        let home = home(place);
        // Nothing hangs on what else was written when the number was given: the line is a constant.
        let known = TABLE[usize::from(home)].load(Ordering::Relaxed);
        ptr::eq(known, place).then_some(Self(home))
    }

    /// The number of a line.
    pub(in super::super) fn of_line(place: Place) -> Self {
        Self::known(place).unwrap_or_else(|| Self::given_to(place))
    }

    /// The number of a line, which it is given now if it has none.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn given_to(place: Place) -> Self {
        Self::given_in(&TABLE, place)
    }

    /// The number in a table whose last place stays empty.
    fn given_in(table: &[AtomicPtr<Location<'static>>], place: Place) -> Self {
        let new = ptr::from_ref(place).cast_mut();
        let other = table.len() - 1;
        let home = usize::from(home(place)) % other;
        let is_its_own = |&number: &usize| {
            let none = ptr::null_mut();
            let was =
                table[number].compare_exchange(none, new, Ordering::Relaxed, Ordering::Relaxed);
            was.is_ok() || was == Err(new)
        };
        let number = (home..other).chain(0..home).find(is_its_own);
        number.map_or(Self::OTHER, Self::of)
    }

    pub(super) fn of(number: usize) -> Self {
        Self(number as u16)
    }

    #[inline(always)]
    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// The line; `None` for all other lines.
    pub(super) fn place(self) -> Option<Place> {
        let line = TABLE[self.number()].load(Ordering::Relaxed);
        // SAFETY: made from a reference that holds for good, or null.
        unsafe { line.as_ref() }
    }
}

/// Where a line is first looked for. Lines lie beside each other, 24 bytes each.
#[inline(always)]
fn home(place: Place) -> u16 {
    (ptr::from_ref(place).addr() / align_of::<Location<'_>>() % LINES) as u16
}

#[cfg(test)]
mod tests;

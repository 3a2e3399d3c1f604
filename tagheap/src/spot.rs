//! Places that were looked at once: where a header fits, and the granule that it starts in.
//!
//! A number from memory may say anything. It becomes a [`Spot`] when it was compared with the end of the
//! block area, and from then on the header there is read and written without another look: a corrupted
//! heap leads to no access outside of it, and a sound one pays for one comparison a link.

use crate::fit::HEADER;
use crate::header::Blocks;
use crate::index::GRANULE;

/// A dword of the block area at which a header fits. Whether there is one is another question.
///
/// It is used with the heap that it was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(u32);

/// A granule of the block area. As a [`Spot`], it is used with the heap that it was made by; in a heap without a
/// table it is a number, and nothing is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granule(u32);

impl Spot {
    /// The dword.
    #[inline(always)]
    pub(crate) fn at(self) -> u32 {
        self.0
    }

    /// Where the block behind this one is, which has so many dwords, as they say.
    #[inline(always)]
    pub(crate) fn end(self, size: u32) -> u64 {
        u64::from(self.0) + u64::from(HEADER) + u64::from(size)
    }

    /// The granule in which a block here starts.
    #[inline(always)]
    pub(crate) fn granule(self) -> Granule {
        Granule(self.0 / GRANULE)
    }
}

impl Granule {
    /// Take a number of a granule.
    ///
    /// # Safety
    ///
    /// The heap that this is used with has more granules.
    #[inline(always)]
    pub(crate) unsafe fn new(number: u32) -> Self {
        Self(number)
    }

    #[inline(always)]
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The first dword.
    #[inline(always)]
    pub(crate) fn base(self) -> u32 {
        self.0 * GRANULE
    }

    /// Tell whether a dword lies in it.
    #[inline(always)]
    pub(crate) fn holds(self, at: u32) -> bool {
        at / GRANULE == self.0
    }
}

impl Blocks {
    /// Look whether a header fits here.
    #[inline(always)]
    pub(crate) fn spot(self, at: impl Into<u64>) -> Option<Spot> {
        let at = at.into();
        (at <= u64::from(self.last())).then_some(Spot(at as u32))
    }

    /// Take a place that was reckoned from what was looked at already.
    ///
    /// # Panics
    ///
    /// A header does not fit there.
    #[inline]
    pub(crate) fn known_spot(self, at: u32) -> Spot {
        match self.spot(at) {
            Some(spot) => spot,
            None => self.0.outside(at, HEADER),
        }
    }
}

//! One row: what is known of one block.

use std::alloc::Layout;
use std::panic::Location;
use std::ptr;

use super::column::Plain;
use super::sites::SiteId;
use crate::record::Place;

/// One block: 16 bytes, all that is touched for it beside the block itself.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Row {
    pub(in super::super) block: Block,
    sites: Sites,
}

/// Where a block was allocated, and in the bits above the address where it was freed, if it is.
///
/// ```text
///   63       48 47        0
///   ├ freed at ┤├ address ┤      the uppermost bit says that it is freed
/// ```
#[derive(Debug, Clone, Copy)]
struct Sites(*const Location<'static>);

// SAFETY: a row of zeroes is a block of no bytes at no address, allocated nowhere, and not freed.
unsafe impl Plain for Row {}

/// Bits of an address: as many as a process has on any system.
const ADDRESS_BITS: u32 = 48;

const IS_FREED: usize = 1 << (usize::BITS - 1);

impl Row {
    #[inline(always)]
    pub(in super::super) fn live(block: Block, place: Place) -> Self {
        Self {
            block,
            sites: Sites(place),
        }
    }

    /// The row of bytes from an address on that were not traced.
    pub(in super::super) fn untraced(address: usize) -> Self {
        Self {
            block: Block(Block::before(address).0 + UNTRACED),
            sites: Sites(ptr::null()),
        }
    }

    #[inline(always)]
    pub(in super::super) fn is_freed(&self) -> bool {
        Self::are_freed(std::slice::from_ref(self))
    }

    /// Tell whether all of them are freed, without a branch for each.
    #[inline(always)]
    pub(super) fn are_freed(rows: &[Self]) -> bool {
        let sites = rows.iter().map(|row| row.sites.0.addr());
        sites.fold(usize::MAX, |all, sites| all & sites) & IS_FREED != 0
    }

    /// Note that a live block was freed, and where.
    #[inline(always)]
    pub(in super::super) fn mark_freed(&mut self, site: SiteId) {
        let freed = IS_FREED | site.number() << ADDRESS_BITS;
        self.sites.0 = self.sites.0.map_addr(|address| address | freed);
    }

    /// Where it was allocated; `None` of what was not traced.
    pub(super) fn place(&self) -> Option<Place> {
        let place = self
            .sites
            .0
            .map_addr(|sites| sites & ((1 << ADDRESS_BITS) - 1));
        // SAFETY: made from a reference that holds for good, or null.
        unsafe { place.as_ref() }
    }

    pub(super) fn freed(&self) -> Option<Place> {
        let number = (self.sites.0.addr() & !IS_FREED) >> ADDRESS_BITS;
        self.is_freed().then(|| SiteId::of(number).place())?
    }
}

/// Address and layout in one word, so that one comparison tells whether a pointer is freed with the
/// layout it was allocated for. Words are in the order of addresses.
///
/// ```text
///   63       16 15   13 12     0
///   ├ address ┤ ├align┤ ├ size ┤      the alignment as a power of two
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Block(u64);

const LAYOUT_BITS: u32 = u64::BITS - ADDRESS_BITS;
const SIZE_BITS: u32 = 13;

/// What stands below the address of a block whose layout has no room there.
const WIDE: u64 = (1 << LAYOUT_BITS) - 1;

/// What stands below the address of bytes that were not traced.
const UNTRACED: u64 = WIDE >> SIZE_BITS << SIZE_BITS;

/// The address behind the last that a row has room for.
pub(in super::super) const ADDRESS_END: usize = 1 << ADDRESS_BITS;

impl Block {
    /// Before every block.
    pub(super) const NONE: Self = Self(0);

    /// Behind every block.
    pub(super) const LAST: Self = Self(u64::MAX);

    /// What is before every block at an address or behind it.
    #[inline(always)]
    pub(in super::super) fn before(address: usize) -> Self {
        Self((address as u64) << LAYOUT_BITS)
    }

    /// The same so many bytes further on.
    #[inline(always)]
    pub(in super::super) fn ahead(self, bytes: usize) -> Self {
        Self(self.0 + ((bytes as u64) << LAYOUT_BITS))
    }

    /// A block of this layout, of what is before it.
    #[inline(always)]
    pub(in super::super) fn with(self, layout: Layout) -> Self {
        let align = u64::from(layout.align().trailing_zeros());
        match is_wide(layout) {
            true => Self(self.0 + WIDE),
            false => Self(self.0 + (align << SIZE_BITS) + layout.size() as u64),
        }
    }

    #[inline(always)]
    pub(in super::super) fn address(self) -> usize {
        (self.0 >> LAYOUT_BITS) as usize
    }

    #[inline(always)]
    pub(in super::super) fn is_untraced(self) -> bool {
        self.0 & WIDE == UNTRACED
    }

    /// The layout, unless it is a wide one. What was not traced is told as no bytes.
    pub(super) fn layout(self) -> Option<Layout> {
        let (size, align) = (
            self.0 & ((1 << SIZE_BITS) - 1),
            (self.0 & WIDE) >> SIZE_BITS,
        );
        match self.0 & WIDE {
            WIDE => None,
            UNTRACED => Some(Layout::new::<()>()),
            // SAFETY: taken from a layout.
            _ => Some(unsafe { Layout::from_size_align_unchecked(size as usize, 1 << align) }),
        }
    }
}

/// Tell whether a layout has no room in a row: 8,191 bytes and more, or aligned to more than 64.
#[inline(always)]
pub(in super::super) fn is_wide(layout: Layout) -> bool {
    layout.size() as u64 >= WIDE & ((1 << SIZE_BITS) - 1)
        || u64::from(layout.align().trailing_zeros()) >= WIDE >> SIZE_BITS
}

/// A layout that has no room in a row, in a word of its own.
///
/// ```text
///   63     8 7     0
///   ├ size ┤ ├align┤      the alignment as a power of two
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide(u64);

// SAFETY: zero is no bytes, aligned to 1.
unsafe impl Plain for Wide {}

impl Wide {
    pub(super) fn of(layout: Layout) -> Self {
        let align = u64::from(layout.align().trailing_zeros());
        Self((layout.size() as u64) << 8 | align)
    }

    pub(super) fn layout(self) -> Layout {
        let (size, align) = ((self.0 >> 8) as usize, 1 << (self.0 & 0xff));
        // SAFETY: taken from a layout.
        unsafe { Layout::from_size_align_unchecked(size, align) }
    }
}

//! What tools are told, so that they see blocks where they would see one large mapping.
//!
//! Without the features `asan` and `valgrind` all of this is nothing: no code, no byte.
//! With them, a red zone follows each block, and what is not a block is poisoned or inaccessible: an
//! overflow past a block, and a use after free, rewind or reset, is reported at the line that does
//! it.
//!
//! ```text
//!   ├ block ┤ red zone ├ block ┤ red zone ├ … bump pointer
//! ```

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::AllocError;

#[cfg(feature = "asan")]
mod asan;
#[cfg(feature = "valgrind")]
mod valgrind;

/// Whether any tool is told anything.
pub(crate) const WATCHED: bool = cfg!(any(feature = "asan", feature = "valgrind"));

/// Bytes behind each block that belong to nobody. AddressSanitizer tells 8 bytes apart, valgrind
/// describes 16.
const RED_ZONE_LEN: usize = if WATCHED { 16 } else { 0 };

/// Where a watched block begins: AddressSanitizer can only poison from such an address on.
const WATCHED_ALIGN: usize = if WATCHED { 8 } else { 1 };

/// The bytes that a block of `size` takes, with its red zone.
#[inline(always)]
pub(crate) const fn padded_size(size: usize) -> usize {
    // A block of this size was placed, so this does not overflow.
    size.next_multiple_of(WATCHED_ALIGN) + RED_ZONE_LEN
}

/// The layout to place for a block, with its red zone.
#[inline(always)]
pub(crate) fn padded(layout: Layout) -> Result<Layout, AllocError> {
    if !WATCHED {
        return Ok(layout);
    }
    let too_large = AllocError::TooLarge {
        count: 1,
        element_size: layout.size(),
    };
    let size = layout
        .size()
        .checked_next_multiple_of(WATCHED_ALIGN)
        .ok_or(too_large)?;
    let size = size.checked_add(RED_ZONE_LEN).ok_or(too_large)?;
    Layout::from_size_align(size, layout.align().max(WATCHED_ALIGN)).map_err(|_| too_large)
}

macro_rules! tell {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*);
    )*) => {
        $(
            $(#[$doc])*
            #[inline(always)]
            pub(crate) fn $name($($argument: $type),*) {
                $(let _ = $argument;)*
                #[cfg(feature = "asan")]
                asan::$name($($argument),*);
                #[cfg(feature = "valgrind")]
                valgrind::$name($($argument),*);
            }
        )*
    };
}

tell! {
    /// An arena begins: `len` bytes from `home`, none of them a block.
    fn opened(home: NonNull<u8>, len: usize);
    /// An arena of `len` bytes ends, having used `used` of them at most; whoever has the memory next
    /// may touch it.
    fn closed(home: NonNull<u8>, used: usize, len: usize);
    /// A block was placed.
    fn placed(home: NonNull<u8>, block: NonNull<u8>, size: usize);
    /// A block was given up, or left behind by a copy.
    fn freed(home: NonNull<u8>, block: NonNull<u8>, size: usize);
    /// A block has grown in place.
    fn grown(home: NonNull<u8>, block: NonNull<u8>, old: usize, new: usize);
    /// A block has shrunk in place.
    fn shrunk(home: NonNull<u8>, block: NonNull<u8>, old: usize, new: usize);
    /// Bytes have values, written or not.
    fn valued(block: NonNull<u8>, len: usize);
    /// The arena itself is about to write to bytes that are no block.
    fn touched(at: NonNull<u8>, len: usize);
    /// The bump pointer went back: from `to`, `len` bytes are no blocks any more.
    fn rewound(home: NonNull<u8>, to: NonNull<u8>, len: usize);
}

/// Let `look` read bytes that are no blocks without a report.
#[inline(always)]
pub(crate) fn unreported<R>(look: impl FnOnce() -> R) -> R {
    #[cfg(feature = "valgrind")]
    let _quiet = valgrind::quiet();
    look()
}

//! Sizes and aligns where allocators go wrong.

use std::alloc::Layout;

/// Sizes around the steps of size classes, words, rows and OS pages.
pub const SIZES: [usize; 28] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 1024,
    4095, 4096, 4097, 8192,
];

/// Every align an ordinary program asks for, up to a common OS page.
pub const ALIGNS: [usize; 13] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/// From this size on no request can be served: on a 64-bit machine half of
/// `isize::MAX` is more than any processor translates.
pub const IMPOSSIBLE_LEN: usize = isize::MAX as usize / 2;

/// Sizes that must be refused, and that overflow when carelessly rounded or added.
pub const IMPOSSIBLE_SIZES: [usize; 6] = [
    isize::MAX as usize,
    isize::MAX as usize - 1,
    isize::MAX as usize - 7,
    isize::MAX as usize - 4095,
    isize::MAX as usize - 4096,
    IMPOSSIBLE_LEN + 1,
];

/// Makes a layout of `align`, and of `size` or the largest size that align allows.
///
/// # Panics
///
/// If `align` is not a power of two.
pub fn layout(size: usize, align: usize) -> Layout {
    let largest = (isize::MAX as usize + 1).saturating_sub(align);
    match Layout::from_size_align(size.min(largest), align) {
        Ok(layout) => layout,
        Err(_) => panic!("align {align} is not a power of two"),
    }
}

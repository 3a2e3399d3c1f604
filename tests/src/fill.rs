//! Byte patterns: what the suite writes into each block, and how it finds a change.
//!
//! The pattern depends on the block and on the position, so that bytes of another block,
//! and bytes of the same block at another position, are both seen. It never holds a zero:
//! recycled memory is therefore always dirty, and a forgotten zeroing always shows.

use std::ops::Range;
use std::ptr::NonNull;

use crate::violation::{Block, BlockId, Violation};

#[cfg(test)]
mod tests;

/// Values a pattern byte can take: all but zero. Also the length of one row.
const VALUES: usize = 255;

/// Step from one byte to the next: no factor in common with [`VALUES`], so that a shift
/// of a row by any distance changes every byte of it.
const STEP: usize = 31;

/// The number that undoes [`STEP`]: `STEP * STEP_INVERSE` is 1 modulo [`VALUES`].
const STEP_INVERSE: usize = 181;

/// Step from one row to the next, so that a shift by a whole row shows as well.
const ROW_STEP: usize = 7;

/// Blocks up to this size are filled and compared whole.
pub const WHOLE_LEN: usize = 32 * 1024;

/// Of a larger block, so many bytes at each end: a region of gigabytes must not be
/// committed by its test, and neighbours write over the ends first.
pub const EDGE_LEN: usize = 4 * 1024;

/// Two rows of the pattern with value `STEP * i`: each row of each block is a part of it.
const ROWS: [u8; 2 * VALUES] = {
    let mut rows = [0; 2 * VALUES];
    let mut i = 0;
    while i < rows.len() {
        rows[i] = 1 + (STEP * i % VALUES) as u8;
        i += 1;
    }
    rows
};

const ZEROS: [u8; VALUES] = [0; VALUES];

/// Returns the byte that belongs at `offset` of block `id`.
pub fn pattern(id: BlockId, offset: usize) -> u8 {
    row(id, offset / VALUES)[offset % VALUES]
}

fn row(id: BlockId, index: usize) -> &'static [u8] {
    let first = (id.0 % VALUES as u64) as usize + ROW_STEP * (index % VALUES);
    let start = first * STEP_INVERSE % VALUES;
    &ROWS[start..start + VALUES]
}

/// Returns the parts of a block of `size` bytes that are filled and compared.
pub fn spans(size: usize) -> [Range<usize>; 2] {
    if size <= WHOLE_LEN {
        [0..size, size..size]
    } else {
        [0..EDGE_LEN, size - EDGE_LEN..size]
    }
}

/// Writes the block's pattern into its payload.
///
/// # Safety
///
/// `payload` is valid for writes of the block's size, and nothing else uses these bytes
/// meanwhile.
pub unsafe fn write(payload: NonNull<u8>, block: &Block) {
    for span in spans(block.layout.size()) {
        for (part, row_part) in rows(block.id, span) {
            // SAFETY: `part` lies inside the block, which `payload` is valid for.
            let to = unsafe { payload.add(part.start) };
            let from = NonNull::from(row_part).cast::<u8>();
            // SAFETY: both are valid for the part's length, and a static cannot overlap
            // memory that the caller may write to.
            unsafe { to.copy_from_nonoverlapping(from, part.len()) };
        }
    }
}

/// Compares the first `len` bytes of `payload` with the pattern written for `block`.
///
/// `payload` need not be where the block was: after a grow, a shrink or a move it is
/// where the bytes must have gone.
///
/// # Errors
///
/// [`Violation::Changed`] with the first byte that differs.
///
/// # Safety
///
/// `payload` is valid for reads of `len` initialised bytes that nothing writes meanwhile.
pub unsafe fn verify(payload: NonNull<u8>, block: &Block, len: usize) -> Result<(), Violation> {
    for span in spans(block.layout.size()) {
        let kept = span.start.min(len)..span.end.min(len);
        for (part, row_part) in rows(block.id, kept) {
            let start = part.start;
            // SAFETY: `part` ends at `len` or before, and `payload` is valid up to there.
            if let Err((i, found)) = unsafe { compare(payload, part, row_part) } {
                let (offset, expected) = (start + i, row_part[i]);
                return Err(Violation::Changed {
                    block: *block,
                    offset,
                    expected,
                    found,
                });
            }
        }
    }
    Ok(())
}

/// Finds out whether the bytes of the block in `range` are zero.
///
/// Of a long range, the ends are looked at: see [`spans`].
///
/// # Errors
///
/// [`Violation::NotZeroed`] with the first byte that is not.
///
/// # Safety
///
/// `payload` is valid for reads of initialised bytes up to the end of `range`, and nothing
/// writes them meanwhile.
pub unsafe fn verify_zero(
    payload: NonNull<u8>,
    block: &Block,
    range: Range<usize>,
) -> Result<(), Violation> {
    for span in spans(range.len()) {
        let span = range.start + span.start..range.start + span.end;
        for (part, _) in rows(block.id, span) {
            let start = part.start;
            let zeros = &ZEROS[..part.len()];
            // SAFETY: `part` lies inside `range`, which `payload` is valid for.
            if let Err((i, found)) = unsafe { compare(payload, part, zeros) } {
                return Err(Violation::NotZeroed {
                    block: *block,
                    offset: start + i,
                    found,
                });
            }
        }
    }
    Ok(())
}

/// Cuts `span` at the ends of rows; gives each part with the bytes that belong there.
fn rows(id: BlockId, span: Range<usize>) -> impl Iterator<Item = (Range<usize>, &'static [u8])> {
    let mut at = span.start;
    std::iter::from_fn(move || {
        if at >= span.end {
            return None;
        }
        let (index, column) = (at / VALUES, at % VALUES);
        let end = span.end.min((index + 1) * VALUES);
        let part = at..end;
        at = end;
        Some((part.clone(), &row(id, index)[column..column + part.len()]))
    })
}

/// Compares one part with what is expected; on a difference gives its index and the byte.
///
/// The bytes are copied out first: a slice over memory that a faulty subject may also
/// hold would claim more than the suite knows.
///
/// # Safety
///
/// `payload` is valid for reads of initialised bytes up to the end of `part`, and `part`
/// is no longer than a row.
unsafe fn compare(
    payload: NonNull<u8>,
    part: Range<usize>,
    expected: &[u8],
) -> Result<(), (usize, u8)> {
    let mut found = [0; VALUES];
    let found = &mut found[..part.len()];
    // SAFETY: `part` lies inside what `payload` is valid for.
    let from = unsafe { payload.add(part.start) };
    // SAFETY: valid for reads by the caller's word; `found` is ours alone.
    unsafe { from.copy_to_nonoverlapping(NonNull::from(&mut *found).cast(), part.len()) };
    if found == expected {
        return Ok(());
    }
    let first = found.iter().zip(expected).position(|(a, b)| a != b);
    let i = first.expect("slices of one length that differ, differ at an index");
    Err((i, found[i]))
}

//! The arithmetic of a bump arena: integers in, integers out.
//!
//! Nothing here knows a pointer, a region or a kernel, so that it can be read, property-tested and
//! fuzzed alone. Addresses are plain `usize`; the caller keeps the pointer that goes with them.
//!
//! ```text
//!  base          bump            start      start+size  end        limit
//!   |  blocks…    |   padding      |  payload    | rounding |          |
//! ```

/// The highest address at which a range may end.
///
/// A [`Layout`](core::alloc::Layout) promises `size + (align - 1) <= isize::MAX`. With a range that
/// ends in the lower half of the address space, `bump + (align - 1) + size`, rounded up to a minimum
/// alignment, stays below `usize::MAX`, and the fast path needs no check for overflow. 64-bit user
/// space lies there; where pointers are narrower the range may not, and the additions are checked.
pub const RANGE_END_MAX: usize = if cfg!(target_pointer_width = "64") {
    isize::MAX as usize - MIN_ALIGN_MAX
} else {
    usize::MAX - MIN_ALIGN_MAX
};

/// The largest minimum alignment an arena may have, in bytes.
pub const MIN_ALIGN_MAX: usize = 64;

/// Where a block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The address of the first byte; a multiple of the alignment asked for.
    pub start: usize,
    /// The bump pointer afterwards; a multiple of the minimum alignment.
    pub end: usize,
}

/// Round `n` up to a multiple of `align`, a power of two.
///
/// `None` if the result does not fit in a `usize`.
#[inline(always)]
pub const fn checked_round_up(n: usize, align: usize) -> Option<usize> {
    match n.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// Round `n` down to a multiple of `align`, a power of two.
#[inline(always)]
pub const fn round_down(n: usize, align: usize) -> usize {
    n & !(align - 1)
}

/// Place a block of `size` bytes at the lowest address from `bump` on that is a multiple of
/// `align`, if the bump pointer then stays at or below `limit`.
///
/// Preconditions: `bump` is a multiple of `MIN_ALIGN` and at most [`RANGE_END_MAX`]; `size` and
/// `align` are those of a `Layout`, and `size` is not 0.
#[inline(always)]
pub const fn place<const MIN_ALIGN: usize>(
    bump: usize,
    limit: usize,
    size: usize,
    align: usize,
) -> Option<Placement> {
    let Some(start) = align_up(bump, align) else {
        return None;
    };
    let Some(end) = end_of::<MIN_ALIGN>(start, size) else {
        return None;
    };
    if end > limit {
        return None;
    }
    Some(Placement { start, end })
}

/// Place a block as [`place`] does, but let its last byte, not its rounding, reach `limit`.
///
/// An exact limit need not be a multiple of the minimum alignment. The bump pointer may then rest
/// above the limit by less than `MIN_ALIGN`, where the next block cannot start anyway.
pub const fn place_exactly<const MIN_ALIGN: usize>(
    bump: usize,
    limit: usize,
    size: usize,
    align: usize,
) -> Option<Placement> {
    let Some(start) = align_up(bump, align) else {
        return None;
    };
    let Some(last) = start.checked_add(size) else {
        return None;
    };
    if last > limit {
        return None;
    }
    let Some(end) = end_of::<MIN_ALIGN>(start, size) else {
        return None;
    };
    Some(Placement { start, end })
}

/// The bump pointer behind a block of `size` bytes that starts at `start`.
///
/// `None` only where pointers are narrower than 64 bits, on overflow.
#[inline(always)]
pub const fn end_of<const MIN_ALIGN: usize>(start: usize, size: usize) -> Option<usize> {
    if cfg!(target_pointer_width = "64") {
        // Cannot wrap: see `RANGE_END_MAX`.
        Some(start.wrapping_add(size.wrapping_add(MIN_ALIGN - 1) & !(MIN_ALIGN - 1)))
    } else {
        match checked_round_up(size, MIN_ALIGN) {
            Some(rounded) => start.checked_add(rounded),
            None => None,
        }
    }
}

// `bump` is a multiple of `MIN_ALIGN`; where the caller tells the compiler so, and the alignment is
// known and no larger, all of this is `bump`. A branch on an alignment that is not known would cost
// more than the rounding.
#[inline(always)]
const fn align_up(bump: usize, align: usize) -> Option<usize> {
    if cfg!(target_pointer_width = "64") {
        // Cannot wrap: see `RANGE_END_MAX`.
        Some(bump.wrapping_add(align - 1) & !(align - 1))
    } else {
        checked_round_up(bump, align)
    }
}

#[cfg(test)]
mod tests;

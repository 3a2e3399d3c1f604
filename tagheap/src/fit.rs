//! Where a block goes within a free block: integers in, integers out.
//!
//! Everything is counted in dwords of 4 bytes. A block of `size` dwords at `at` is
//!
//! ```text
//!  at          at + HEADER                 at + HEADER + size
//!  | header ... | payload ................ | next block
//! ```

/// Bytes in a dword.
pub(crate) const DWORD: usize = 4;

/// Dwords in a header.
pub(crate) const HEADER: u32 = 6;

/// Bytes in a header.
pub(crate) const HEADER_LEN: usize = HEADER as usize * DWORD;

/// The least that is cut off as a block of its own: a header and 16 bytes.
pub(crate) const LEAST_REST: u32 = HEADER + 4;

/// The most dwords that a block area has, so that sums of two offsets do not overflow and sizes
/// compare alike as signed and unsigned numbers.
pub(crate) const DWORDS_MAX: u32 = i32::MAX as u32;

/// Round a request up to dwords: at least one, so that each block has a payload of its own.
pub(crate) fn dwords_for(bytes: usize) -> Option<u32> {
    let dwords = bytes.max(1).div_ceil(DWORD);
    u32::try_from(dwords)
        .ok()
        .filter(|&dwords| dwords <= DWORDS_MAX)
}

/// The payload of a free block of so many dwords in all, if there is one.
#[inline]
pub(crate) fn payload_of(dwords: u32) -> u32 {
    dwords.saturating_sub(HEADER)
}

/// A block carved out of a free block, and what stays free on either side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Where the block's header goes.
    pub(crate) at: u32,
    /// Dwords of payload, slack included.
    pub(crate) size: u32,
    /// Dwords below it that stay a free block, header included; 0 or at least [`LEAST_REST`].
    pub(crate) front: u32,
    /// Dwords above it that become a free block, header included; 0 or at least [`LEAST_REST`].
    pub(crate) rest: u32,
}

/// A free block to carve from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    /// Where its header is.
    pub(crate) at: u32,
    /// Dwords of payload.
    pub(crate) size: u32,
}

impl Hole {
    fn first(self) -> u32 {
        self.at + HEADER
    }

    pub(crate) fn end(self) -> u32 {
        self.first() + self.size
    }

    /// Carve `need` dwords, of which there are as many, at the bottom.
    #[inline(always)]
    pub(crate) fn bottom(self, need: u32) -> Fit {
        let rest = self.size - need;
        let kept = if rest < LEAST_REST { rest } else { 0 };
        Fit {
            at: self.at,
            size: need + kept,
            front: 0,
            rest: rest - kept,
        }
    }

    /// Carve `need` dwords at the lowest payload that is a multiple of `align` dwords, a power of two.
    #[inline]
    pub(crate) fn lowest(self, need: u32, align: u32) -> Option<Fit> {
        let mut payload = (self.first() + (align - 1)) & !(align - 1);
        if align > 1 {
            while !is_gap(payload - self.first()) {
                payload += align;
            }
        }
        self.carve(payload, need)
    }

    /// Carve `need` dwords at the highest payload that is a multiple of `align` dwords, a power of two.
    #[inline]
    pub(crate) fn highest(self, need: u32, align: u32) -> Option<Fit> {
        let ideal = self.end().checked_sub(need)?;
        let mut payload = ideal & !(align - 1);
        while !is_gap(payload.checked_sub(self.first())?) {
            payload = payload.checked_sub(align)?;
        }
        self.carve(payload, need)
    }

    #[inline]
    fn carve(self, payload: u32, need: u32) -> Option<Fit> {
        let rest = self.end().checked_sub(payload.checked_add(need)?)?;
        let kept = if rest < LEAST_REST { rest } else { 0 };
        Some(Fit {
            at: payload - HEADER,
            size: need + kept,
            front: payload - self.first(),
            rest: rest - kept,
        })
    }
}

/// Tell whether so many dwords can lie below a block: none, or a free block of their own.
fn is_gap(dwords: u32) -> bool {
    dwords == 0 || dwords >= LEAST_REST
}

/// How a block can follow a defragmentation down into the free dwords below it.
///
/// `bottom` is the lowest free dword, `at` the block's header now. With nothing kept free below it
/// the block can always move. A gap below costs a header of its own, which only pays where the free
/// space left behind joins a free block above: free space never shrinks. Returns the new header.
pub(crate) fn slide(bottom: u32, at: u32, align: u32, above_is_free: bool) -> Option<u32> {
    let fit = Hole {
        at: bottom,
        size: DWORDS_MAX,
    }
    .lowest(0, align)?;
    (fit.at < at && (fit.front == 0 || above_is_free)).then_some(fit.at)
}

#[cfg(test)]
mod tests;

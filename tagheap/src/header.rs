//! The 24 bytes before every payload.
//!
//! ```text
//!  dword   live block                          free block
//!  0       the block before (dwords from the base), or NONE
//!  1       size of the payload in dwords: the next block is at self + 6 + size
//!  2       tag 15 | slack code 5 | align 4 | check 8     the same, tag 0x7fff
//!  3, 4    tag list: previous, next            NONE, NONE
//!  5       handle slot, or NONE                NONE
//! ```
//!
//! In a heap without a table the dwords of a free block that say nothing here say where it is in the tree
//! of free blocks: see `index/links.rs`.
//!
//! The check byte covers dwords 1, 2 and 5 and the block's place, so that a change of any one byte
//! of them shows. Links are not covered: each of them is checked against the neighbour it leads to,
//! and writing one costs no second store.

use crate::error::{Damage, What};
use crate::fit::{DWORD, HEADER};
use crate::spot::Spot;
use crate::tag::{FREE_BITS, Tag};
use crate::words::Words;

mod around;

pub(crate) use around::Around;

/// No block, no slot.
pub(crate) const NONE: u32 = u32::MAX;

/// Dwords of the header, by what they hold.
const PREVIOUS: u32 = 0;
const SIZE: u32 = 1;
const META: u32 = 2;
const TAG_PREVIOUS: u32 = 3;
const TAG_NEXT: u32 = 4;
const HANDLE: u32 = 5;

const TAG_BITS: u32 = 15;
const SLACK_BITS: u32 = 5;
const ALIGN_BITS: u32 = 4;
const CHECK_SHIFT: u32 = 24;
const META_MASK: u32 = (1 << CHECK_SHIFT) - 1;
const SLACK_SHIFT: u32 = TAG_BITS;
const ALIGN_SHIFT: u32 = TAG_BITS + SLACK_BITS;

/// The slack code that says: the slack stands in the last dword of the payload.
pub(crate) const SLACK_IS_STORED: u32 = (1 << SLACK_BITS) - 1;

/// The greatest align that a header can say, as a power of two of dwords.
pub(crate) const ALIGN_LOG_MAX: u32 = (1 << ALIGN_BITS) - 1;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The block before, or NONE.
    pub(crate) previous: u32,
    /// Dwords of payload.
    pub(crate) size: u32,
    /// Tag, slack code and align; the check byte is left out.
    pub(crate) meta: u32,
    /// The blocks before and behind on the list of the tag, or NONE.
    pub(crate) links: [u32; 2],
    /// The slot of the block's handle, or NONE.
    pub(crate) handle: u32,
}

impl Header {
    pub(crate) fn free(previous: u32, size: u32) -> Self {
        Self {
            previous,
            size,
            meta: u32::from(FREE_BITS),
            links: [NONE, NONE],
            handle: NONE,
        }
    }

    /// A free block in the tree of free blocks: its rank below 32, its children, and the largest block under it.
    pub(crate) fn node(
        previous: u32,
        size: u32,
        rank: u32,
        children: [u32; 2],
        largest: u32,
    ) -> Self {
        Self {
            meta: u32::from(FREE_BITS) | rank << SLACK_SHIFT,
            links: children,
            handle: largest,
            ..Self::free(previous, size)
        }
    }

    /// A free block's rank in the tree of free blocks.
    pub(crate) fn rank(&self) -> u32 {
        self.slack_code()
    }

    /// A block with a tag, on no list yet, without slack.
    pub(crate) fn live(previous: u32, size: u32, tag: Tag, align_log: u32) -> Self {
        Self {
            meta: u32::from(tag.bits()) | align_log << ALIGN_SHIFT,
            ..Self::free(previous, size)
        }
    }

    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        self.meta as u16 & FREE_BITS == FREE_BITS
    }

    /// The tag; `None` for free blocks and the sentinel.
    #[inline]
    pub(crate) fn tag(&self) -> Option<Tag> {
        Tag::of_header(self.meta as u16)
    }

    pub(crate) fn set_tag(&mut self, tag: Tag) {
        self.meta = self.meta & !u32::from(FREE_BITS) | u32::from(tag.bits());
    }

    /// The align of the payload, as a power of two of dwords.
    #[inline]
    pub(crate) fn align_log(&self) -> u32 {
        self.meta >> ALIGN_SHIFT & ALIGN_LOG_MAX
    }

    /// The align of the payload in dwords.
    #[inline]
    pub(crate) fn align(&self) -> u32 {
        1 << self.align_log()
    }

    /// Bytes of payload beyond the request, or [`SLACK_IS_STORED`].
    #[inline]
    fn slack_code(&self) -> u32 {
        self.meta >> SLACK_SHIFT & SLACK_IS_STORED
    }
}

/// What a glance at a block shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    pub(crate) at: u32,
    /// Its dwords if it is free, else 0; 0 for LASTBLOCK, too.
    pub(crate) free: u32,
    /// Where the next one would be; NONE behind LASTBLOCK.
    pub(crate) next: u32,
}

/// What a look at the structure says that finds it wrong.
pub(crate) trait Doubt {
    fn new(at: u32, what: What) -> Self;
}

impl Doubt for Damage {
    #[inline]
    fn new(at: u32, what: What) -> Self {
        damage(at, what)
    }
}

/// No more than that something is wrong; to be asked again for the [`Damage`]. To carry what and where
/// along would keep registers from those who find nothing.
pub(crate) struct Unsound;

impl Doubt for Unsound {
    #[inline(always)]
    fn new(_: u32, _: What) -> Self {
        Self
    }
}

/// Fold what the check byte covers; a change of one byte of it changes the fold. With the check byte in
/// place the fold is [`FOLDED`].
#[inline]
fn fold(at: u32, size: u32, meta: u32, handle: u32) -> u8 {
    let all = at ^ size ^ meta ^ handle;
    let half = all ^ all >> 16;
    (half ^ half >> 8) as u8
}

/// What a header that is whole folds to: not 0, or zeroed memory would do.
const FOLDED: u8 = 0x5a;

/// The block area: headers and payloads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks(pub(crate) Words);

impl Blocks {
    /// Where LASTBLOCK is.
    #[inline]
    pub(crate) fn last(self) -> u32 {
        self.0.len() - HEADER
    }

    /// Read a header, if one can be here.
    #[inline]
    pub(crate) fn header(self, at: u32) -> Result<Header, Damage> {
        match self.spot(at) {
            Some(spot) => self.read(spot),
            None => Err(damage(at, What::LinkOutside)),
        }
    }

    /// Read a header.
    #[inline(always)]
    pub(crate) fn read<D: Doubt>(self, at: Spot) -> Result<Header, D> {
        let [size, meta, handle] = [SIZE, META, HANDLE].map(|field| self.dword(at, field));
        if fold(at.at(), size, meta, handle) != FOLDED {
            return Err(D::new(at.at(), What::Check));
        }
        if self.spot(at.end(size)).is_none() && (at.at(), size) != (self.last(), 0) {
            return Err(D::new(at.at(), What::Size));
        }
        Ok(self.peek(at))
    }

    /// Read what stands there, looked at or not.
    #[inline(always)]
    pub(crate) fn peek(self, at: Spot) -> Header {
        Header {
            previous: self.dword(at, PREVIOUS),
            size: self.dword(at, SIZE),
            meta: self.dword(at, META) & META_MASK,
            links: self.tag_links(at),
            handle: self.dword(at, HANDLE),
        }
    }

    /// Read the size of the block at `at`, if it is free, and where the next one would be: enough to
    /// walk over a few blocks, each of which is looked at in full before it is used.
    #[inline]
    pub(crate) fn glance(self, at: u32) -> Result<Glance, Damage> {
        let Some(spot) = self.spot(at) else {
            return Err(damage(at, What::LinkOutside));
        };
        if at == self.last() {
            let (free, next) = (0, NONE);
            return Ok(Glance { at, free, next });
        }
        let size = self.size(spot);
        match self.spot(spot.end(size)) {
            Some(next) => Ok(Glance {
                at,
                free: if self.is_free(spot) { size } else { 0 },
                next: next.at(),
            }),
            None => Err(damage(at, What::Size)),
        }
    }

    /// The size that stands there, to be looked at.
    #[inline(always)]
    pub(crate) fn size(self, at: Spot) -> u32 {
        self.dword(at, SIZE)
    }

    /// The block before, as it stands there.
    #[inline(always)]
    pub(crate) fn previous(self, at: Spot) -> u32 {
        self.dword(at, PREVIOUS)
    }

    /// Tell whether the tag that stands there is that of free blocks and sentinels.
    #[inline(always)]
    pub(crate) fn is_free(self, at: Spot) -> bool {
        self.dword(at, META) as u16 & FREE_BITS == FREE_BITS
    }

    /// The tag that stands there, if it is one of a live block.
    #[inline(always)]
    pub(crate) fn tag(self, at: Spot) -> Option<Tag> {
        Tag::of_header(self.dword(at, META) as u16)
    }

    /// Look whether the block behind `at` leads back to it. Returns where it is.
    #[inline]
    pub(crate) fn behind(self, at: u32, header: &Header) -> Result<Spot, Damage> {
        let next = at + HEADER + header.size;
        match self.spot(next) {
            Some(next) if self.previous(next) == at => Ok(next),
            _ => Err(damage(next, What::PreviousLink)),
        }
    }

    /// Write a header.
    #[inline(always)]
    pub(crate) fn write(self, at: Spot, header: &Header) {
        let Header {
            previous,
            size,
            meta,
            links: [before, behind],
            handle,
        } = *header;
        let check = fold(at.at(), size, meta, handle) ^ FOLDED;
        let meta = meta | u32::from(check) << CHECK_SHIFT;
        for (field, dword) in (0..).zip([previous, size, meta, before, behind, handle]) {
            self.set_dword(at, field, dword);
        }
    }

    /// Write the header of a free block.
    #[inline(always)]
    pub(crate) fn write_free(self, at: Spot, previous: u32, size: u32) {
        self.write(at, &Header::free(previous, size));
    }

    #[inline(always)]
    pub(crate) fn set_previous(self, at: Spot, previous: u32) {
        self.set_dword(at, PREVIOUS, previous);
    }

    #[inline(always)]
    pub(crate) fn tag_links(self, at: Spot) -> [u32; 2] {
        [TAG_PREVIOUS, TAG_NEXT].map(|field| self.dword(at, field))
    }

    #[inline(always)]
    pub(crate) fn set_tag_previous(self, at: Spot, previous: u32) {
        self.set_dword(at, TAG_PREVIOUS, previous);
    }

    #[inline(always)]
    pub(crate) fn set_tag_next(self, at: Spot, next: u32) {
        self.set_dword(at, TAG_NEXT, next);
    }

    #[inline(always)]
    fn dword(self, at: Spot, field: u32) -> u32 {
        debug_assert!(field < HEADER);
        // SAFETY: a whole header fits at a spot.
        unsafe { self.0.get_unchecked(at.at(), field) }
    }

    #[inline(always)]
    fn set_dword(self, at: Spot, field: u32, value: u32) {
        debug_assert!(field < HEADER);
        // SAFETY: a whole header fits at a spot.
        unsafe { self.0.set_unchecked(at.at(), field, value) };
    }

    /// Read the header of the block after `at`, which must lead back to it.
    #[inline]
    pub(crate) fn after(self, at: u32, header: &Header) -> Result<(u32, Header), Damage> {
        let next = at + HEADER + header.size;
        let found = self.header(next)?;
        if found.previous != at {
            return Err(damage(next, What::PreviousLink));
        }
        Ok((next, found))
    }

    /// Bytes of the payload beyond the request, the canary's not counted.
    #[inline]
    pub(crate) fn slack(self, at: u32, header: &Header) -> Result<usize, Damage> {
        let slack = match header.slack_code() {
            SLACK_IS_STORED => self.0.get(at + HEADER + header.size - 1),
            code => code,
        } as usize;
        if slack > header.size as usize * DWORD {
            return Err(damage(at, What::Slack));
        }
        Ok(slack)
    }

    /// Note the slack in a header that is not written yet, and if it is large in the payload, which
    /// has the room then.
    #[inline(always)]
    pub(crate) fn note_slack(self, at: Spot, header: &mut Header, slack: usize) {
        let code = match u32::try_from(slack) {
            Ok(slack) if slack < SLACK_IS_STORED => slack,
            slack => {
                let stored = slack.unwrap_or(u32::MAX);
                self.0.set(at.at() + HEADER + header.size - 1, stored);
                SLACK_IS_STORED
            }
        };
        header.meta = header.meta & !(SLACK_IS_STORED << SLACK_SHIFT) | code << SLACK_SHIFT;
    }
}

/// A damaged header, or what it leads to.
#[cold]
#[inline(never)]
pub(crate) fn damage(at: u32, what: What) -> Damage {
    Damage { at, what }
}

#[cfg(test)]
mod tests;

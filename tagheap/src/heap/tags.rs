//! Whole groups of blocks.

use core::ops::RangeInclusive;

use crate::error::Error;
use crate::fit::{DWORD, HEADER};
use crate::handle::Handle;
use crate::heap::TagHeap;
use crate::heap::raw::is_pinned;
use crate::tag::{Tag, TagRange};

/// What freeing tags gave back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TagsFreed {
    /// How many blocks were freed.
    pub blocks: usize,
    /// Their payloads, and 24 bytes for each header that is gone.
    pub bytes: usize,
}

/// What lives under a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TagStats {
    /// How many blocks.
    pub blocks: usize,
    /// The bytes that were asked for.
    pub requested: usize,
    /// The bytes of their payloads, slack included.
    pub payload: usize,
}

impl TagHeap<'_> {
    /// Free every block with a tag of a range, both ends included. O(blocks freed), as long as the tags
    /// in use do not share lists (see [`Options::tag_slots`](crate::Options::tag_slots)).
    ///
    /// # Errors
    ///
    /// [`Error::BadRange`] if the range is reversed or crosses sides. [`Error::Pinned`] if a block of it
    /// is in use; none is freed then.
    pub fn free_tags(&self, range: RangeInclusive<Tag>) -> Result<TagsFreed, Error> {
        self.idle()?;
        let range = checked(&range)?;
        if self.pins.get() > 0 {
            self.core.visit_tags(range, |at, header| {
                let payload = self.offset(at + HEADER);
                match is_pinned(&self.core, at, &header)? {
                    true => Err(Error::Pinned { payload }),
                    false => Ok(()),
                }
            })?;
        }
        self.changed();
        let mut freed = TagsFreed::default();
        self.core.visit_tags(range, |at, header| {
            self.core.check_canary(at, &header)?;
            let at = self.core.blocks.known_spot(at);
            freed.bytes += self.core.release(at, &header)?.bytes;
            freed.blocks += 1;
            Ok::<(), Error>(())
        })?;
        Ok(freed)
    }

    /// Count what lives under the tags of a range. O(blocks of these tags).
    ///
    /// # Errors
    ///
    /// [`Error::BadRange`].
    pub fn tag_stats(&self, range: RangeInclusive<Tag>) -> Result<TagStats, Error> {
        self.idle()?;
        let mut stats = TagStats::default();
        self.core.visit_tags(checked(&range)?, |at, header| {
            stats.blocks += 1;
            stats.requested += self.core.requested(at, &header)?;
            stats.payload += header.size as usize * DWORD;
            Ok::<(), Error>(())
        })?;
        Ok(stats)
    }

    /// Return a block's tag.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`], [`Error::OtherHeap`].
    pub fn tag_of(&self, handle: Handle) -> Result<Tag, Error> {
        let (_, header, _) = self.named(handle)?;
        header.tag().ok_or(Error::Stale)
    }

    /// Give a block another tag of its side. It stays where it is.
    ///
    /// # Errors
    ///
    /// [`Error::OtherSide`], [`Error::Stale`], [`Error::OtherHeap`].
    pub fn set_tag(&self, handle: Handle, new: Tag) -> Result<(), Error> {
        let (at, header, _) = self.named(handle)?;
        let old = header.tag().ok_or(Error::Stale)?;
        if old.side() != new.side() {
            return Err(Error::OtherSide { old, new });
        }
        self.core.retag(at, header, old, new)?;
        self.changed();
        Ok(())
    }
}

fn checked(range: &RangeInclusive<Tag>) -> Result<TagRange, Error> {
    let (low, high) = (*range.start(), *range.end());
    TagRange::new(range).ok_or(Error::BadRange { low, high })
}

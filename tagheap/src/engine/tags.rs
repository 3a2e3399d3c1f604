//! The tag lists: blocks of a tag, linked through their headers, and the directory that finds them.

use crate::control::{Core, State};
use crate::error::{Damage, Fault, What};
use crate::header::{Header, NONE, damage};
use crate::tag::{Side, Tag, TagRange};

/// The list of a tag, which can take another block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TagList {
    /// The dword of the directory where it begins.
    slot: u32,
    /// The block there, or NONE.
    first: u32,
}

impl Core {
    /// The dword of the directory where the list of a tag begins. Half of the slots, a power of two,
    /// are HEAD's.
    #[inline]
    fn slot_of(&self, tag: Tag) -> u32 {
        let half = self.control.geometry.tag_slots / 2;
        let place = u32::from(tag.number()) & (half - 1);
        let side = match tag.side() {
            Side::Head => 0,
            Side::Tail => half,
        };
        self.control.geometry.tags + side + place
    }

    /// The first block on the list of a tag, or NONE.
    #[inline]
    fn first_of_tag(&self, tag: Tag) -> u32 {
        self.control.words.get(self.slot_of(tag))
    }

    /// Find the list of a tag, and look whether it can take a block: its first one has none before it.
    #[inline]
    pub(crate) fn tag_list(&self, tag: Tag) -> Result<TagList, Damage> {
        let slot = self.slot_of(tag);
        let first = self.control.words.get(slot);
        let is_first = |at| at <= self.blocks.last() && self.blocks.tag_links(at)[0] == NONE;
        if first == NONE || is_first(first) {
            Ok(TagList { slot, first })
        } else {
            Err(damage(first, What::TagList))
        }
    }

    /// Put a block at the front of a list. Returns the links that its header has to have.
    #[inline]
    pub(crate) fn link_tag(&self, at: u32, list: TagList) -> [u32; 2] {
        if list.first != NONE {
            self.blocks.set_tag_previous(list.first, at);
        }
        self.control.words.set(list.slot, at);
        [NONE, list.first]
    }

    /// Look whether both neighbours on the list of a block's tag lead to it. Returns them.
    #[inline]
    pub(crate) fn tag_neighbours(
        &self,
        at: u32,
        header: &Header,
        tag: Tag,
    ) -> Result<[u32; 2], Damage> {
        let [previous, next] = header.links;
        let last = self.blocks.last();
        let from_below = match previous {
            NONE => self.first_of_tag(tag) == at,
            _ => previous <= last && self.blocks.tag_links(previous)[1] == at,
        };
        let from_above = match next {
            NONE => true,
            _ => next <= last && self.blocks.tag_links(next)[0] == at,
        };
        if from_below && from_above {
            Ok([previous, next])
        } else {
            Err(damage(at, What::TagList))
        }
    }

    /// Take a block out of its tag's list.
    #[inline]
    pub(crate) fn unlink_tag(&self, tag: Tag, [previous, next]: [u32; 2]) {
        match previous {
            NONE => self.control.words.set(self.slot_of(tag), next),
            _ => self.blocks.set_tag_next(previous, next),
        }
        if next != NONE {
            self.blocks.set_tag_previous(next, previous);
        }
    }

    /// Let both neighbours of a block that was moved lead to its new place.
    pub(crate) fn relink_tag(&self, to: u32, tag: Tag, [previous, next]: [u32; 2]) {
        match previous {
            NONE => self.control.words.set(self.slot_of(tag), to),
            _ => self.blocks.set_tag_next(previous, to),
        }
        if next != NONE {
            self.blocks.set_tag_previous(next, to);
        }
    }

    /// Visit every block with a tag in a range. The block that is visited may be freed meanwhile.
    pub(crate) fn visit_tags<E: From<Damage>>(
        &self,
        range: TagRange,
        mut visit: impl FnMut(u32, Header) -> Result<(), E>,
    ) -> Result<(), E> {
        let half = self.control.geometry.tag_slots / 2;
        let numbers = range.low.number()..=range.high.number();
        let lists = numbers.len().min(half as usize);
        let mut left = self.control.get(State::Live);
        // Tags that follow each other have lists that follow each other.
        let first = self.slot_of(range.low) - self.control.geometry.tags;
        let (side, place) = (first / half * half, first % half);
        for list in 0..lists as u32 {
            let slot = side + (place + list) % half;
            let mut at = self.control.words.get(self.control.geometry.tags + slot);
            while at != NONE {
                let header = self.blocks.header(at)?;
                let tag = header.tag().filter(|_| left > 0);
                let tag = tag.ok_or_else(|| damage(at, What::TagList))?;
                left -= 1;
                let next = self.blocks.tag_links(at)[1];
                if range.contains(tag) {
                    visit(at, header)?;
                }
                at = next;
            }
        }
        Ok(())
    }

    /// Look through every list: all live blocks are on them, each on that of its tag.
    pub(crate) fn check_tag_lists(&self) -> Result<(), Fault> {
        let live = self.control.get(State::Live);
        let mut left = live;
        let tags = self.control.geometry.tags;
        for slot in tags..tags + self.control.geometry.tag_slots {
            let mut at = self.control.words.get(slot);
            let mut before = NONE;
            while at != NONE {
                let tag = self.blocks.header(at)?.tag();
                let here = tag.is_some_and(|tag| self.slot_of(tag) == slot);
                let links = self.blocks.tag_links(at);
                if left == 0 || !here || links[0] != before || !self.starts_block(at)? {
                    return Err(damage(at, What::TagList).into());
                }
                left -= 1;
                (before, at) = (at, links[1]);
            }
        }
        if left == 0 {
            return Ok(());
        }
        Err(Fault::Count {
            name: "blocks on tag lists",
            said: (live - left) as usize,
            found: live as usize,
        })
    }
}

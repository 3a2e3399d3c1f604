//! The tag lists: blocks of a tag, linked through their headers, and the directory that finds them.

use crate::control::{Core, State};
use crate::error::{Damage, Fault, What};
use crate::fit::HEADER;
use crate::header::{Doubt, Header, NONE, damage};
use crate::spot::Spot;
use crate::tag::{Side, Tag, TagRange};
use crate::validate::Places;

/// A slot of the tag directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagSlot {
    /// Its dword in the control block.
    at: u32,
}

/// Where a block is on the list of its tag: what leads to it, and what it leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    slot: TagSlot,
    /// The block before it; without one the slot leads to it.
    previous: Option<Spot>,
    next: Option<Spot>,
}

impl Core {
    /// The slot where the list of a tag begins. Half of the slots, a power of two, are HEAD's.
    #[inline(always)]
    fn slot_of(&self, tag: Tag) -> TagSlot {
        let half = self.control.geometry.tag_slots / 2;
        let place = u32::from(tag.number()) & half.wrapping_sub(1);
        let side = match tag.side() {
            Side::Head => 0,
            Side::Tail => half,
        };
        let at = self.control.geometry.tags + side + place;
        TagSlot { at }
    }

    /// The first block of a list, or NONE.
    #[inline(always)]
    fn first_of(&self, slot: TagSlot) -> u32 {
        self.control.words.get(slot.at)
    }

    /// Let a list begin with this block, or none.
    #[inline(always)]
    fn set_first_of(&self, slot: TagSlot, first: u32) {
        self.control.words.set(slot.at, first);
    }

    /// Find a place on the list of a tag for a block above `below`.
    ///
    /// It is behind that one, if that has the same tag: then blocks that are neighbours in memory are
    /// neighbours on the list, and freeing one touches no others. Else it is the front of the list.
    #[inline(always)]
    pub(crate) fn tag_place<D: Doubt>(&self, tag: Tag, below: Option<Spot>) -> Result<Place, D> {
        let slot = self.slot_of(tag);
        let previous = below.filter(|&below| self.blocks.tag(below) == Some(tag));
        let (next, back) = match previous {
            Some(previous) => (self.blocks.tag_links(previous)[1], previous.at()),
            None => (self.first_of(slot), NONE),
        };
        let next = match next {
            NONE => None,
            next => match self.blocks.spot(next) {
                Some(spot) if self.blocks.tag_links(spot)[0] == back => Some(spot),
                _ => return Err(D::new(next, What::TagList)),
            },
        };
        Ok(Place {
            slot,
            previous,
            next,
        })
    }

    /// Put a block on a list. Returns the links that its header has to have.
    #[inline(always)]
    pub(crate) fn link_tag(&self, at: u32, place: Place) -> [u32; 2] {
        self.lead_to(place, at, at);
        [place.previous, place.next].map(at_or_none)
    }

    /// Look whether both neighbours on the list of a block's tag lead to it.
    #[inline(always)]
    pub(crate) fn tag_neighbours<D: Doubt>(
        &self,
        at: u32,
        header: &Header,
        tag: Tag,
    ) -> Result<Place, D> {
        let [previous, next] = header.links;
        let slot = self.slot_of(tag);
        let linked = |link: u32, back: usize| match self.blocks.spot(link) {
            Some(spot) if self.blocks.tag_links(spot)[back] == at => Ok(Some(spot)),
            _ => Err(D::new(at, What::TagList)),
        };
        let previous = match previous {
            NONE if self.first_of(slot) == at => None,
            previous => linked(previous, 1)?,
        };
        let next = match next {
            NONE => None,
            next => linked(next, 0)?,
        };
        Ok(Place {
            slot,
            previous,
            next,
        })
    }

    /// Take a block out of its tag's list.
    #[inline(always)]
    pub(crate) fn unlink_tag(&self, place: Place) {
        self.lead_to(place, at_or_none(place.next), at_or_none(place.previous));
    }

    /// Give a live block another tag of its side; on a list that both tags share it stays where it is.
    pub(crate) fn retag(&self, at: Spot, header: Header, old: Tag, new: Tag) -> Result<(), Damage> {
        let mut header = header;
        let leave = self.tag_neighbours::<Damage>(at.at(), &header, old)?;
        let enter = self.tag_place::<Damage>(new, None)?;
        // Nothing is written above this line.
        if leave.slot != enter.slot {
            self.unlink_tag(leave);
            header.links = self.link_tag(at.at(), enter);
        }
        header.set_tag(new);
        self.blocks.write(at, &header);
        Ok(())
    }

    /// Let both neighbours of a block that was moved lead to its new place.
    pub(crate) fn relink_tag(&self, to: u32, place: Place) {
        self.lead_to(place, to, to);
    }

    /// Set what leads on to a place, and what leads back.
    #[inline(always)]
    fn lead_to(&self, place: Place, on: u32, back: u32) {
        match place.previous {
            Some(previous) => self.blocks.set_tag_next(previous, on),
            None => self.set_first_of(place.slot, on),
        }
        if let Some(next) = place.next {
            self.blocks.set_tag_previous(next, back);
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
        // No more than fit, whatever the count says.
        let most = self.blocks.0.len() / (HEADER + 1);
        let mut left = self.control.get(State::Live).min(most);
        // Tags that follow each other have lists that follow each other.
        let first = self.slot_of(range.low).at - self.control.geometry.tags;
        let (side, place) = (first / half * half, first % half);
        for list in 0..lists as u32 {
            let slot = side + (place + list) % half;
            let mut at = self.control.words.get(self.control.geometry.tags + slot);
            while at != NONE {
                let header = self.blocks.header(at)?;
                let tag = header.tag().filter(|_| left > 0);
                let tag = tag.ok_or_else(|| damage(at, What::TagList))?;
                left -= 1;
                let [_, next] = header.links;
                if range.contains(tag) {
                    visit(at, header)?;
                }
                at = next;
            }
        }
        Ok(())
    }

    /// Look through every list: the live blocks are on them, which a walk found at these places, each on that of its
    /// tag, and nothing else is.
    pub(crate) fn check_tag_lists(&self, live: Places) -> Result<(), Fault> {
        let mut listed = Places::default();
        self.walk_lists(|at| {
            listed.add(at.at());
            Ok(())
        })?;
        if listed == live {
            return Ok(());
        }
        // As many as there are, and others: one of them is no block.
        self.walk_lists(|at| match self.starts_block(at) {
            true => Ok(()),
            false => Err(damage(at.at(), What::TagList)),
        })?;
        Err(damage(0, What::TagList).into())
    }

    fn walk_lists(&self, mut visit: impl FnMut(Spot) -> Result<(), Damage>) -> Result<(), Fault> {
        let live = self.control.get(State::Live);
        let mut left = live;
        let tags = self.control.geometry.tags;
        for slot in tags..tags + self.control.geometry.tag_slots {
            let mut at = self.control.words.get(slot);
            let mut before = NONE;
            while at != NONE {
                let header = self.blocks.header(at)?;
                let here = header.tag().is_some_and(|tag| self.slot_of(tag).at == slot);
                let [previous, next] = header.links;
                if left == 0 || !here || previous != before {
                    return Err(damage(at, What::TagList).into());
                }
                visit(self.blocks.known_spot(at))?;
                left -= 1;
                (before, at) = (at, next);
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

#[inline(always)]
fn at_or_none(link: Option<Spot>) -> u32 {
    link.map_or(NONE, Spot::at)
}

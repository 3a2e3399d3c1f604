//! Looking through a whole heap: what is wrong, and where.

use crate::control::{Core, State};
use crate::error::{Damage, Fault, What};
use crate::fit::{DWORD, HEADER};
use crate::header::{Header, NONE, damage};
use crate::index::{Check, with_index};
use crate::tag::Side;

/// What a walk over all blocks counts.
#[derive(Debug, Default)]
struct Census {
    free: u32,
    free_head: u32,
    free_blocks: u32,
    live: u32,
    live_at: Places,
    named: u32,
    lowest_tail: Option<u32>,
    highest_head: Option<u32>,
}

/// What a set of places comes to. Of two sets that differ one in 2^64 comes to the same by chance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Places(u64);

impl Places {
    pub(crate) fn add(&mut self, at: u32) {
        // So that sums of neighbours do not meet: the last step of SplitMix64.
        let at = u64::from(at).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let at = (at ^ at >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let at = (at ^ at >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = self.0.wrapping_add(at ^ at >> 31);
    }
}

impl Core {
    /// Check everything; nothing is followed that was not checked before.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        self.control.check_constants()?;
        let census = with_index!(self, I => self.walk_and_check::<I>())?;
        self.compare(&census)?;
        self.check_tag_lists(census.live_at)?;
        Ok(self.check_slots(census.named)?)
    }

    fn walk_and_check<I: Check>(&self) -> Result<Census, Fault> {
        let last = self.blocks.last();
        let mut census = Census::default();
        let mut walked = I::Walked::default();
        let (mut at, mut previous, mut free_before) = (0, NONE, false);
        loop {
            let header = self.blocks.header(at)?;
            if header.previous != previous {
                return Err(damage(at, What::PreviousLink).into());
            }
            I::walk(self, &mut walked, at, &header)?;
            if at == last {
                self.check_sentinel(at, &header)?;
                I::walked(self, walked)?;
                return Ok(census);
            }
            if header.is_free() {
                if free_before {
                    return Err(damage(at, What::FreeNeighbours).into());
                }
                if !I::is_header(&header) {
                    return Err(damage(at, What::Check).into());
                }
                census.free += header.size;
                census.free_blocks += 1;
                if census.lowest_tail.is_none() {
                    census.free_head += header.size;
                }
            } else {
                self.check_live(at, &header, &mut census)?;
            }
            free_before = header.is_free();
            (previous, at) = (at, at + HEADER + header.size);
        }
    }

    fn check_sentinel(&self, at: u32, header: &Header) -> Result<(), Fault> {
        if *header != Header::free(header.previous, header.size) {
            return Err(damage(at, What::Check).into());
        }
        Ok(())
    }

    fn check_live(&self, at: u32, header: &Header, census: &mut Census) -> Result<(), Fault> {
        self.requested(at, header)?;
        self.check_canary(at, header)?;
        let address = self.blocks.0.address() + (at + HEADER) as usize * DWORD;
        let align = header.align() as usize * DWORD;
        if !address.is_multiple_of(align) {
            return Err(damage(at, What::Align).into());
        }
        if let Some(tag) = header.tag() {
            self.tag_neighbours::<Damage>(at, header, tag)?;
        }
        if header.handle != NONE {
            self.slot_of_block(at, header.handle)?;
            census.named += 1;
        }
        census.live += 1;
        census.live_at.add(at);
        match header.tag().map(|tag| tag.side()) {
            Some(Side::Tail) => {
                census.lowest_tail.get_or_insert(at);
            }
            _ if census.lowest_tail.is_some() => return Err(damage(at, What::SidesMixed).into()),
            _ => census.highest_head = Some(at),
        }
        Ok(())
    }

    fn compare(&self, census: &Census) -> Result<(), Fault> {
        let lowest_tail = census.lowest_tail.unwrap_or(self.blocks.last());
        for (name, state, found) in [
            ("free dwords", State::Free, census.free),
            ("free dwords of HEAD", State::FreeHead, census.free_head),
            ("free blocks", State::FreeBlocks, census.free_blocks),
            ("live blocks", State::Live, census.live),
            ("the lowest TAIL block", State::LowestTail, lowest_tail),
            (
                "the highest HEAD block",
                State::HighestHead,
                census.highest_head.unwrap_or(NONE),
            ),
        ] {
            let said = self.control.get(state);
            if said != found {
                let (said, found) = (said as usize, found as usize);
                return Err(Fault::Count { name, said, found });
            }
        }
        Ok(())
    }
}

//! Defragmentation: HEAD blocks slide down over the free space below them.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::control::{Core, State};
use crate::engine::scout::Scout;
use crate::error::{Damage, Fault, What};
use crate::fit::{DWORD, HEADER, HEADER_LEN, slide};
use crate::handle::Handle;
use crate::header::{Header, NONE, damage};
use crate::index::{Find, Keep, Slide, with_index};
use crate::spot::Spot;
use crate::tag::Tag;

/// A move that defragmentation proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The block's tag.
    pub tag: Tag,
    /// Where its payload is, in bytes from the heap's base.
    pub from: usize,
    /// Where it would go.
    pub to: usize,
    /// The address that is: what a raw pointer to the block has to become.
    pub address: NonNull<u8>,
    /// Bytes asked for.
    pub requested: usize,
    /// The block's handle, if it has one.
    pub handle: Option<Handle>,
}

/// What becomes of a proposed move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The block moves: a commitment, it will be there.
    Move,
    /// The block stays, and what is above it is looked at next.
    Veto,
}

/// What a defragmentation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Compaction {
    pub(crate) moves: usize,
    pub(crate) bytes: usize,
    pub(crate) vetoes: usize,
    pub(crate) pinned: usize,
    /// Where to go on, if it is not done.
    pub(crate) stopped_at: Option<u32>,
}

/// What defragmentation finds above the free space.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Above {
    /// A block that can move, and the header of its new place.
    Movable(u32),
    /// A block that cannot.
    Fixed,
    /// A block in use.
    Pinned,
}

impl Core {
    /// Slide HEAD blocks down, from `from` on, until more than `budget` bytes are spent: payload that
    /// was moved, and a header for each block looked at.
    pub(crate) fn compact(
        &self,
        from: u32,
        budget: usize,
        decide: &mut dyn FnMut(&Offer) -> Verdict,
    ) -> Result<Compaction, Fault> {
        with_index!(self, I => self.compact_in::<I>(from, budget, decide))
    }

    fn compact_in<I: Keep>(
        &self,
        from: u32,
        budget: usize,
        decide: &mut dyn FnMut(&Offer) -> Verdict,
    ) -> Result<Compaction, Fault> {
        let bound = self.control.get(State::LowestTail);
        let mut done = Compaction::default();
        let mut from = from;
        let mut spent = 0;
        let mut scout = Scout::new();
        while let Some((at, hole)) = self.free_from(from, bound)? {
            let mut bubble = Bubble::<I>::lift(*self, at, &hole)?;
            loop {
                scout.fall_back();
                let (next, above) = self.blocks.after(bubble.at.at(), &bubble.header())?;
                if next >= bound {
                    return Ok(done);
                }
                if above.is_free() {
                    bubble.absorb(next, &above)?;
                    continue;
                }
                if spent >= budget {
                    done.stopped_at = Some(bubble.at.at());
                    return Ok(done);
                }
                spent += HEADER_LEN;
                match self.look_above(bubble.at.at(), next, &above)? {
                    Above::Movable(to) => {
                        self.check_canary(next, &above)?;
                        let offer = self.offer(next, &above, to)?;
                        if decide(&offer) == Verdict::Move {
                            scout.advance(self, next, above.size);
                            bubble.carry(next, &above, to)?;
                            done.moves += 1;
                            let bytes = above.size as usize * DWORD;
                            done.bytes += bytes;
                            spent += bytes;
                            continue;
                        }
                        done.vetoes += 1;
                    }
                    Above::Pinned => done.pinned += 1,
                    Above::Fixed => {}
                }
                from = next;
                break;
            }
        }
        Ok(done)
    }

    /// Find the first free block that starts at `from` or above, below `bound`.
    pub(crate) fn free_from(&self, from: u32, bound: u32) -> Result<Option<(u32, Header)>, Damage> {
        let found = with_index!(self, I => I::free_from(self, from))?;
        match found.filter(|&at| at < bound) {
            Some(at) => Ok(Some((at, self.blocks.header(at)?))),
            None => Ok(None),
        }
    }

    /// Tell what the block above free space, which begins at `bottom`, can do.
    pub(crate) fn look_above(
        &self,
        bottom: u32,
        at: u32,
        header: &Header,
    ) -> Result<Above, Damage> {
        if header.handle != NONE && self.slot_of_block(at, header.handle)?.is_pinned() {
            return Ok(Above::Pinned);
        }
        let above_is_free = header.align() > 1 && {
            let (next, above) = self.blocks.after(at, header)?;
            above.is_free() && next != self.blocks.last()
        };
        let to = slide(bottom, at, header.align(), above_is_free);
        Ok(to.map_or(Above::Fixed, Above::Movable))
    }

    /// Say what would move, and where to.
    pub(crate) fn offer(&self, at: u32, header: &Header, to: u32) -> Result<Offer, Damage> {
        let handle = match header.handle {
            NONE => None,
            slot => {
                let generation = self.slot_of_block(at, slot)?.generation;
                Some(Handle::new(self.control.heap, slot, generation))
            }
        };
        let tag = header
            .tag()
            .ok_or_else(|| crate::header::damage(at, crate::error::What::TagList))?;
        Ok(Offer {
            tag,
            from: (at + HEADER) as usize * DWORD,
            to: (to + HEADER) as usize * DWORD,
            address: self.blocks.0.bytes(to + HEADER, header.size),
            requested: self.requested(at, header)?,
            handle,
        })
    }
}

/// The free block that rises while blocks slide down past it.
///
/// Its header is always in place, so that the chain of blocks is whole whenever somebody looks or a
/// callback panics. Counts and index learn of it when it comes to rest.
struct Bubble<I: Keep> {
    index: PhantomData<I>,
    core: Core,
    at: Spot,
    size: u32,
    previous: u32,
}

impl<I: Keep> Bubble<I> {
    fn lift(core: Core, at: u32, header: &Header) -> Result<Self, Damage> {
        let spot = core.blocks.known_spot(at);
        let entry = I::entry::<Damage>(&core, spot)?;
        I::lifted(&core, entry, spot);
        core.control.take_free(at, header.size);
        Ok(Self {
            index: PhantomData,
            core,
            at: spot,
            size: header.size,
            previous: header.previous,
        })
    }

    fn header(&self) -> Header {
        Header::free(self.previous, self.size)
    }

    fn end(&self) -> u32 {
        self.at.at() + HEADER + self.size
    }

    /// Coalesce with the free block above.
    fn absorb(&mut self, next: u32, above: &Header) -> Result<(), Damage> {
        let core = self.core;
        let behind = core.blocks.behind(next, above)?;
        let next = core.blocks.known_spot(next);
        let entry = I::entry::<Damage>(&core, next)?;
        core.control.take_free(next.at(), above.size);
        self.size += HEADER + above.size;
        self.settle_links(behind);
        I::absorbed(&core, entry, [self.at, next, behind]);
        Ok(())
    }

    /// Move the block above to `to`, and rise past it.
    fn carry(&mut self, next: u32, block: &Header, to: u32) -> Result<(), Damage> {
        let core = self.core;
        let (end, above) = core.blocks.after(next, block)?;
        let tag = block.tag().ok_or_else(|| damage(next, What::TagList))?;
        let place = core.tag_neighbours::<Damage>(next, block, tag)?;
        let slot = match block.handle {
            NONE => None,
            slot => Some((slot, core.slot_of_block(next, slot)?)),
        };
        let [next, to, mut end] = [next, to, end].map(|at| core.blocks.known_spot(at));
        let (hole, gap) = (self.at, to.at() - self.at.at());
        let mut absorbed = None;
        if gap != 0 {
            // A gap is left only below a block that has free space above.
            let behind = core.blocks.behind(end.at(), &above)?;
            let entry = I::entry::<Damage>(&core, end)?;
            I::look_for_place::<Damage>(&core, hole)?;
            core.control.take_free(end.at(), above.size);
            core.blocks.write_free(self.at, self.previous, gap - HEADER);
            core.control.add_free(self.at.at(), gap - HEADER);
            self.previous = self.at.at();
            absorbed = Some((entry, end));
            end = behind;
        }
        self.pass(next, block, to, end);
        core.relink_tag(to.at(), place);
        if let Some((slot, state)) = slot {
            core.move_slot(slot, state, to.at());
        }
        if let Some((entry, absorbed)) = absorbed {
            I::absorbed(&core, entry, [self.at, absorbed, end]);
            I::appeared(&core, hole, gap - HEADER);
        }
        Ok(())
    }

    /// Copy the block, write both headers, and note where blocks start.
    fn pass(&mut self, next: Spot, block: &Header, to: Spot, end: Spot) {
        let core = self.core;
        core.blocks.0.copy(next.at(), to.at(), HEADER + block.size);
        let moved = Header {
            previous: self.previous,
            ..*block
        };
        core.blocks.write(to, &moved);
        core.control.move_live(next.at(), to.at());
        let hole = self.at;
        self.previous = to.at();
        self.at = core.blocks.known_spot(to.at() + HEADER + block.size);
        self.size = end.at() - self.at.at() - HEADER;
        self.settle_links(end);
        let live = Slide { from: next, to };
        let free = Slide {
            from: hole,
            to: self.at,
        };
        I::slid(&core, live, free, end);
    }

    fn settle_links(&self, behind: Spot) {
        self.core
            .blocks
            .write_free(self.at, self.previous, self.size);
        self.core.blocks.set_previous(behind, self.at.at());
    }
}

impl<I: Keep> Drop for Bubble<I> {
    fn drop(&mut self) {
        self.core.control.add_free(self.at.at(), self.size);
        I::appeared(&self.core, self.at, self.size);
        debug_assert!(self.end() <= self.core.blocks.last());
    }
}

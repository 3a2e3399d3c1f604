use std::alloc::Layout;
use std::ptr::NonNull;

use tests::subject::{Contents, Promises, Ranges, Refused, Reset, Rewind, Subject};

use super::buffer::Buffer;

/// What a toy arena does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArenaFault {
    /// Nothing.
    None,
    /// The bump pointer stops one byte short of the end of a block.
    BumpsOneByteShort,
    /// Blocks start wherever the last one ended.
    ForgetsAlign,
    /// Aligns up to 16 are honoured, larger ones taken for 16.
    CapsAlignAt16,
    /// Blocks may reach past the declared range, into a spare part of the buffer.
    ChecksStartOnly,
    /// Zeroed blocks are not.
    ForgetsToZero,
    /// Zeroed blocks are, except for the last byte.
    ZeroesOneByteShort,
    /// Growing zeroed leaves the tail as it was.
    ForgetsToZeroTail,
    /// A block that moves to grow leaves its bytes behind.
    GrowForgetsToCopy,
    /// A block that moves to grow leaves its last byte behind.
    GrowCopiesOneByteShort,
    /// Growing in place is done for blocks that are not the newest, too.
    GrowsInPlaceAnyBlock,
    /// A refused grow has already cleared the old block.
    RefusedGrowClearsBlock,
    /// Shrinking clears one byte behind the old end.
    ShrinkClearsNextByte,
    /// Addresses are compared as signed numbers, so that the end of a huge block is small.
    ComparesSigned,
    /// Sizes are cut to 32 bits.
    CutsSizeTo32Bits,
    /// A refused request moves the bump pointer to the end.
    RefusalTakesRest,
    /// Every request is refused.
    RefusesAll,
    /// Every request with an align above 64 is refused.
    RefusesLargeAlign,
    /// A reset leaves eight bytes used.
    ResetLeavesEightBytes,
    /// A rewind goes eight bytes further back than the checkpoint.
    RewindsTooFar,
    /// A rewind leaves one byte used.
    RewindsTooLittle,
    /// The count of live blocks includes the refused.
    CountsRefused,
    /// A zero-size block is at address 1, whatever its align.
    ZeroSizeAtOne,
    /// The check of its own structure finds fault after a reset.
    FailsItsCheckAfterReset,
    /// It panics when it is full.
    PanicsWhenFull,
}

/// A bump arena in a buffer: the newest block grows and shrinks in place.
pub(crate) struct ToyArena {
    buffer: Buffer,
    /// Blocks end here at the latest; above it the buffer is spare room for faults.
    limit: usize,
    /// Blocks lie below; never above `limit` in a sound arena.
    used: usize,
    live: usize,
    resets: usize,
    fault: ArenaFault,
}

const CAPACITY: usize = 64 * 1024;
const SPARE: usize = 4096;

impl ToyArena {
    pub(crate) fn new(fault: ArenaFault) -> Self {
        let buffer = Buffer::new(CAPACITY + SPARE);
        ToyArena {
            buffer,
            limit: CAPACITY,
            used: 0,
            live: 0,
            resets: 0,
            fault,
        }
    }

    fn start_for(&self, align: usize) -> usize {
        match self.fault {
            ArenaFault::ForgetsAlign => self.used,
            ArenaFault::CapsAlignAt16 => self.used.next_multiple_of(align.min(16)),
            _ => self.used.next_multiple_of(align),
        }
    }

    fn end_of(&self, start: usize, size: usize) -> Option<usize> {
        match self.fault {
            ArenaFault::CutsSizeTo32Bits => start.checked_add(size as u32 as usize),
            _ => start.checked_add(size),
        }
    }

    fn has_room(&self, start: usize, end: usize) -> Result<(), Refused> {
        let base = self.buffer.at(0).addr().get();
        let fits = match self.fault {
            ArenaFault::ChecksStartOnly => start < self.limit,
            ArenaFault::ComparesSigned => {
                (base.wrapping_add(end) as isize) <= (base + self.limit) as isize
            }
            _ => end <= self.limit,
        };
        if fits { Ok(()) } else { Err(Refused) }
    }

    fn refuses(&self, layout: Layout) -> Result<(), Refused> {
        match self.fault {
            ArenaFault::RefusesAll => Err(Refused),
            ArenaFault::RefusesLargeAlign if layout.align() > 64 => Err(Refused),
            _ => Ok(()),
        }
    }

    fn bump(&mut self, layout: Layout) -> Result<usize, Refused> {
        self.refuses(layout)?;
        let start = self.start_for(layout.align());
        let end = self.end_of(start, layout.size()).ok_or(Refused)?;
        self.has_room(start, end)?;
        self.used = end.min(self.buffer.len());
        if self.fault == ArenaFault::BumpsOneByteShort {
            self.used -= 1;
        }
        Ok(start)
    }

    fn try_alloc(&mut self, layout: Layout, contents: Contents) -> Result<NonNull<u8>, Refused> {
        if layout.size() == 0 {
            return Ok(match self.fault {
                ArenaFault::ZeroSizeAtOne => NonNull::dangling(),
                _ => layout.dangling_ptr(),
            });
        }
        let start = self.bump(layout)?;
        if contents == Contents::Zeroed {
            let len = match self.fault {
                ArenaFault::ForgetsToZero => 0,
                ArenaFault::ZeroesOneByteShort => layout.size() - 1,
                _ => layout.size(),
            };
            self.buffer.set(start..start.saturating_add(len), 0);
        }
        self.live += 1;
        Ok(self.buffer.at(start))
    }

    fn grow_in_place(&mut self, start: usize, old: Layout, new: Layout) -> Result<(), Refused> {
        let newest = start + old.size() == self.used;
        let anyway = self.fault == ArenaFault::GrowsInPlaceAnyBlock;
        if !(newest || anyway) || !start.is_multiple_of(new.align()) {
            return Err(Refused);
        }
        let end = start.checked_add(new.size()).ok_or(Refused)?;
        self.has_room(start, end)?;
        self.used = self.used.max(end);
        Ok(())
    }
}

// SAFETY: all payloads but dangling ones of zero size lie in the buffer, which is the
// declared range, or in the spare room, which the oracle rejects.
unsafe impl Subject for ToyArena {
    type Handle = NonNull<u8>;
    type Checkpoint = (usize, usize);

    fn promises(&self) -> Promises {
        let (reset, rewind) = (Reset::Empties, Rewind::OlderBlocksRest);
        Promises {
            reset,
            rewind,
            ..Promises::arena(CAPACITY)
        }
    }

    fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<NonNull<u8>, Refused> {
        let served = self.try_alloc(layout, contents);
        match (served, self.fault) {
            (Err(Refused), ArenaFault::RefusalTakesRest) => self.used = self.limit,
            (Err(Refused), ArenaFault::CountsRefused) => self.live += 1,
            (Err(Refused), ArenaFault::PanicsWhenFull) => panic!("the arena is full"),
            _ => {}
        }
        served
    }

    unsafe fn free(&mut self, handle: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        self.live -= 1;
        let start = self.buffer.offset_of(handle);
        if start + layout.size() == self.used {
            self.used = start;
        }
    }

    fn address(&self, handle: &NonNull<u8>) -> NonNull<u8> {
        *handle
    }

    unsafe fn grow(
        &mut self,
        handle: &NonNull<u8>,
        old: Layout,
        new: Layout,
        contents: Contents,
    ) -> Result<NonNull<u8>, Refused> {
        if old.size() == 0 {
            return self.alloc(new, contents);
        }
        let start = self.buffer.offset_of(*handle);
        let place = match self.grow_in_place(start, old, new) {
            Ok(()) => start,
            Err(Refused) => {
                let Ok(place) = self.bump(new) else {
                    if self.fault == ArenaFault::RefusedGrowClearsBlock {
                        self.buffer.set(start..start + old.size(), 0);
                    }
                    return Err(Refused);
                };
                let len = match self.fault {
                    ArenaFault::GrowForgetsToCopy => 0,
                    ArenaFault::GrowCopiesOneByteShort => old.size() - 1,
                    _ => old.size(),
                };
                self.buffer.copy(start..start + len, place);
                place
            }
        };
        if contents == Contents::Zeroed && self.fault != ArenaFault::ForgetsToZeroTail {
            self.buffer
                .set(place + old.size()..place.saturating_add(new.size()), 0);
        }
        Ok(self.buffer.at(place))
    }

    unsafe fn shrink(
        &mut self,
        handle: &NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, Refused> {
        if new.size() == 0 || !handle.addr().get().is_multiple_of(new.align()) {
            let shrunk = self.alloc(new, Contents::Uninit)?;
            if new.size() > 0 {
                let start = self.buffer.offset_of(*handle);
                let place = self.buffer.offset_of(shrunk);
                self.buffer.copy(start..start + new.size(), place);
            }
            if old.size() > 0 {
                self.live -= 1;
            }
            return Ok(shrunk);
        }
        let start = self.buffer.offset_of(*handle);
        let end = start + old.size();
        if end == self.used {
            self.used = start + new.size();
        }
        if self.fault == ArenaFault::ShrinkClearsNextByte {
            self.buffer.set(end..end + 1, 0);
        }
        Ok(*handle)
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.live = 0;
        self.used = match self.fault {
            ArenaFault::ResetLeavesEightBytes => 8,
            _ => 0,
        };
    }

    fn checkpoint(&mut self) -> (usize, usize) {
        (self.used, self.live)
    }

    unsafe fn rewind(&mut self, (used, live): (usize, usize)) {
        self.live = live;
        self.used = match self.fault {
            ArenaFault::RewindsTooFar => used.saturating_sub(8),
            ArenaFault::RewindsTooLittle => used + 1,
            _ => used,
        };
    }

    fn ranges(&self) -> Ranges {
        Ranges::Within(vec![self.buffer.addresses(0..self.limit)])
    }

    fn live(&self) -> Option<usize> {
        Some(self.live)
    }

    fn check(&self) -> Result<(), String> {
        if self.fault == ArenaFault::FailsItsCheckAfterReset && self.resets > 0 {
            return Err(format!("used is {}, expected 1", self.used));
        }
        Ok(())
    }
}

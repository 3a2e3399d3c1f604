use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use tests::subject::{Contents, Moves, Promises, Ranges, Refused, Subject};

use super::buffer::Buffer;

/// What a toy heap does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapFault {
    /// Nothing.
    None,
    /// Blocks are moved without their bytes.
    MovesWithoutBytes,
    /// Blocks are moved to where an align of 1 would put them.
    MovesToMisaligned,
    /// Blocks are moved one byte too far down.
    MovesIntoNeighbour,
    /// The bytes of a moved block are copied from the front, a byte at a time, upwards.
    MovesUpward,
    /// Freeing a block moves the others.
    MovesOnFree,
    /// Each free loses one byte for ever.
    LosesOneByteEachFree,
    /// Freed room below the last block is never used again.
    NeverReusesHoles,
    /// Freed room is used again, but two blocks that touch are kept apart until a defrag.
    NeverCoalesces,
    /// Freeing a block writes behind its end.
    FreeWritesPastEnd,
    /// Zero-size blocks share an address with the next block.
    ZeroSizeTakesNoRoom,
    /// Blocks are rounded up to eight bytes, and the slack is said to be one byte more.
    OverstatesUsable,
    /// Blocks are said to have one byte less than was asked for.
    UnderstatesUsable,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// At least 1, so that each block has a place of its own.
    len: usize,
    align: usize,
}

/// A first-fit heap that names blocks by number, and slides them together on request.
pub(crate) struct ToyHeap {
    buffer: Buffer,
    limit: usize,
    /// Live blocks; their places do not overlap in a sound heap.
    places: BTreeMap<u64, Place>,
    /// Places that only a block of this size may have again; empty in a sound heap.
    classes: Vec<Place>,
    /// Greater than every number given out.
    next: u64,
    moves: Moves,
    fault: HeapFault,
}

const CAPACITY: usize = 48 * 1024;

impl ToyHeap {
    pub(crate) fn new(fault: HeapFault) -> Self {
        ToyHeap {
            buffer: Buffer::new(CAPACITY),
            limit: CAPACITY,
            places: BTreeMap::new(),
            classes: Vec::new(),
            next: 0,
            moves: Moves::OnDefrag,
            fault,
        }
    }

    /// A heap that defragments itself before every request.
    pub(crate) fn restless() -> Self {
        ToyHeap {
            moves: Moves::Anytime,
            ..ToyHeap::new(HeapFault::None)
        }
    }

    /// Places by address.
    fn sorted(&self) -> Vec<(u64, Place)> {
        let mut places: Vec<_> = self
            .places
            .iter()
            .map(|(id, place)| (*id, *place))
            .collect();
        places.sort_by_key(|(_, place)| place.start);
        places
    }

    fn first_fit(&self, len: usize, align: usize) -> Result<usize, Refused> {
        let mut start: usize = 0;
        let kept = self.classes.iter().copied();
        let mut taken: Vec<_> = self.places.values().copied().chain(kept).collect();
        taken.sort_by_key(|place| place.start);
        for place in &taken {
            let fits = start.checked_add(len).is_some_and(|end| end <= place.start);
            if fits && self.fault != HeapFault::NeverReusesHoles {
                return Ok(start);
            }
            start = (place.start + place.len).next_multiple_of(align);
        }
        match start.checked_add(len) {
            Some(end) if end <= self.limit => Ok(start),
            _ => Err(Refused),
        }
    }

    fn slide_together(&mut self) {
        self.classes.clear();
        let mut bottom: usize = 0;
        for (id, place) in self.sorted() {
            let mut start = bottom.next_multiple_of(place.align);
            bottom = start + place.len;
            if self.fault == HeapFault::MovesToMisaligned && place.start > 0 {
                start = place.start - 1;
            }
            if self.fault == HeapFault::MovesIntoNeighbour {
                start = start.saturating_sub(place.align);
            }
            self.carry(place, start);
            self.places.insert(id, Place { start, ..place });
        }
    }

    fn carry(&mut self, place: Place, start: usize) {
        match self.fault {
            HeapFault::MovesWithoutBytes => {}
            HeapFault::MovesUpward => {
                for i in (0..place.len).rev() {
                    self.buffer
                        .copy(place.start + i..place.start + i + 1, start + i);
                }
            }
            _ => self
                .buffer
                .copy(place.start..place.start + place.len, start),
        }
    }
}

// SAFETY: all payloads lie in the buffer, which is the declared range.
unsafe impl Subject for ToyHeap {
    type Handle = u64;
    type Checkpoint = ();

    fn promises(&self) -> Promises {
        Promises {
            moves: self.moves,
            max_align: 64,
            ..Promises::moving_heap(CAPACITY / 2)
        }
    }

    fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<u64, Refused> {
        if self.moves == Moves::Anytime {
            self.slide_together();
        }
        let least = match self.fault {
            HeapFault::ZeroSizeTakesNoRoom => 0,
            _ => 1,
        };
        let (len, align) = (layout.size().max(least), layout.align());
        let class = self
            .classes
            .iter()
            .position(|place| place.len == len && place.align == align);
        let start = match class {
            Some(class) => self.classes.swap_remove(class).start,
            None => self.first_fit(len, align)?,
        };
        if contents == Contents::Zeroed {
            self.buffer.set(start..start + len, 0);
        }
        self.next += 1;
        self.places.insert(self.next, Place { start, len, align });
        Ok(self.next)
    }

    unsafe fn free(&mut self, handle: u64, _layout: Layout) {
        let place = self
            .places
            .remove(&handle)
            .expect("the suite frees live blocks");
        match self.fault {
            HeapFault::LosesOneByteEachFree => self.limit -= 1,
            HeapFault::NeverCoalesces => self.classes.push(place),
            HeapFault::FreeWritesPastEnd => {
                let end = place.start + place.len;
                self.buffer.set(place.start..end + 1, 0xee);
            }
            HeapFault::MovesOnFree => self.slide_together(),
            _ => {}
        }
    }

    fn address(&self, handle: &u64) -> NonNull<u8> {
        self.buffer.at(self.places[handle].start)
    }

    fn usable(&self, handle: &u64, layout: Layout) -> usize {
        match self.fault {
            HeapFault::OverstatesUsable => self.places[handle].len + 1,
            HeapFault::UnderstatesUsable => layout.size().saturating_sub(1),
            _ => self.places[handle].len,
        }
    }

    fn defrag(&mut self) {
        self.slide_together();
    }

    fn ranges(&self) -> Ranges {
        Ranges::Within(vec![self.buffer.addresses(0..CAPACITY)])
    }

    fn live(&self) -> Option<usize> {
        Some(self.places.len())
    }
}

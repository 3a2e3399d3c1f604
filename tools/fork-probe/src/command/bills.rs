//! Bills of every allocator there is, for the same work.

use std::ptr::NonNull;

use arena_core::Region;
use arena_core::region::Advice;
use tagheap::{Options, RegionHeap, Tag};

use crate::bill::{Allocator, Arena, Bill, Deed, Malloc, Workload};
use crate::{ForkProbe, ProbeError};

/// Makes an allocator with room for the work.
type Make = fn(&Workload) -> Result<Box<dyn Allocator>, ProbeError>;

const MAKERS: &[Make] = &[
    |_| Ok(Box::new(Malloc)),
    |work| Ok(Box::new(Arena::with_room_for(work)?)),
    |work| Ok(Box::new(Tagged::with_room_for(work)?)),
];

/// The bills that could be drawn up.
pub(super) struct Bills {
    pub(super) bills: Vec<Bill>,
    /// Why there are no more.
    pub(super) stopped: Option<ProbeError>,
}

/// Draw up a bill for each deed and each allocator.
pub(super) fn draw_up(probe: &ForkProbe<'_>, work: &Workload) -> Bills {
    let mut bills = Vec::new();
    let stopped = draw_all(probe, work, &mut bills).err();
    Bills { bills, stopped }
}

fn draw_all(
    probe: &ForkProbe<'_>,
    work: &Workload,
    bills: &mut Vec<Bill>,
) -> Result<(), ProbeError> {
    for deed in Deed::ALL {
        // Each allocator is made, used and gone before the next, so that none sees another's pages.
        for make in MAKERS {
            let mut allocator = make(work)?;
            bills.push(probe.bill(&mut *allocator, deed, work)?);
        }
    }
    Ok(())
}

/// A tagged heap in a region of its own, all blocks under one tag.
struct Tagged {
    heap: RegionHeap,
    tag: Tag,
}

impl Tagged {
    fn with_room_for(work: &Workload) -> Result<Self, ProbeError> {
        let region = Region::anonymous(work.most_bytes())?;
        // A kernel without huge pages need not be told to give none.
        let _ = region.advise(0..region.len(), Advice::NoHugePages);
        let full = |_| ProbeError::Full {
            allocator: NAME.to_owned(),
            blocks: 0,
        };
        Ok(Self {
            heap: RegionHeap::create(region, &Options::new()).map_err(full)?,
            tag: Tag::head(1).expect("the first tag of a side is there"),
        })
    }
}

const NAME: &str = "tagheap";

// SAFETY: the heap gives out memory of its region, aligned as asked, to nobody else until it is freed; it
// uses no lock, and its region is private.
unsafe impl Allocator for Tagged {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        self.heap.alloc_raw_aligned(size, 8, self.tag).ok()
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _: usize) {
        // SAFETY: the caller's promise.
        let freed = unsafe { self.heap.free_raw(block) };
        freed.expect("a live block of this heap");
    }
}

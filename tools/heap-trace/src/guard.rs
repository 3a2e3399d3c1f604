//! Guard pages: each block alone between pages that nobody can touch.
//!
//! ```text
//!   ┤ guard, guard ┤ slack ┤ payload ├ guard, guard ┤ …    guard-after
//!   ┤ guard, guard ├ payload ┤ slack ├ guard, guard ┤ …    guard-before
//! ```
//!
//! Pages are not used again until the pen they are in has no live block any more. So a freed block is
//! inaccessible for as long as its pen lasts, and addresses in a pen only grow. The slack between the
//! payload and its page's end holds canaries.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use arena_core::region::{RegionError, page_size};

mod message;
mod naming;
mod pen;
mod signal;

use crate::fault::Violation;
use crate::record::{Origin, Record};
use crate::zone::{self, CANARY, Side};
pub(crate) use pen::Ended;
use pen::{Pen, Slot};

/// What a pen knows of a pointer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// The number of the block.
    pub(crate) id: u64,
    /// Bytes from the start of its payload.
    pub(crate) offset: isize,
    pub(crate) ended: Option<Ended>,
    /// What the ledger had written down, as far as the pen knows it.
    pub(crate) record: Record,
}

/// Guard pages between two blocks.
const GUARDS: usize = 2;

/// Canaries in the slack, at most; the rest of it is not looked at.
const SLACK_WATCHED: usize = 256;

/// Pens, of which the newest takes blocks.
#[derive(Debug)]
pub(crate) struct GuardHeap {
    side: Side,
    newest: Option<&'static Pen>,
    /// All of its pens, linked.
    pens: Option<&'static Pen>,
}

impl GuardHeap {
    pub(crate) fn new(side: Side) -> Self {
        outlive_forks();
        Self {
            side,
            newest: None,
            pens: None,
        }
    }

    /// Hand out a block.
    pub(crate) fn place(
        &mut self,
        layout: Layout,
        id: u64,
        origin: Origin,
    ) -> Result<NonNull<u8>, RegionError> {
        signal::install();
        let placed = match self.newest {
            Some(pen) => pen.place(layout, self.side)?,
            None => None,
        };
        let (pen, low, payload) = match (self.newest, placed) {
            (Some(pen), Some((low, payload))) => (pen, low, payload),
            _ => self.place_in_new_pen(layout)?,
        };
        pen.add(Slot::new(
            low,
            payload.addr().get(),
            layout.size(),
            id,
            origin,
        ));
        for (from, len) in slack(pen, low, payload, layout.size())
            .into_iter()
            .flatten()
        {
            // SAFETY: slack of a block that was handed out just now.
            unsafe { from.write_bytes(CANARY, len) };
        }
        Ok(payload)
    }

    fn place_in_new_pen(
        &mut self,
        layout: Layout,
    ) -> Result<(&'static Pen, usize, NonNull<u8>), RegionError> {
        let pen = Pen::open(layout, self.pens)?;
        self.newest = Some(pen);
        self.pens = Some(pen);
        let placed = pen.place(layout, self.side)?;
        let (low, payload) =
            placed.expect("a new pen is large enough for the block it is made for");
        Ok((pen, low, payload))
    }

    /// Make a block inaccessible, and keep it so.
    pub(crate) fn free(&mut self, payload: NonNull<u8>, how: Ended, origin: Origin) {
        if let Some(pen) = self.pen_of(payload.addr().get()) {
            pen.free(payload.addr().get(), how, origin);
        }
    }

    fn pen_of(&self, address: usize) -> Option<&'static Pen> {
        self.all().find(|pen| pen.contains(address))
    }

    fn all(&self) -> impl Iterator<Item = &'static Pen> + use<> {
        std::iter::successors(self.pens, |pen| pen.next)
    }

    /// Find the block whose payload an address lies in, or begins: live or not.
    pub(crate) fn find(&self, pointer: NonNull<u8>) -> Option<Found> {
        let address = pointer.addr().get();
        let slot = self.pen_of(address)?.slot_of(address)?;
        (address < (slot.start + slot.size).max(slot.start + 1)).then(|| Found {
            id: slot.id,
            offset: address.wrapping_sub(slot.start) as isize,
            ended: slot.ended(),
            record: slot.record(pointer),
        })
    }

    /// Look at the canaries around a payload; what was written there is told once.
    pub(crate) fn slack_of(&self, record: &Record) -> [Option<Violation>; 2] {
        let page = page_size();
        let low = record.start() & !(page - 1);
        let mut found = [None; 2];
        let Some(pen) = self.pen_of(low).filter(|_| record.size > 0) else {
            return found;
        };
        for (index, zone) in slack(pen, low, record.payload, record.size)
            .into_iter()
            .enumerate()
        {
            let Some((from, len)) = zone else { continue };
            // SAFETY: slack of a live block, which was filled.
            let Some(mut wrong) = (unsafe { zone::compare(from, len, |_| CANARY) }) else {
                continue;
            };
            // SAFETY: as above.
            unsafe { from.write_bytes(CANARY, len) };
            found[index] = Some(if index == 0 {
                wrong.first -= len as isize;
                Violation::Underflow(wrong)
            } else {
                Violation::Overflow(wrong)
            });
        }
        found
    }

    /// Bytes that may be touched: the pages of live blocks.
    pub(crate) fn committed(&self) -> usize {
        self.all().map(Pen::committed).sum()
    }

    /// Bytes that are in memory.
    pub(crate) fn resident(&self) -> Option<usize> {
        self.all().map(Pen::resident).sum()
    }
}

impl Drop for GuardHeap {
    fn drop(&mut self) {
        let mut pens = self.pens.take();
        while let Some(pen) = pens {
            pens = pen.next;
            pen.ended.store(true, Ordering::Release);
            pen::bury(pen);
        }
    }
}

/// See to it that a forked child finds no lock of a thread that it has not: its other heaps would wait for
/// ever. What the locks guard can be gone on with at any point.
pub(crate) fn outlive_forks() {
    static ARRANGED: AtomicBool = AtomicBool::new(false);
    extern "C" fn in_child() {
        signal::INSTALLING.release();
        pen::GRAVES.release();
    }
    if !ARRANGED.swap(true, Ordering::Relaxed) {
        // SAFETY: a function that stores two words. The thread that forks has neither lock.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
}

/// The watched slack in front of a payload and behind it.
fn slack(
    pen: &Pen,
    low: usize,
    payload: NonNull<u8>,
    size: usize,
) -> [Option<(NonNull<u8>, usize)>; 2] {
    let start = payload.addr().get();
    let front = (start - low).min(SLACK_WATCHED);
    let end = start + size;
    let rear = (end.max(low + 1).next_multiple_of(pen.page) - end).min(SLACK_WATCHED);
    // SAFETY: from the first page of the block on.
    let before = unsafe { payload.sub(front) };
    // SAFETY: up to the end of its last page.
    let behind = unsafe { payload.add(size) };
    [
        (front > 0).then_some((before, front)),
        (rear > 0).then_some((behind, rear)),
    ]
}

#[cfg(test)]
mod tests;

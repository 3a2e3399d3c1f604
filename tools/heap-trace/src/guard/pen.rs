//! A pen: a region of address space in which blocks stand between guard pages.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::num::NonZero;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use arena_core::Region;
use arena_core::region::{RegionError, page_size};

use super::GUARDS;
use crate::lock::Lock;
use crate::record::{Origin, Record};
use crate::stack::StackId;
use crate::zone::Side;

/// Bytes of address space of a pen, unless there is less or a block needs more.
const PEN_LEN: [usize; 3] = [256 << 20, 16 << 20, 1 << 20];

/// Pens that a process can have at a time.
const PENS: usize = 1024;

/// All pens, for the signal handler: it can take no lock.
static ALL: [AtomicPtr<Pen>; PENS] = [const { AtomicPtr::new(ptr::null_mut()) }; PENS];

/// Pens of heaps that have ended, kept inaccessible so that a late use of them is told; the oldest goes
/// when another comes.
pub(super) static GRAVES: Lock<(usize, [Option<&'static Pen>; 8])> = Lock::new((0, [None; 8]));

/// What a pen knows of one block. Written under the heap's lock, read by the signal handler.
#[derive(Debug)]
pub(super) struct Slot {
    /// The first address of its first page.
    pub(super) low: usize,
    pub(super) start: usize,
    pub(super) size: usize,
    pub(super) id: u64,
    allocated: *const Location<'static>,
    freed: AtomicPtr<Location<'static>>,
    allocated_stack: StackId,
    freed_stack: AtomicU32,
    /// Whether it was freed, or given up with its arena: an [`Ended`], or 0.
    ended: AtomicU8,
}

/// How a block in a pen has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Freed = 1,
    Rewound = 2,
}

impl Slot {
    pub(super) fn new(low: usize, start: usize, size: usize, id: u64, origin: Origin) -> Self {
        Self {
            low,
            start,
            size,
            id,
            allocated: origin.place.map_or(ptr::null(), ptr::from_ref),
            freed: AtomicPtr::new(ptr::null_mut()),
            allocated_stack: origin.stack,
            freed_stack: AtomicU32::new(0),
            ended: AtomicU8::new(0),
        }
    }

    pub(super) fn allocated(&self) -> Origin {
        Origin {
            // SAFETY: null, or made from such a reference.
            place: unsafe { self.allocated.as_ref() },
            stack: self.allocated_stack,
        }
    }

    /// The record of the block, as far as the pen knows it; `near` is a pointer into its payload.
    pub(super) fn record(&self, near: NonNull<u8>) -> Record {
        let payload = near.map_addr(|at| NonZero::new(self.start).unwrap_or(at));
        let layout = Layout::array::<u8>(self.size).unwrap_or(Layout::new::<u8>());
        let mut record = Record::new(payload, layout, self.id, self.allocated());
        if self.ended().is_some() {
            record.mark_freed(self.freed());
        }
        record
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        match self.ended.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Ended::Freed),
            _ => Some(Ended::Rewound),
        }
    }

    pub(super) fn freed(&self) -> Origin {
        Origin {
            // SAFETY: null, or made from such a reference.
            place: unsafe { self.freed.load(Ordering::Relaxed).cast_const().as_ref() },
            stack: StackId::from_number(self.freed_stack.load(Ordering::Relaxed)),
        }
    }
}

/// A region with blocks in it. It lies at the start of a region of its own, its slots behind it.
#[derive(Debug)]
pub(super) struct Pen {
    /// The pen that its heap had opened before.
    pub(super) next: Option<&'static Pen>,
    /// Whether its heap is gone.
    pub(super) ended: AtomicBool,
    pub(super) page: usize,
    base: usize,
    len: usize,
    /// Bytes from the base that are placed; used under the heap's lock only, as are the regions.
    used: UnsafeCell<usize>,
    live_pages: AtomicUsize,
    region: UnsafeCell<Region>,
    /// Slots that are written; the first of them lies behind the pen.
    count: AtomicUsize,
    slots: NonNull<Slot>,
    room: usize,
    /// Where the pen itself lies.
    home: UnsafeCell<Option<Region>>,
}

// SAFETY: what is not atomic is used by one thread at a time, under the lock of the pen's heap; slots
// are written before they are counted, and then only their atomics change.
unsafe impl Sync for Pen {}
// SAFETY: as above.
unsafe impl Send for Pen {}

impl Pen {
    /// Take address space, large enough for a block of this layout, and let the signal handler know.
    pub(super) fn open(
        layout: Layout,
        next: Option<&'static Self>,
    ) -> Result<&'static Self, RegionError> {
        let page = page_size();
        let align = layout.align().max(page).saturating_mul(2);
        let needed = layout
            .size()
            .saturating_add(align)
            .saturating_add((2 * GUARDS + 1) * page);
        let region = PEN_LEN
            .iter()
            .map(|&len| Region::reserve(len.max(needed)))
            .find(Result::is_ok)
            .unwrap_or_else(|| Region::reserve(needed))?;
        let room = region.len() / ((GUARDS + 1) * page) + 1;
        let home = Region::anonymous(size_of::<Self>() + (room + 1) * size_of::<Slot>())?;
        let place = home.base().cast::<Self>();
        let behind = size_of::<Self>().next_multiple_of(align_of::<Slot>());
        // SAFETY: within the region.
        let slots = unsafe { home.base().add(behind) }.cast::<Slot>();
        let pen = Self {
            next,
            ended: AtomicBool::new(false),
            page,
            base: region.base().addr().get(),
            len: region.len(),
            used: UnsafeCell::new(GUARDS * page),
            live_pages: AtomicUsize::new(0),
            region: UnsafeCell::new(region),
            count: AtomicUsize::new(0),
            slots,
            room,
            home: UnsafeCell::new(Some(home)),
        };
        // SAFETY: the region is fresh, aligned to a page, and large enough.
        unsafe { place.write(pen) };
        // SAFETY: written just now; it is freed by `bury` only, when nobody has it any more.
        let pen = unsafe { place.as_ref() };
        pen.register();
        Ok(pen)
    }

    fn register(&'static self) {
        let own = ptr::from_ref(self).cast_mut();
        // Without a place on the list, faults in this pen are still faults, but not named.
        let _ = ALL.iter().any(|place| {
            let taken =
                place.compare_exchange(ptr::null_mut(), own, Ordering::AcqRel, Ordering::Relaxed);
            taken.is_ok()
        });
    }

    pub(super) fn contains(&self, address: usize) -> bool {
        (self.base..self.base + self.len).contains(&address)
    }

    /// Place a block: its first page, and its payload. `None` if there is no room.
    ///
    /// What lies between the blocks is made a guard; what lies behind the last was never accessible.
    pub(super) fn place(
        &self,
        layout: Layout,
        side: Side,
    ) -> Result<Option<(usize, NonNull<u8>)>, RegionError> {
        let (page, size) = (self.page, layout.size());
        // SAFETY: under the heap's lock.
        let used = unsafe { &mut *self.used.get() };
        let low = (self.base + *used).next_multiple_of(layout.align().max(page));
        let pages = size.max(1).next_multiple_of(page);
        let (Some(end), true) = (low.checked_add(pages), self.has_slot()) else {
            return Ok(None);
        };
        if end + GUARDS * page > self.base + self.len {
            return Ok(None);
        }
        let (from, to) = (low - self.base, end - self.base);
        // SAFETY: under the heap's lock.
        let region = unsafe { &mut *self.region.get() };
        let gap = *used - GUARDS * page;
        // Made accessible as well, so that the kernel sees one mapping, not three for each block.
        region.commit(gap..to)?;
        // SAFETY: nobody has been given these pages: guards between the last block and this one.
        unsafe { region.guard(gap..from) }?;
        *used = to + GUARDS * page;
        self.live_pages.fetch_add(pages / page, Ordering::Relaxed);
        let start = match side {
            Side::Front => from,
            Side::Rear => ((end - size) & !(layout.align() - 1)) - self.base,
        };
        // SAFETY: within the block's pages.
        Ok(Some((low, unsafe { region.base().add(start) })))
    }

    fn has_slot(&self) -> bool {
        self.count.load(Ordering::Relaxed) < self.room
    }

    /// Let the signal handler know a block.
    pub(super) fn add(&self, slot: Slot) {
        let count = self.count.load(Ordering::Relaxed);
        // SAFETY: `place` has seen that there is room.
        let place = unsafe { self.slots.add(count) };
        // SAFETY: nobody reads it before it is counted.
        unsafe { place.write(slot) };
        self.count.store(count + 1, Ordering::Release);
    }

    pub(super) fn slots(&self) -> &[Slot] {
        let count = self.count.load(Ordering::Acquire);
        // SAFETY: so many were written, and are not written again.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr(), count) }
    }

    /// The last block whose pages begin at or below an address.
    pub(super) fn slot_of(&self, address: usize) -> Option<&Slot> {
        let slots = self.slots();
        slots[..slots.partition_point(|slot| slot.low <= address)].last()
    }

    /// Make a block inaccessible.
    pub(super) fn free(&self, start: usize, how: Ended, origin: Origin) {
        let Some(slot) = self.slot_of(start).filter(|slot| slot.start == start) else {
            return;
        };
        let freed = origin.place.map_or(ptr::null(), ptr::from_ref);
        slot.freed.store(freed.cast_mut(), Ordering::Relaxed);
        slot.freed_stack
            .store(origin.stack.number(), Ordering::Relaxed);
        slot.ended.store(how as u8, Ordering::Release);
        let from = slot.low - self.base;
        let to = (slot.start + slot.size)
            .max(slot.low + 1)
            .next_multiple_of(self.page)
            - self.base;
        // SAFETY: under the heap's lock.
        let region = unsafe { &mut *self.region.get() };
        // Refused, the block stays accessible: nothing worse.
        // SAFETY: the block is given up.
        let _ = unsafe { region.guard(from..to) };
        self.live_pages
            .fetch_sub((to - from) / self.page, Ordering::Relaxed);
    }

    pub(super) fn committed(&self) -> usize {
        self.live_pages.load(Ordering::Relaxed) * self.page
    }

    pub(super) fn resident(&self) -> Option<usize> {
        // SAFETY: under the heap's lock.
        unsafe { &*self.region.get() }.resident().ok()
    }

    /// Make all of it inaccessible.
    fn close(&self) {
        // SAFETY: the pen is buried once, when its heap is gone.
        let region = unsafe { &mut *self.region.get() };
        // SAFETY: as above: its blocks are gone too.
        let _ = unsafe { region.guard(0..self.len) };
    }
}

/// Keep a pen whose heap is gone inaccessible for a while, and unmap the one that has been kept longest.
pub(super) fn bury(pen: &'static Pen) {
    pen.close();
    let mut graves = GRAVES.take();
    let (next, kept) = &mut *graves;
    let place = *next % kept.len();
    let oldest = kept[place].replace(pen);
    *next += 1;
    drop(graves);
    if let Some(oldest) = oldest {
        unmap(oldest);
    }
}

fn unmap(pen: &'static Pen) {
    let own = ptr::from_ref(pen).cast_mut();
    for place in &ALL {
        let _ = place.compare_exchange(own, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
    }
    // SAFETY: taken off both lists, so that nobody finds the pen any more.
    let region = unsafe { pen.region.get().read() };
    drop(region);
    // SAFETY: as above.
    let home = unsafe { (*pen.home.get()).take() };
    drop(home);
}

/// Find the pen that an address lies in. Takes no lock: for the signal handler.
pub(super) fn find(address: usize) -> Option<&'static Pen> {
    ALL.iter().find_map(|place| {
        let pen = place.load(Ordering::Acquire).cast_const();
        // SAFETY: null, or a pen that is on the list, and therefore there.
        unsafe { pen.as_ref() }.filter(|pen| pen.contains(address))
    })
}

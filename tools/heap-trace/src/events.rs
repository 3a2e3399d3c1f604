//! What happened, event by event, for heap-view to draw.
//!
//! On the path of a call an event is a row of words in a table of the tracer's own; it becomes
//! heap-view's event, with a site and an offset, when somebody asks for the recording.

use std::collections::HashMap;

use heap_view::{Action, BlockId, Event, Extent, RegionId, SiteId, Trace};

use crate::fault::{Fault, Violation};
use crate::record::{Origin, Place};
use crate::table::Table;

#[cfg(test)]
mod tests;

/// The one region of a recording: the arena, or the heap.
const REGION: RegionId = RegionId(0);

/// One event as it is kept.
#[derive(Debug, Clone, Copy)]
struct Noted {
    what: What,
    place: Option<Place>,
    /// The block's number, where the event is about a block.
    block: Option<u64>,
    thread: u32,
}

/// What happened; addresses, not offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Alloc {
        extent: Extent,
        align: u32,
    },
    Refuse {
        size: usize,
        align: u32,
    },
    Free,
    Rewind {
        address: usize,
    },
    Fault {
        violation: heap_view::Violation,
        address: usize,
        size: usize,
    },
}

/// The events of a traced heap. None are kept unless the settings say how many.
#[derive(Debug)]
pub(crate) struct Recorder {
    events: Table<Noted>,
    /// How many are kept.
    most: usize,
    dropped: u64,
}

// SAFETY: events are notes.
unsafe impl Send for Recorder {}

impl Recorder {
    pub(crate) const fn of(most: usize) -> Self {
        Self {
            events: Table::new(),
            most,
            dropped: 0,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.most > 0
    }

    /// Keep an event, or count it where there is no room.
    #[inline]
    pub(crate) fn note(&mut self, what: What, block: Option<u64>, origin: Origin, thread: u32) {
        if !self.is_on() {
            return;
        }
        let noted = Noted {
            what,
            place: origin.place,
            block,
            thread,
        };
        if self.events.len() == self.most || self.events.push(noted).is_err() {
            self.dropped += 1;
        }
    }

    /// Keep a fault.
    #[cold]
    pub(crate) fn note_fault(&mut self, fault: &Fault) {
        let (violation, first, size) = match fault.violation {
            Violation::Overflow(wrong) => {
                (heap_view::Violation::Overflow, wrong.first, wrong.count)
            }
            Violation::Underflow(wrong) => {
                (heap_view::Violation::Underflow, wrong.first, wrong.count)
            }
            Violation::UseAfterFree(wrong) => {
                (heap_view::Violation::UseAfterFree, wrong.first, wrong.count)
            }
            Violation::UseAfterReset(wrong) => (
                heap_view::Violation::UseAfterReset,
                wrong.first,
                wrong.count,
            ),
            Violation::DoubleFree => (heap_view::Violation::DoubleFree, 0, 1),
            Violation::InteriorFree { offset } => (heap_view::Violation::InvalidFree, offset, 1),
            Violation::ForeignFree { .. } => (heap_view::Violation::InvalidFree, 0, 1),
            Violation::MismatchedLayout { .. } => (heap_view::Violation::MismatchedLayout, 0, 1),
        };
        let start = match (fault.block, fault.violation) {
            // An overflow is counted from the end of the payload.
            (Some(block), Violation::Overflow(_)) => block.end(),
            (Some(block), _) => block.start(),
            (None, Violation::ForeignFree { address }) => address,
            (None, _) => return,
        };
        let address = start.wrapping_add_signed(first);
        let what = What::Fault {
            violation,
            address,
            size,
        };
        self.note(what, fault.block(), fault.noticed, fault.thread);
    }

    /// Put the recording together: offsets count from `base`, of `size` bytes, or 0 for a heap
    /// that has no bound.
    pub(crate) fn trace(&self, title: &str, base: usize, size: usize) -> Trace {
        let mut trace = Trace::new(title);
        trace.dropped = self.dropped;
        trace.record(Event::new(Action::Map {
            region: REGION,
            base: base as u64,
            size: size as u64,
        }));
        let end = base.saturating_add(size);
        let inside = |address: usize| size == 0 || (base..=end).contains(&address);
        let mut sites: HashMap<usize, SiteId> = HashMap::new();
        // A block in a pen is drawn where the arena was charged for it, and so is what is done to it.
        let mut places: HashMap<u64, u64> = HashMap::new();
        for noted in self.events.as_slice() {
            let Some(action) = noted.action(base, &inside, &places) else {
                continue;
            };
            if let Action::Alloc { block, to, .. } = action {
                places.insert(block.0, to.at);
            }
            let mut event = Event::new(action).on_thread(noted.thread);
            if let Some(place) = noted.place {
                let known = sites.entry(std::ptr::from_ref(place).addr());
                event.site = Some(*known.or_insert_with(|| trace.site(place.into())));
            }
            trace.record(event);
        }
        trace
    }
}

impl Noted {
    /// The event for heap-view; `None` for a pointer that leads out of the region and to no block.
    fn action(
        &self,
        base: usize,
        inside: &impl Fn(usize) -> bool,
        places: &HashMap<u64, u64>,
    ) -> Option<Action> {
        let region = REGION;
        let block = BlockId(self.block.unwrap_or_default());
        let offset = |address: usize| address.wrapping_sub(base) as u64;
        Some(match self.what {
            What::Alloc { extent, align } => Action::Alloc {
                region,
                block,
                to: Extent {
                    at: offset(extent.at as usize),
                    ..extent
                },
                align,
                tag: None,
            },
            What::Refuse { size, align } => Action::Refuse {
                region,
                size: size as u64,
                align,
            },
            What::Free => Action::Free { region, block },
            What::Rewind { address } if address == base => Action::Reset { region },
            What::Rewind { address } => Action::Rewind {
                region,
                to: offset(address),
            },
            What::Fault {
                violation,
                address,
                size,
            } => Action::Fault {
                violation,
                region,
                at: match inside(address) {
                    true => offset(address),
                    false => *places.get(&self.block?)?,
                },
                size: size as u64,
                block: self.block.map(BlockId),
            },
        })
    }
}

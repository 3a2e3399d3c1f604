//! What happened, event by event, for heap-view to draw.
//!
//! On the path of a call an event is a row of words in a table of the tracer's own; it becomes
//! heap-view's event, with a site and an offset, when somebody asks for the recording.

use std::collections::HashMap;

use heap_view::{Action, BlockId, Event, Extent, Frame, RegionId, Site, SiteId, Trace};

use crate::fault::{Fault, Violation};
use crate::record::{Origin, Place};
use crate::stack::{self, StackId};
use crate::table::Table;

#[cfg(test)]
mod tests;

/// The one region of a recording: the arena, or the heap.
const REGION: RegionId = RegionId(0);

/// One event as it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted {
    what: What,
    place: Option<Place>,
    stack: StackId,
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
            stack: origin.stack,
            block,
            thread,
        };
        if self.events.len() == self.most || self.events.push(noted).is_err() {
            self.dropped += 1;
        }
    }

    /// Keep so many events at most from now on.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most;
    }

    /// How many events are kept.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many found no place.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Hand over the events kept so far, for an empty table.
    pub(crate) fn exchange(&mut self, events: &mut Table<Noted>) {
        events.truncate(0);
        std::mem::swap(&mut self.events, events);
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
        let mut told = Told::of(base, size);
        trace.record(told.map());
        for noted in self.events.as_slice() {
            if let Some(event) = told.event(noted, |site| trace.site(site)) {
                trace.record(event);
            }
        }
        trace
    }
}

/// What has been told of a recording so far, which what comes later points back to.
#[derive(Debug)]
pub(crate) struct Told {
    base: usize,
    size: usize,
    sites: HashMap<(usize, StackId), Option<SiteId>>,
    /// Where in the region each block was drawn that may lie outside: one in a pen is drawn where the
    /// arena was charged for it, and so is what is done to it.
    places: HashMap<u64, u64>,
}

impl Told {
    pub(crate) fn of(base: usize, size: usize) -> Self {
        Self {
            base,
            size,
            sites: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// The first event: the region.
    pub(crate) fn map(&self) -> Event {
        Event::new(Action::Map {
            region: REGION,
            base: self.base as u64,
            size: self.size as u64,
        })
    }

    /// The event for heap-view; `None` for a pointer that leads out of the region and to no block.
    pub(crate) fn event(
        &mut self,
        noted: &Noted,
        add: impl FnOnce(Site) -> SiteId,
    ) -> Option<Event> {
        let action = noted.action(self)?;
        if let Action::Alloc { block, to, .. } = action
            && self.size > 0
        {
            self.places.insert(block.0, to.at);
        }
        let mut event = Event::new(action).on_thread(noted.thread);
        let place = noted
            .place
            .map_or(0, |place| std::ptr::from_ref(place).addr());
        let known = self.sites.entry((place, noted.stack));
        event.site = *known.or_insert_with(|| noted.site().map(add));
        Some(event)
    }

    fn is_inside(&self, address: usize) -> bool {
        let end = self.base.saturating_add(self.size);
        self.size == 0 || (self.base..=end).contains(&address)
    }
}

impl Noted {
    /// Where it was done: the stack, or the line.
    fn site(&self) -> Option<Site> {
        let frames: Vec<Frame> = stack::frames(self.stack).iter().map(frame).collect();
        match (frames.is_empty(), self.place) {
            (false, _) => Some(Site { frames }),
            (true, place) => place.map(Site::from),
        }
    }

    fn action(&self, told: &Told) -> Option<Action> {
        let region = REGION;
        let block = BlockId(self.block.unwrap_or_default());
        let offset = |address: usize| address.wrapping_sub(told.base) as u64;
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
            What::Rewind { address } if address == told.base => Action::Reset { region },
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
                at: match told.is_inside(address) {
                    true => offset(address),
                    false => *told.places.get(&self.block?)?,
                },
                size: size as u64,
                block: self.block.map(BlockId),
            },
        })
    }
}

fn frame(frame: &stack::Frame) -> Frame {
    let (file, line) = frame
        .line
        .as_deref()
        .and_then(|line| line.rsplit_once(':'))
        .unwrap_or_default();
    Frame {
        function: match &frame.function {
            Some(function) => function.clone(),
            None => format!("{:#x}", frame.address),
        },
        file: file.to_owned(),
        line: line.parse().unwrap_or_default(),
        column: 0,
    }
}

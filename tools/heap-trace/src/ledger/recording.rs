//! The events of a traced heap.

use std::alloc::Layout;

use heap_view::{Extent, Trace};

use super::Ledger;
use crate::events::{Recorder, What};
use crate::record::{Origin, Record};
use crate::settings::Method;
use crate::thread;
use crate::zone::shape;

impl Ledger {
    /// Record a block that was written down just now.
    #[inline]
    pub(super) fn note_placed(&mut self, record: &Record, origin: Origin) {
        if !self.events.is_on() {
            return;
        }
        let extent = Extent::new(record.start() as u64, record.size as u64);
        let extent = match self.settings.method {
            Method::Canary => {
                let shape = shape(record);
                extent.within(shape.front as u32, shape.rear as u32)
            }
            _ => extent,
        };
        let align = record.align() as u32;
        let what = What::Alloc { extent, align };
        let thread = thread::number();
        self.events.note(what, Some(record.id), origin, thread);
    }

    /// Record that there was no memory for a block.
    #[cold]
    pub(crate) fn note_refused(&mut self, layout: Layout, origin: Origin) {
        let (size, align) = (layout.size(), layout.align() as u32);
        let what = What::Refuse { size, align };
        self.events.note(what, None, origin, thread::number());
    }

    #[inline]
    pub(super) fn note_freed(&mut self, record: &Record, origin: Origin) {
        let thread = thread::number();
        self.events
            .note(What::Free, Some(record.id), origin, thread);
    }

    /// Keep so many events at most from now on.
    pub(crate) fn record(&mut self, most: usize) {
        let settings = self.settings.record(most);
        self.set(settings);
    }

    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        &mut self.events
    }

    pub(crate) fn recording(&self) -> Trace {
        self.events.trace("traced heap", 0, 0)
    }
}

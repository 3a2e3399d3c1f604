//! Where events go while the program runs.

use crate::event::Event;
use crate::trace::Trace;
use std::mem::MaybeUninit;

/// Takes events as they happen.
///
/// Called on the path of an allocation: an implementation appends and returns.
pub trait Sink {
    /// Takes one event.
    fn record(&mut self, event: Event);
}

impl Sink for Trace {
    #[inline]
    fn record(&mut self, event: Event) {
        Trace::record(self, event);
    }
}

impl Sink for Vec<Event> {
    #[inline]
    fn record(&mut self, event: Event) {
        self.push(event);
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline]
    fn record(&mut self, event: Event) {
        (**self).record(event);
    }
}

/// A sink in memory that the caller brings: it never allocates, so it may watch the allocator that
/// the whole program uses. What does not fit is dropped and counted.
///
/// ```
/// use heap_view::{Action, Buffer, Event, Sink};
/// use std::mem::MaybeUninit;
///
/// let mut room = [const { MaybeUninit::uninit() }; 2];
/// let mut buffer = Buffer::new(&mut room);
/// for _ in 0..3 {
///     buffer.record(Event::new(Action::Note));
/// }
/// assert_eq!((buffer.events().len(), buffer.dropped()), (2, 1));
/// ```
#[derive(Debug)]
pub struct Buffer<'a> {
    /// The first `len` are initialised.
    room: &'a mut [MaybeUninit<Event>],
    /// Never more than the room has.
    len: usize,
    dropped: u64,
}

impl<'a> Buffer<'a> {
    /// An empty buffer in this room.
    #[must_use]
    pub const fn new(room: &'a mut [MaybeUninit<Event>]) -> Self {
        Self {
            room,
            len: 0,
            dropped: 0,
        }
    }

    /// The events taken so far.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        // SAFETY: the first `len` were written by `record`, and an Event needs no drop.
        unsafe { self.room[..self.len].assume_init_ref() }
    }

    /// How many events found no room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets the events, to use the room again; what was dropped stays counted.
    pub const fn clear(&mut self) {
        self.len = 0;
    }
}

impl Sink for Buffer<'_> {
    #[inline]
    fn record(&mut self, event: Event) {
        match self.room.get_mut(self.len) {
            Some(place) => {
                place.write(event);
                self.len += 1;
            }
            None => self.dropped += 1,
        }
    }
}

//! Time, as far as this thread ran: what others had of the processor is left out.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A moment of this thread's own time.
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
        Self(now.expect("a thread may ask about itself").into())
    }

    /// Nanoseconds since then.
    pub(crate) fn elapsed(&self) -> f64 {
        (Self::now().0 - self.0).as_nanos() as f64
    }
}

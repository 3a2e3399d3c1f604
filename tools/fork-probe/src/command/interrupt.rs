//! Ctrl-C ends the measurement, not the report.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: i32) {
    STOP.store(true, Ordering::Relaxed);
}

/// Return what SIGINT and SIGTERM set from now on. A second one ends the process at once.
pub(super) fn flag() -> &'static AtomicBool {
    let action = SigAction::new(
        SigHandler::Handler(stop),
        SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler stores to an atomic and does nothing else.
        // Where it is refused, the signal ends the process as it always did.
        let _ = unsafe { sigaction(signal, &action) };
    }
    &STOP
}

//! Ctrl-C: noticed, not obeyed at once, so that what was found so far can be printed.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: libc::c_int) {
    // A second one ends the process at once.
    if ASKED.swap(true, Relaxed) {
        // SAFETY: ends the process, which is allowed in a handler.
        unsafe { libc::_exit(130) };
    }
}

/// Notices Ctrl-C and SIGTERM from now on.
pub(crate) fn listen() {
    let handler = note as extern "C" fn(libc::c_int);
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler sets a flag or ends the process.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// Whether there was one.
pub(crate) fn is_asked() -> bool {
    ASKED.load(Relaxed)
}

//! The end of a traced program, and its forks.

use std::ffi::c_int;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use super::{Shared, options, the};
use crate::guard;
use crate::reach::Roots;
use crate::record::Origin;
use crate::report::{Report, Suppressions};
use crate::{stack, thread};

/// See to it that the end of the process reports, and that a fork leaves no lock taken.
pub(super) fn arrange() {
    // Registered first, so run last: what others free at exit is freed then.
    // SAFETY: a function that can be called at exit.
    unsafe { libc::atexit(at_exit) };
    // SAFETY: functions that take and release locks only. Registered first, `before_fork` runs after
    // those of others, which may allocate.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
    // Now, not when the first block is guarded: a lock that a fork waits for is taken then.
    guard::outlive_forks();
}

extern "C" fn before_fork() {
    if let Some(shared) = the() {
        #[cfg(feature = "events")]
        shared.stream.hold();
        shared.ledger.hold();
        stack::hold();
    }
}

extern "C" fn after_fork() {
    if let Some(shared) = the() {
        stack::release();
        shared.ledger.release();
        #[cfg(feature = "events")]
        shared.stream.release();
    }
}

extern "C" fn in_child() {
    after_fork();
    if let Some(shared) = the() {
        shared.forked.store(true, Ordering::Relaxed);
        shared.ledger.take().inherit();
        #[cfg(feature = "events")]
        shared.leave_recording_to_parent();
    }
}

/// Hands the address of its frame on: below it lie the remains of `main` and all it has called, in
/// which every lost pointer can still be found.
extern "C" fn at_exit() {
    let here = 0_u8;
    report_at_exit((&raw const *std::hint::black_box(&here)).addr());
}

#[inline(never)]
fn report_at_exit(here: usize) {
    let Some(shared) = the() else { return };
    let Some(inside) = thread::enter_to_report() else {
        say("heap-trace: the process ends inside the tracer: no report\n");
        return;
    };
    let report = shared.final_report(here);
    #[cfg(feature = "events")]
    let report = report.with_note(shared.end_recording());
    let (is_clean, told) = (report.is_clean(), shared.tell(&report));
    let status = shared.options.take().exit;
    drop(inside);
    match (is_clean, told, status) {
        (true, _, _) | (false, true, None) => {}
        // What could not be told in words is told by the status.
        (false, _, status) => end_with(status.map_or(1, i32::from)),
    }
}

/// End the process with a status, also if it is ending with another. What C's streams still hold is
/// written.
#[cfg(target_env = "gnu")]
fn end_with(status: c_int) -> ! {
    // SAFETY: this C library goes on with what is left to do at exit, if it is called in the middle of it.
    unsafe { libc::exit(status) }
}

/// End the process with a status, also if it is ending with another. What C's streams still hold is
/// written.
#[cfg(not(target_env = "gnu"))]
fn end_with(status: c_int) -> ! {
    // SAFETY: writes what all streams hold.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    // SAFETY: this is the last function to run at exit.
    unsafe { libc::_exit(status) }
}

impl Shared {
    /// Check everything and put a report together. This thread is inside the tracer.
    pub(super) fn final_report(&self, here: usize) -> Report {
        let roots = Roots::new().of_process_from(here);
        let mut ledger = self.ledger.take();
        ledger.check(Origin::NONE);
        let mut report = ledger.report(&format!("process {}", std::process::id()), &roots);
        drop(ledger);
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (untraced, unfreed) = (count(&self.untraced), count(&self.unfreed));
        if untraced > 0 {
            report.notes.push(format!(
                "a signal handler interrupted the tracer: {untraced} blocks that it allocated are not traced"
            ));
        }
        if unfreed > 0 {
            report.notes.push(format!(
                "a signal handler interrupted the tracer: {unfreed} blocks that it freed are not freed"
            ));
        }
        let options = self.options.take();
        report.lists_reachable = options.reachable;
        for word in &options.unknown {
            report.notes.push(format!(
                "HEAP_TRACE: {word:?} means nothing; known are {}",
                options::WORDS
            ));
        }
        if let Some(path) = &options.suppressions {
            match fs::read_to_string(&*path.to_string_lossy())
                .map(|text| Suppressions::parse(&text))
            {
                Ok(Ok(suppressions)) => report = report.without(&suppressions),
                Ok(Err(bad)) => report.notes.push(format!("no suppressions: {bad}")),
                Err(error) => report
                    .notes
                    .push(format!("no suppressions: {path:?}: {error}")),
            }
        }
        report
    }

    /// Write the report where it is wanted, or to standard error and say why. Returns whether anybody
    /// was told.
    fn tell(&self, report: &Report) -> bool {
        let options = self.options.take();
        if report.is_clean() && options.quiet {
            return true;
        }
        let text = text(report, options.json);
        let Some(path) = &options.report else {
            return say(&text);
        };
        let mut path = path.to_string_lossy().into_owned();
        if self.forked.load(Ordering::Relaxed) {
            path = format!("{path}.{}", std::process::id());
        }
        match fs::write(&path, &text) {
            Ok(()) => true,
            Err(error) => say(&format!(
                "heap-trace: the report cannot be written to {path}: {error}\n{text}"
            )),
        }
    }
}

fn text(report: &Report, json: bool) -> String {
    #[cfg(feature = "json")]
    if json {
        return format!("{}\n", report.to_json());
    }
    let _ = json;
    report.to_string()
}

/// Write to standard error, whoever holds its lock. Returns whether it could be written.
pub(super) fn say(text: &str) -> bool {
    // SAFETY: the descriptor is not closed: it is forgotten below.
    let stderr = unsafe { OwnedFd::from_raw_fd(libc::STDERR_FILENO) };
    let mut stderr = std::mem::ManuallyDrop::new(fs::File::from(stderr));
    let written: io::Result<()> = stderr.write_all(text.as_bytes());
    written.is_ok()
}

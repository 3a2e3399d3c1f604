//! Names of functions and lines, found while the process stands in a signal handler.
//!
//! To name a stack takes malloc, locks, files, and more stack than a handler has: nothing for a handler.
//! So a child does it, a copy of the process with one thread and a stack of its own. It may find a
//! lock taken for ever; then an alarm ends it, and the handler says what it can without names.

use std::ffi::{c_int, c_void};
use std::io::{self, Write};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use arena_core::Region;

use super::message::Message;
use super::pen::Slot;
use crate::fault::Site;
use crate::{stack, thread};

/// Seconds that the child has.
const PATIENCE: u32 = 10;

/// Bytes of the child's stack, of which those that it uses are paid for.
const STACK_LEN: usize = 8 << 20;

/// The end of the child's stack, from where it grows down.
static STACK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Take the child's stack, ahead of the first fault.
pub(super) fn prepare() {
    if cfg!(not(feature = "backtraces")) || !STACK.load(Ordering::Relaxed).is_null() {
        return;
    }
    // Without it, faults are told without names.
    if let Ok(region) = Region::anonymous(STACK_LEN) {
        let end = region.base().as_ptr().wrapping_add(region.len());
        STACK.store(end.cast(), Ordering::Release);
        std::mem::forget(region);
    }
}

/// What the child is to tell.
struct Task<'a> {
    head: &'a Message,
    slot: Option<&'a Slot>,
    /// How the block ended, if it did.
    ended: &'static str,
    instruction: Option<usize>,
}

/// Let a child write the whole report. Returns whether it has.
pub(super) fn by_a_child(
    head: &Message,
    slot: Option<&Slot>,
    ended: &'static str,
    instruction: Option<usize>,
) -> bool {
    let stack = STACK.load(Ordering::Acquire);
    if stack.is_null() {
        return false;
    }
    let mut task = Task {
        head,
        slot,
        ended,
        instruction,
    };
    // Not fork(2) of the C library, which runs handlers that take locks; and without a signal to the
    // program when the child ends.
    // SAFETY: a copy of the process, on a stack that nobody else uses, which ends in `child`.
    let child = unsafe { libc::clone(child, stack, 0, (&raw mut task).cast()) };
    child > 0 && wait(child) == Some(0)
}

/// Wait for a child, whatever signals come meanwhile, and return how it has ended.
fn wait(child: libc::pid_t) -> Option<c_int> {
    loop {
        let mut status = 0;
        // SAFETY: waits for the child made by `by_a_child`, which no other wait of the program sees.
        if unsafe { libc::waitpid(child, &raw mut status, libc::__WCLONE) } == child {
            return Some(status);
        }
        // SAFETY: the call gives the address of this thread's errno.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        if unsafe { errno.read() } != libc::EINTR {
            return None;
        }
    }
}

/// End this copy of the process if it hangs, whatever the program makes of alarms.
fn end_when_patience_is_over() {
    // SAFETY: the default action, which ends the process.
    unsafe { libc::signal(libc::SIGALRM, libc::SIG_DFL) };
    // SAFETY: a set is integers; which, the next call says.
    let mut alarms: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&raw mut alarms) };
    // SAFETY: as above; the signal exists.
    unsafe { libc::sigaddset(&raw mut alarms, libc::SIGALRM) };
    // SAFETY: a valid set; the old one is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &raw const alarms, ptr::null_mut()) };
    // SAFETY: asks for a signal.
    unsafe { libc::alarm(PATIENCE) };
}

extern "C" fn child(task: *mut c_void) -> c_int {
    end_when_patience_is_over();
    // SAFETY: the copy of what `by_a_child` has on its stack.
    let task = unsafe { &*task.cast::<Task<'_>>() };
    let told = thread::enter_to_report().is_some_and(|_inside| task.write().is_ok());
    // SAFETY: ends this copy of the process, and runs nothing of the program's.
    unsafe { libc::_exit(c_int::from(!told)) }
}

impl Task<'_> {
    fn write(&self) -> io::Result<()> {
        let mut text = self.head.as_str().to_owned();
        if let Some(slot) = self.slot {
            text += &format!("\n    allocated {}", Site(slot.allocated()));
            if slot.ended().is_some() {
                text += &format!("\n    {} {}", self.ended, Site(slot.freed()));
            }
        }
        for frame in self.instruction.into_iter().flat_map(stack::frames_at) {
            text += &format!("\n    touched at {frame}");
        }
        text.push('\n');
        io::stderr().lock().write_all(text.as_bytes())
    }
}

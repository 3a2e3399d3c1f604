//! A SIGSEGV handler that knows one arena by name.
//!
//! A handler may run at any point of the program, in the middle of malloc too. So it allocates nothing, takes no lock,
//! and calls only what POSIX lists as async-signal-safe: here `write(2)`.

use crate::stage::{During, Trouble};
use libc::{c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the arena is called in the report.
pub(super) const NAME: &str = "greetings";

/// Where the arena was. Atomics, for a handler can neither take a lock nor trust a `static mut`.
static BASE: AtomicUsize = AtomicUsize::new(0);
static LEN: AtomicUsize = AtomicUsize::new(0);

/// Remembers an arena that is about to be unmapped, and installs the handler.
pub(super) fn install(base: usize, len: usize) -> Result<(), Trouble> {
    BASE.store(base, Ordering::Relaxed);
    LEN.store(len, Ordering::Relaxed);
    // The handler is gone once it runs: when it returns, the same instruction faults again and ends the process, as it
    // would have without it.
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESETHAND;
    let handler = SigHandler::SigAction(name_the_arena);
    let action = SigAction::new(handler, flags, SigSet::empty());
    // SAFETY: the handler only reads atomics, fills a buffer on its stack and calls write.
    unsafe { sigaction(Signal::SIGSEGV, &action) }
        .during("sigaction")
        .map(drop)
}

// stamp: handler
/// Says in which arena the address lies that nobody could read.
extern "C" fn name_the_arena(_signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands over a valid siginfo_t.
    let info = unsafe { &*info };
    // SAFETY: the signal is SIGSEGV, for which the kernel fills in the address.
    let address = unsafe { info.si_addr() }.addr();
    let (base, len) = (BASE.load(Ordering::Relaxed), LEN.load(Ordering::Relaxed));
    let mut message = Message::new();
    match address.wrapping_sub(base) {
        offset if offset < len => {
            message.text("use after unmap: offset ").number(offset);
            message.text(" of arena \"").text(NAME).text("\", ");
            message.number(len).text(" bytes long\n");
        }
        _ => {
            message.text("a fault in no arena\n");
        }
    }
    message.write();
}
// /stamp: handler

/// A line of text that is put together without malloc.
struct Message {
    bytes: [u8; 128],
    /// How many of them are text; what does not fit is lost.
    len: usize,
}

impl Message {
    fn new() -> Self {
        Self {
            bytes: [0; 128],
            len: 0,
        }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for (to, &byte) in self.bytes.iter_mut().skip(self.len).zip(text.as_bytes()) {
            *to = byte;
            self.len += 1;
        }
        self
    }

    fn number(&mut self, number: usize) -> &mut Self {
        let (before, digit) = (number / 10, number % 10);
        if before > 0 {
            self.number(before);
        }
        let digits = "0123456789";
        self.text(digits.get(digit..=digit).unwrap_or("?"))
    }

    /// Writes the line to standard output. If nobody reads, there is nobody to tell.
    fn write(&self) {
        let (text, len) = (self.bytes.as_ptr().cast(), self.len);
        // SAFETY: `len` bytes of the buffer are there to be read.
        let _ = unsafe { libc::write(libc::STDOUT_FILENO, text, len) };
    }
}

#[cfg(test)]
mod tests;

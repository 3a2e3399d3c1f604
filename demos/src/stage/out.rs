//! Standard output that may go away.
//!
//! Rust ignores SIGPIPE, and `println!` panics when nobody reads any more. Here `demo | head -1` is no accident: once
//! the reader has gone, lines are dropped, the demo still measures, and its exit status still tells the truth.

use std::io::{self, Write};

/// Where lines go, and what became of it.
#[derive(Debug, Default)]
pub struct Out {
    /// The first error that was not "nobody reads any more".
    failed: Option<io::Error>,
    /// True once the reader of a pipe has gone.
    closed: bool,
}

impl Out {
    /// Writes one line to standard output.
    pub fn line(&mut self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// Writes text as it is, and makes it visible at once: a prompt has no newline.
    pub fn write(&mut self, text: &str) {
        self.write_to(&mut io::stdout().lock(), text);
    }

    /// True once nobody reads: going on would be work for no one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The error that lost output, if one did. A reader who left is none.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    fn write_to(&mut self, to: &mut impl Write, text: &str) {
        if self.closed || self.failed.is_some() {
            return;
        }
        match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Writes one line to standard error; if nobody reads that either, it is lost.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

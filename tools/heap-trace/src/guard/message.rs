//! Text without malloc: for signal handlers.

/// Lines that are put together on the stack.
pub(super) struct Message {
    bytes: [u8; 1024],
    /// How many of them are text; what does not fit is lost.
    len: usize,
}

impl Message {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; 1024],
            len: 0,
        }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for (to, &byte) in self.bytes.iter_mut().skip(self.len).zip(text.as_bytes()) {
            *to = byte;
            self.len += 1;
        }
        self
    }

    pub(super) fn number(&mut self, number: usize) -> &mut Self {
        self.digits(number, 10)
    }

    pub(super) fn hex(&mut self, number: usize) -> &mut Self {
        self.text("0x").digits(number, 16)
    }

    fn digits(&mut self, number: usize, base: usize) -> &mut Self {
        if number >= base {
            self.digits(number / base, base);
        }
        let digit = number % base;
        self.text("0123456789abcdef".get(digit..=digit).unwrap_or("?"))
    }

    pub(super) fn place(
        &mut self,
        verb: &str,
        place: Option<&std::panic::Location<'_>>,
    ) -> &mut Self {
        if let Some(place) = place {
            self.text("\n    ")
                .text(verb)
                .text(" at ")
                .text(place.file());
            self.text(":").number(place.line() as usize);
            self.text(":").number(place.column() as usize);
        }
        self
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("heap-trace: a fault")
    }

    /// Write it to standard error. If nobody reads, there is nobody to tell.
    pub(super) fn write(&self) {
        let (text, len) = (self.bytes.as_ptr().cast(), self.len);
        // SAFETY: `len` bytes of the buffer are there to be read.
        let _ = unsafe { libc::write(libc::STDERR_FILENO, text, len) };
    }
}

//! The border itself: every exported function goes through here, in and out.
//!
//! Nothing unwinds into C. errno is what it was when a call succeeds, and says why when it fails.

use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::ptr::{NonNull, null_mut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::{Code, Failure};

#[cfg(test)]
pub(crate) mod tests;

/// What a call came to, and in which words.
///
/// The message is NULL if the code is `OTH_CODE_OK`, or if there was no memory for it. Otherwise it
/// belongs to the caller, who frees it with `oth_text_free`.
#[repr(C)]
#[derive(Debug)]
#[must_use = "the message has to be freed"]
pub struct Outcome {
    /// What it came to.
    pub code: Code,
    /// Why, in words, with the numbers.
    pub message: *mut c_char,
}

/// Run the inside of a call whose outcome is a result.
pub(crate) fn guarded(inside: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    match quiet(inside) {
        Ok(()) => Outcome {
            code: Code::Ok,
            message: null_mut(),
        },
        Err(failure) => {
            let message = text(&failure).unwrap_or(null_mut());
            set_errno(failure.errno());
            Outcome {
                code: failure.code(),
                message,
            }
        }
    }
}

/// Run the inside of a call that has no result to speak of: errno alone tells.
pub(crate) fn guarded_value<T>(on_failure: T, inside: impl FnOnce() -> Result<T, Failure>) -> T {
    quiet(inside).unwrap_or_else(|failure| {
        set_errno(failure.errno());
        on_failure
    })
}

/// Run the inside of a call; catch its panic, and leave errno alone if it succeeds.
fn quiet<T>(inside: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let before = errno();
    // What a panic leaves behind is claimed objects, and their claims end when they are dropped.
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        tests::panic_if_armed();
        inside()
    }));
    let result = result.unwrap_or_else(|payload| Err(Failure::of_panic(payload)));
    if result.is_ok() {
        set_errno(before);
    }
    result
}

/// Turn an argument into a place to write to; NULL is a failure with the argument's name.
///
/// # Safety
///
/// The pointer is NULL, or valid for writes of a `T` for as long as the call runs.
pub(crate) unsafe fn place<T>(argument: *mut T, name: &'static str) -> Result<Place<T>, Failure> {
    NonNull::new(argument).map(Place).ok_or(Failure::Null(name))
}

/// Where a result goes.
#[derive(Debug)]
pub(crate) struct Place<T>(NonNull<T>);

impl<T> Place<T> {
    pub(crate) fn put(&self, value: T) {
        // SAFETY: by the promise given to `place`.
        unsafe { self.0.write(value) }
    }
}

/// Format a text that the caller of C owns.
pub(crate) fn text(of: &dyn fmt::Display) -> Result<*mut c_char, Failure> {
    const WHAT: Failure = Failure::NoMemory("a text");
    let mut length = Length(0);
    write!(length, "{of}").map_err(|_| WHAT)?;
    let size = length.0 + 1;
    // SAFETY: any size will do; NULL is refused next.
    let block = unsafe { libc::malloc(size) }.cast::<u8>();
    let block = NonNull::new(block).ok_or(WHAT)?;
    // SAFETY: freshly allocated, `size` bytes.
    unsafe { block.write_bytes(0, size) };
    // SAFETY: as long, initialised, and nobody else's.
    let bytes = unsafe { core::slice::from_raw_parts_mut(block.as_ptr(), size) };
    // What would not fit, because it is longer this time, is cut: the last byte stays NUL.
    let mut filled = Filled(&mut bytes[..size - 1]);
    let _ = write!(filled, "{of}");
    Ok(block.as_ptr().cast())
}

/// Counts, and keeps nothing.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Fills a buffer; a NUL would end the text early, and is written as a question mark.
struct Filled<'a>(&'a mut [u8]);

impl Write for Filled<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = core::mem::take(&mut self.0);
        let len = text.len().min(room.len());
        let (here, rest) = room.split_at_mut(len);
        for (to, &from) in here.iter_mut().zip(text.as_bytes()) {
            *to = if from == 0 { b'?' } else { from };
        }
        self.0 = rest;
        Ok(())
    }
}

/// Free a text that this library returned: a message, or a dump.
///
/// NULL is accepted. Any thread may free any text; errno stays as it is.
///
/// # Safety
///
/// The text is NULL or came from this library, and has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_text_free(text: *mut c_char) {
    guarded_value((), || {
        // SAFETY: by the caller's promise it came from malloc, in `text` above.
        unsafe { libc::free(text.cast::<c_void>()) };
        Ok(())
    });
}

pub(crate) fn errno() -> c_int {
    // SAFETY: takes nothing; the place is this thread's own.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: always valid for this thread.
    unsafe { place.read() }
}

pub(crate) fn set_errno(value: c_int) {
    // SAFETY: as in `errno`.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as in `errno`.
    unsafe { place.write(value) }
}

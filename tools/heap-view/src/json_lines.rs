//! Recordings on disk: one JSON object a line, version 1.
//!
//! ```text
//! {"is":"heap-view events","version":1,"title":"demo 09a"}
//! {"is":"label","id":1,"text":"heap"}
//! {"is":"map","n":0,"region":0,"base":28672,"size":4096,"label":1}
//! {"is":"site","id":1,"frames":[{"file":"src/main.rs","line":3,"column":5}]}
//! {"is":"alloc","n":1,"site":1,"region":0,"block":1,"at":0,"size":64,"align":8}
//! {"is":"snapshot","n":2,"region":0,"spans":[[0,64,"live",null,null],[64,4032,"unused",null,null]]}
//! {"is":"free","n":2,"region":0,"block":1}
//! {"is":"end","n":3}
//! ```
//!
//! * The first line says what the file is. A later version is refused, not guessed at.
//! * `n` numbers the events from 0 without a gap, so that a line that is missing or in the wrong
//!   place is noticed. A snapshot has the number of events before it.
//! * A span is its first byte, its size, its state, and label and tag or null for each.
//! * Sites and labels are numbered from 1 and said before they are used.
//! * The last line says how many events there were; a file without one was cut off.
//! * `t` is the time in nanoseconds; `thread`, `time`, `before` and `after` are left out if 0.

mod line;
mod problem;
mod read;
mod write;

pub use problem::{Problem, ReadError, Wrong};
pub use read::{Salvaged, read, salvage};
pub use write::{Writer, write};

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// What the first line says the file is.
const FORMAT: &str = "heap-view events";

#[cfg(test)]
mod tests;

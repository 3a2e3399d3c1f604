//! Decides what a compiler may do around a malloc that fails.
//!
//! C's malloc may write errno when it fails. May a compiler then forward a store over a malloc, drop an unused one, or
//! move a write of errno? That depends on what one assumes of malloc, and experts disagree in public. This crate
//! decides such questions for two small functions in LLVM's IR by enumeration: does the target refine the source? errno
//! is part of the state, and the assumption is a parameter: [`Semantics`].
//!
//! ```
//! use errno_check::{Pair, Semantics, Verdict, check};
//!
//! let pair = Pair::from_text("read-moved.ll", "
//!     declare ptr @malloc(i64)
//!     declare ptr @__errno_location()
//!
//!     define i32 @src() {
//!       %e = call ptr @__errno_location()
//!       %x = load i32, ptr %e
//!       %p = call ptr @malloc(i64 24)
//!       ret i32 %x
//!     }
//!
//!     define i32 @tgt() {
//!       %e = call ptr @__errno_location()
//!       %p = call ptr @malloc(i64 24)
//!       %x = load i32, ptr %e
//!       ret i32 %x
//!     }
//! ")?;
//! let Verdict::No(witness) = check(&pair, Semantics::Quiet).verdict else {
//!     panic!("the read of errno may not be moved behind malloc");
//! };
//! assert_eq!(witness.errno, 0);
//! assert_eq!(witness.target, "returns ENOMEM, errno ENOMEM");
//! # Ok::<(), errno_check::Refusal>(())
//! ```
//!
//! # How it decides
//!
//! Bottom up: `lex`, `parse` and `verify` read the functions and refuse every token that has no meaning here. `run` takes
//! one function through one run. What a run must know of its inputs it asks when it looks (`input`), and the checker runs
//! both sides again for each answer; so exactly the cases that can make a difference are told apart. What a call chooses
//! freely (`choice`) is enumerated too: all numbers that a program can tell apart, and one name for all others of a
//! kind. `outcome` says whether one end of a run allows another, new blocks compared up to renaming. `check` puts it
//! together: for every case, every end of the target must be an end of the source, and undefined behaviour of the source
//! allows anything.
//!
//! Arithmetic on freely chosen values is kept as formulas; where a verdict would depend on one, the answer is that it is
//! not understood. [`BOUND`] says what was enumerated.

mod check;
mod choice;
pub mod cli;
mod facts;
mod input;
mod ir;
mod lex;
mod memory;
mod outcome;
mod pair;
mod parse;
mod refusal;
mod run;
mod semantics;
mod value;
mod verify;
mod witness;

pub use check::{Answer, Verdict, check};
pub use pair::Pair;
pub use refusal::Refusal;
pub use semantics::Semantics;
pub use witness::{Step, Witness};

/// What was enumerated, and so what an `ok` means.
pub const BOUND: &str = "bound: 64-bit inputs are 0, 1, 23, 2^62, 2^63-1, 2^63 and the pair's constants; other integers \
are the pair's constants, each other and one more; memory(none) functions are functions and return; undef is no input; \
free choices of calls are complete";

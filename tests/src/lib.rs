//! A shadow oracle and a conformance suite for any allocator.
//!
//! Three lines test one:
//!
//! ```
//! # fn main() {}
//! use tests::{adapters::ViaAllocator, subject::Promises};
//! # use allocator_api2_02::alloc::Global as MyAllocator;
//! tests::conformance!(my_allocator, || ViaAllocator::new(MyAllocator, Promises::malloc()));
//! ```
//!
//! The macro makes a module of tests, one for each [`conformance::Property`]: blocks do not
//! overlap, are aligned, lie where they should; their bytes stay through every other
//! operation, and through grow, shrink and moves of their own; zeroed memory is zero; a
//! refused request changes nothing; an emptied allocator is as good as a fresh one; and
//! random programs of all operations break none of this. A failure names the rule, the
//! blocks, and both values:
//!
//! ```text
//! random_programs_break_no_rule: after alloc of 9 bytes, align 8: overlap: block #1 (9 bytes,
//! align 8, at 0x7f32a4001008) shares 1 bytes with block #0 (9 bytes, align 8, at 0x7f32a4001000)
//! smallest program found:
//!   step 0: alloc 9 bytes, align 8
//!   step 1: alloc 9 bytes, align 8
//! ```
//!
//! What is not yet an `Allocator` or a `GlobalAlloc`, or moves its blocks, implements
//! [`Subject`]: four methods, and one more for each thing it can do besides.
//!
//! From the bottom up:
//!
//! * [`violation`]: the rules, as values that say what broke them;
//! * [`shadow`]: the oracle, which knows what lives where, and works on integers alone;
//! * [`fill`]: the bytes written into each block, and how a change is found;
//! * [`edges`]: sizes and aligns where allocators go wrong;
//! * [`subject`]: what an allocator under test can do and promises;
//! * [`program`]: sequences of operations, drawn, shrunk, or decoded from a fuzzer's bytes;
//! * [`drive`]: performs operations on a subject and judges each;
//! * [`forever`](fn@forever): memory that a subject borrows for good;
//! * [`conformance`](mod@conformance): the properties;
//! * [`adapters`]: ready-made subjects;
//! * [`skip`](fn@skip): what a test says that lacks what it needs.
//!
//! The suite needs 64-bit addresses: half of `isize::MAX` must be more than can be served.
//! It drives a subject from one thread. Under AddressSanitizer, a subject that ends at malloc
//! needs `ASAN_OPTIONS=allocator_may_return_null=1`: the suite asks for the impossible.

pub mod adapters;
pub mod conformance;
pub mod drive;
pub mod edges;
pub mod fill;
mod forever;
pub mod program;
pub mod shadow;
mod skip;
pub mod subject;
pub mod violation;

pub use drive::{Answer, Driver, Watch};
pub use forever::forever;
pub use program::{Op, Program};
pub use shadow::ShadowOracle;
pub use skip::skip;
pub use subject::{Promises, Subject};
pub use violation::{Block, BlockId, Violation};

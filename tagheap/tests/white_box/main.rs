//! The white-box suite: the heap of the source, block by block, its layouts compared with drawings.
//!
//! All of it runs on a heap with a table and on one without: where blocks are is no matter of the index.

#[path = "suite.rs"]
mod links;
#[path = "suite.rs"]
#[expect(clippy::duplicate_mod, reason = "the same tests for both indexes")]
mod table;

//! The white-box suite: the heap of the source, block by block, its layouts compared with drawings.
//!
//! The numbers are those of the suite's list; number 14 repeats 11 and has no test of its own.

mod allocation;
mod checked;
mod defragmentation;
mod freeing;
mod reallocation;
mod th;

//! tagheap from outside: beside a heap that walks, under the conformance suite, and damaged on purpose.

mod memory;
mod model;
mod walker;

//! tagheap from outside: beside a heap that walks, under the conformance suite, and damaged on purpose.

mod conformance;
mod damage;
mod forged;
mod guards;
mod images;
mod memory;
mod misuse;
mod model;
mod traces;
mod walker;

//! arena-core from outside: the conformance suite, and what it does in a process of its own.

mod conformance;
mod faults;
mod forks;
mod guest;
mod own_process;
mod threads;

//! errno on this machine, beside what errno-check's model says of it.
//!
//! Each program under test is C or LLVM's IR, compiled here, and runs in a process of its own: errno, the brk and the
//! counters of the interposer belong to a process.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

mod build;
mod glibc;
mod interposer;
mod replay;

//! C and C++ programs against the library, as their authors would build them.

#![cfg(target_os = "linux")]

mod cc;
mod contract;
mod headers;
mod programs;

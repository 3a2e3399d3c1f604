#![doc = include_str!("../README.md")]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!(
    "heap-capi needs 64-bit Linux: a handle is a kind, an index and a generation in one pointer"
);

pub mod arena;
pub mod border;
pub mod failure;
pub mod heap;
pub mod lesson;
mod slots;
pub mod th;

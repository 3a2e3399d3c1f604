//! Minor page faults, as `getrusage` counts them: the one source that needs no `/proc`.

use std::mem::MaybeUninit;

/// Count the page faults that the kernel served for the calling thread without reading a disk.
///
/// Async-signal-safe on Linux: one system call, and nothing else.
#[must_use]
pub fn minor() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole rusage; the call fails only for bad arguments.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    // SAFETY: a struct of integers, zeroed, and then perhaps filled in.
    let usage = unsafe { usage.assume_init() };
    usage.ru_minflt.cast_unsigned()
}

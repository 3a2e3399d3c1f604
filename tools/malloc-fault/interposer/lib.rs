//! The library that malloc-fault loads before a program's own: it defines the malloc family, counts the calls, and lets those
//! fail that the plan names.
//!
//! `no_std`, without dependencies, and no member of the workspace: the build script compiles it apart and the command carries
//! it. It never allocates and takes no lock. Without a plan and a channel every call is two instructions and the real function.
//!
//! Small statics that are written often are put in `.data`, the large ones stay in `.bss`: a forked child, and its parent after
//! each fork, then unshare one page for all of them.

#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

mod calls;
#[path = "../src/channel.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod channel;
mod crash;
#[path = "../src/decide.rs"]
mod decide;
mod explore;
mod exports;
mod isolate;
mod leak;
mod live;
mod mappings;
#[path = "../src/plan.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod plan;
mod process;
mod processor;
mod real;
mod stacks;
mod start;
mod sys;
#[path = "../src/text.rs"]
mod text;
mod unwind;

/// Nothing here panics on purpose; if it happens, the program must not run on as if nothing had.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: `ud2` ends the process with a signal that names this place.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}

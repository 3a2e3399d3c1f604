//! Sees a process crash from within: which signal, at which address, on which stack.
//!
//! Handlers are set only once a call has failed on purpose. They write down what they see, put back what was there before, and
//! let the signal come again.

use crate::calls::{RECORD, record};
use crate::stacks;
use crate::sys::{self, sys};
use crate::unwind::{RA, Registers};
use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::{null, null_mut};
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

/// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS.
const SIGNALS: [c_int; 7] = [4, 5, 6, 7, 8, 11, 31];
const SIGTRAP: c_int = 5;
const SIGABRT: c_int = 6;
const SIGSYS: c_int = 31;
const SA_SIGINFO: u64 = 4;
const SA_RESTORER: u64 = 0x0400_0000;
const SA_ONSTACK: u64 = 0x0800_0000;
const SA_NODEFER: u64 = 0x4000_0000;

/// The kernel's `struct sigaction` on x86-64.
#[repr(C)]
#[derive(Clone, Copy)]
struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Asks for what a signal does, or says it.
///
/// # Safety
///
/// As `rt_sigaction`: each pointer is null or an action, and the new one has a handler of its form.
unsafe fn sigaction(signal: c_int, new: *const Action, old: *mut Action) {
    // SAFETY: the caller's promise.
    unsafe { sys!(sys::RT_SIGACTION, signal, new, old, size_of::<u64>()) };
}

/// Where a handler returns to, in the form that debuggers know: `mov rax, 15` and `syscall`, the end of a signal.
#[unsafe(naked)]
unsafe extern "C" fn restore() {
    naked_asm!(".byte 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05")
}

struct Before(UnsafeCell<[Action; SIGNALS.len()]>);

// SAFETY: written once, before the handlers that read it are set.
unsafe impl Sync for Before {}

#[unsafe(link_section = ".data")]
static BEFORE: Before = Before(UnsafeCell::new(
    [Action {
        handler: 0,
        flags: 0,
        restorer: 0,
        mask: 0,
    }; SIGNALS.len()],
));

#[unsafe(link_section = ".data")]
static WATCHING: AtomicBool = AtomicBool::new(false);

/// A stack for the handler: the fault may be that there is no more of the other.
struct Room(UnsafeCell<[u128; 4096]>);

// SAFETY: only the handler of one thread runs on it, and that ends the process.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; 4096]));

/// Sets the handlers, once.
pub fn watch() {
    if WATCHING.swap(true, Relaxed) {
        return;
    }
    give_stack();
    let action = Action {
        handler: handle as *const () as usize,
        flags: SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER,
        restorer: restore as *const () as usize,
        mask: 0,
    };
    for (index, signal) in SIGNALS.into_iter().enumerate() {
        let before = before(index);
        // Asked first: the handler of another thread may come at once.
        // SAFETY: asks for the action that is there, and each signal has its own place.
        unsafe { sigaction(signal, null(), before) };
        // SAFETY: the handler has the form that SA_SIGINFO asks for.
        unsafe { sigaction(signal, &raw const action, null_mut()) };
    }
}

/// Where the action is kept that a signal had before.
fn before(index: usize) -> *mut Action {
    // SAFETY: there is a place for each of the signals, and the index is one of theirs.
    unsafe { BEFORE.0.get().cast::<Action>().add(index) }
}

/// `stack_t`.
#[repr(C)]
struct AltStack {
    base: *mut c_void,
    flags: c_int,
    len: usize,
}

fn give_stack() {
    // SAFETY: all zeros are a valid value.
    let mut there: AltStack = unsafe { zeroed() };
    // SAFETY: asks for the stack that is set.
    unsafe { sys!(sys::SIGALTSTACK, 0, &raw mut there) };
    const SS_DISABLE: c_int = 2;
    if there.flags & SS_DISABLE != 0 {
        let room = AltStack {
            base: ROOM.0.get().cast(),
            flags: 0,
            len: size_of::<[u128; 4096]>(),
        };
        // SAFETY: the room stays to the end and is used for nothing else.
        unsafe { sys!(sys::SIGALTSTACK, &raw const room, 0) };
    }
}

/// Where `ucontext_t` keeps its registers, and their order: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
const CONTEXT: usize = 40;
const DWARF: [usize; 17] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, RA];

unsafe extern "C" fn handle(signal: c_int, info: *const c_int, context: *const u8) {
    if let Some(record) = record().filter(|_| !RECORD.load(Relaxed).is_null())
        && record.signal.swap(signal, Relaxed) != signal
    {
        let mut registers: Registers = [0; 17];
        for (index, register) in DWARF.iter().enumerate() {
            // SAFETY: the kernel's frame has these 17 words.
            registers[*register] = unsafe {
                context
                    .wrapping_add(CONTEXT)
                    .cast::<u64>()
                    .wrapping_add(index)
                    .read()
            };
        }
        // SAFETY: the address that faulted stands at byte 16 of `siginfo_t`.
        let address = unsafe { info.cast::<u64>().wrapping_add(2).read() };
        record.address.store(address, Relaxed);
        let stack = stacks::take_exact(registers);
        record.crash_stack.store(stack.slot, Relaxed);
    }
    let index = SIGNALS.iter().position(|watched| *watched == signal);
    // SAFETY: puts back what was there, kept for this signal by `watch`.
    unsafe { sigaction(signal, before(index.unwrap_or(0)), null_mut()) };
    // SAFETY: the first word of `siginfo_t` is the signal, the third says who sent it: above 0, the kernel for a fault.
    let code = unsafe { info.wrapping_add(2).read() };
    if matches!(signal, SIGABRT | SIGTRAP | SIGSYS) || code <= 0 {
        // A signal that was sent does not come again by itself, and a trap or a refused call is behind the program already.
        // SAFETY: no arguments but numbers.
        let thread = unsafe { sys!(sys::GETTID, 0) };
        // SAFETY: this thread, the signal it has just got.
        unsafe { sys!(sys::TGKILL, sys::pid(), thread, signal) };
    }
}

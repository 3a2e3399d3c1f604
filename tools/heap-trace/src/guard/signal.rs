//! The handler of SIGSEGV: says which block was missed, then lets the one before it go on.
//!
//! A handler may run at any point of the program. So it takes no lock, allocates nothing, and calls
//! only what POSIX lists as async-signal-safe.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};

use super::message::Message;
use super::pen::{self, Ended, Pen, Slot};

/// The action that was there before ours; written once, before ours is installed.
struct Before(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written once, before anybody reads it.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new(MaybeUninit::zeroed()));
static INSTALL: Once = Once::new();

/// Where the program is loaded, for addresses that `addr2line` understands.
static LOADED: AtomicUsize = AtomicUsize::new(0);

fn before() -> &'static libc::sigaction {
    // SAFETY: written once, before the handler is installed; until then it is zeroes.
    let before = unsafe { &*BEFORE.0.get() };
    // SAFETY: as above; zeroes are an action too.
    unsafe { before.assume_init_ref() }
}

/// Install the handler, once in the life of the process.
pub(super) fn install() {
    INSTALL.call_once(|| {
        LOADED.store(load_address(), Ordering::Relaxed);
        // SAFETY: an action of zeroes is the default one; all its fields are integers.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: asks for the action that is there.
        let asked = unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), BEFORE.0.get().cast()) };
        let before = before();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_mask = before.sa_mask;
        action.sa_flags =
            libc::SA_SIGINFO | libc::SA_ONSTACK | (before.sa_flags & libc::SA_NODEFER);
        if asked == 0 {
            // Refused, faults are still faults, but nobody names the block.
            // SAFETY: the handler keeps to what handlers may do.
            let _ = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) };
        }
    });
}

/// Ask the loader for the address that the program's own file begins at.
fn load_address() -> usize {
    unsafe extern "C" fn first(info: *mut libc::dl_phdr_info, _: usize, to: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid entry, and `to` is what was given below.
        let address = unsafe { (*info).dlpi_addr } as usize;
        // SAFETY: as above.
        unsafe { to.cast::<usize>().write(address) };
        1
    }
    let mut address = 0_usize;
    // SAFETY: the function writes one word to where it is told.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut address).cast()) };
    address
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the call gives the address of this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { errno.read() };
    // SAFETY: with SA_SIGINFO the kernel hands over a valid siginfo_t.
    let code = unsafe { (*info).si_code };
    if code > 0 {
        // SAFETY: as above.
        let info = unsafe { &*info };
        // SAFETY: sent by the kernel for a fault, so the address is filled in.
        let address = unsafe { info.si_addr() }.addr();
        if let Some(pen) = pen::find(address) {
            // SAFETY: passed on as the kernel handed it over.
            let access = unsafe { Access::of(context) };
            tell(pen, address, access);
        }
    }
    // SAFETY: as above.
    unsafe { errno.write(saved) };
    // SAFETY: passed on as the kernel handed it over.
    unsafe { go_on(signal, code, info, context) };
}

/// What was done, and by which instruction.
struct Access {
    is_write: Option<bool>,
    instruction: Option<usize>,
}

impl Access {
    /// # Safety
    ///
    /// `context` is the `ucontext_t` of a fault.
    #[cfg(target_arch = "x86_64")]
    unsafe fn of(context: *mut c_void) -> Self {
        // SAFETY: the caller's promise.
        let registers = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        // Bit 1 of the error code of a page fault: a write.
        let is_write = registers[libc::REG_ERR as usize] & 2 != 0;
        Self {
            is_write: Some(is_write),
            instruction: usize::try_from(registers[libc::REG_RIP as usize]).ok(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    unsafe fn of(_context: *mut c_void) -> Self {
        Self {
            is_write: None,
            instruction: None,
        }
    }
}

/// Say which block is nearest, and how far from it the access was.
fn tell(pen: &Pen, address: usize, access: Access) {
    let slots = pen.slots();
    let behind = slots.partition_point(|slot| slot.low <= address);
    let before = slots[..behind].last();
    let after = slots.get(behind);
    let mut message = Message::new();
    message.text("heap-trace: ");
    let verb = match access.is_write {
        Some(true) => "write",
        Some(false) => "read",
        None => "access",
    };
    match nearest(address, before, after) {
        Some((slot, Where::Inside(offset))) => {
            message.text(match slot.ended() {
                Some(Ended::Freed) => "use after free: ",
                Some(Ended::Rewound) => "use after reset: ",
                None if pen.ended.load(Ordering::Relaxed) => "use after unmap: ",
                None => "fault: ",
            });
            message
                .text(verb)
                .text(" of byte ")
                .number(offset)
                .text(" of ");
            describe(&mut message, slot);
        }
        Some((slot, Where::Behind(distance))) => {
            message
                .text("overflow: ")
                .text(verb)
                .text(" ")
                .number(distance);
            message.text(" bytes past the end of ");
            describe(&mut message, slot);
        }
        Some((slot, Where::Ahead(distance))) => {
            message
                .text("underflow: ")
                .text(verb)
                .text(" ")
                .number(distance);
            message.text(" bytes before the start of ");
            describe(&mut message, slot);
        }
        None => {
            message.text(verb).text(" of a guard page near no block");
        }
    }
    if let Some(instruction) = access.instruction {
        message.text("\n    by the instruction at program+");
        message.hex(instruction.wrapping_sub(LOADED.load(Ordering::Relaxed)));
    }
    message.text("\n").write();
}

fn describe(message: &mut Message, slot: &Slot) {
    message
        .text("block #")
        .number(slot.id as usize)
        .text(" (")
        .number(slot.size)
        .text(" bytes)");
    message.place("allocated", slot.allocated());
    let verb = match slot.ended() {
        Some(Ended::Rewound) => "given up",
        _ => "freed",
    };
    message.place(verb, slot.freed());
}

enum Where {
    Inside(usize),
    Behind(usize),
    Ahead(usize),
}

fn nearest<'a>(
    address: usize,
    before: Option<&'a Slot>,
    after: Option<&'a Slot>,
) -> Option<(&'a Slot, Where)> {
    let ahead = after.map(|slot| (slot, slot.start - address));
    let Some(slot) = before else {
        return ahead.map(|(slot, distance)| (slot, Where::Ahead(distance)));
    };
    let end = slot.start + slot.size;
    if address < slot.start {
        return Some((slot, Where::Ahead(slot.start - address)));
    }
    if address < end {
        return Some((slot, Where::Inside(address - slot.start)));
    }
    match ahead {
        Some((next, distance)) if distance < address - end => Some((next, Where::Ahead(distance))),
        _ => Some((slot, Where::Behind(address - end))),
    }
}

/// Let the handler that was there before go on, or the default, which ends the process.
///
/// # Safety
///
/// Called by the handler, with what the kernel handed over.
unsafe fn go_on(signal: c_int, code: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let before = before();
    match before.sa_sigaction {
        libc::SIG_IGN if code <= 0 => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: an action of zeroes is the default one.
            let default: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: async-signal-safe. Returning runs the instruction again, which ends the process.
            unsafe { libc::sigaction(signal, &raw const default, ptr::null_mut()) };
            if code <= 0 {
                // SAFETY: async-signal-safe. Nobody would send the signal again.
                unsafe { libc::raise(signal) };
            }
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: with this flag it is a function of this type.
            let handler = unsafe {
                std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(
                    handler,
                )
            };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without the flag it is a function of this type.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}

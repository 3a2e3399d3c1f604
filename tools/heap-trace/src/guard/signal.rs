//! The handler of SIGSEGV: says which block was missed, then lets the one before it go on.
//!
//! A handler may run at any point of the program. So it takes no lock, allocates nothing, and calls
//! only what POSIX lists as async-signal-safe.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};

use super::message::Message;
use super::naming;
use super::pen::{self, Ended, Pen, Slot};
use crate::lock::Lock;

/// An action that was there when ours was installed; written once, before ours is.
struct Before(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written once, before anybody reads it.
unsafe impl Sync for Before {}

/// How often ours is installed over another, at most.
const INSTALLS: usize = 8;

/// The actions that were there, the latest last. One comes after ours where a program (or Rust's own
/// start, which looks, allocates, and then installs) has not seen ours.
static BEFORE: [Before; INSTALLS] =
    [const { Before(UnsafeCell::new(MaybeUninit::zeroed())) }; INSTALLS];
static INSTALLED: AtomicUsize = AtomicUsize::new(0);
pub(super) static INSTALLING: Lock<()> = Lock::new(());

/// Where the program is loaded, for addresses that `addr2line` understands.
static LOADED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many handlers before ours have handed the signal on to ours again.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Install the handler, unless it is the one that is there.
pub(super) fn install() {
    let _installing = INSTALLING.take();
    let ours = on_fault as *const () as usize;
    // SAFETY: an action of zeroes is the default one; all its fields are integers.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks for the action that is there.
    let asked = unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), &raw mut action) };
    let count = INSTALLED.load(Ordering::Relaxed);
    if asked != 0 || action.sa_sigaction == ours || count == INSTALLS {
        return;
    }
    if count == 0 {
        LOADED.store(load_address(), Ordering::Relaxed);
        naming::prepare();
    }
    // SAFETY: not counted yet, so nobody reads it; and this thread is the only one that installs.
    unsafe { BEFORE[count].0.get().write(MaybeUninit::new(action)) };
    INSTALLED.store(count + 1, Ordering::Release);
    action.sa_sigaction = ours;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (action.sa_flags & libc::SA_NODEFER);
    // Refused, faults are still faults, but nobody names the block.
    // SAFETY: the handler keeps to what handlers may do.
    let _ = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) };
}

/// The action to hand the signal on to.
fn before(depth: usize) -> Option<&'static libc::sigaction> {
    let count = INSTALLED.load(Ordering::Acquire);
    let before = BEFORE.get(count.checked_sub(depth + 1)?)?;
    // SAFETY: counted, so it was written, and is not written again.
    let before = unsafe { &*before.0.get() };
    // SAFETY: as above.
    Some(unsafe { before.assume_init_ref() })
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
    // With one action before ours, which cannot know ours, nobody hands the signal back.
    let several = INSTALLED.load(Ordering::Acquire) > 1;
    let depth = if several { DEPTH.get() } else { 0 };
    if code > 0 && depth == 0 {
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
    DEPTH.set(depth + 1);
    // SAFETY: passed on as the kernel handed it over.
    unsafe { go_on(before(depth), signal, code, info, context) };
    DEPTH.set(depth);
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

/// Say which block is nearest, and how far from it the access was: by a child that may name stacks, or
/// else in the words that a handler can find by itself.
fn tell(pen: &Pen, address: usize, access: Access) {
    let slots = pen.slots();
    let behind = slots.partition_point(|slot| slot.low <= address);
    let nearest = nearest(address, slots[..behind].last(), slots.get(behind));
    let mut head = Message::new();
    head.text("heap-trace: ");
    let verb = match access.is_write {
        Some(true) => "write",
        Some(false) => "read",
        None => "access",
    };
    match nearest {
        Some((slot, Where::Inside(offset))) => {
            head.text(match slot.ended() {
                Some(Ended::Freed) => "use after free: ",
                Some(Ended::Rewound) => "use after reset: ",
                None if pen.ended.load(Ordering::Relaxed) => "use after unmap: ",
                None => "fault: ",
            });
            head.text(verb)
                .text(" of byte ")
                .number(offset)
                .text(" of ");
        }
        Some((_, Where::Behind(distance))) => {
            head.text("overflow: ")
                .text(verb)
                .text(" ")
                .number(distance);
            head.text(" bytes past the end of ");
        }
        Some((_, Where::Ahead(distance))) => {
            head.text("underflow: ")
                .text(verb)
                .text(" ")
                .number(distance);
            head.text(" bytes before the start of ");
        }
        None => {
            head.text(verb).text(" of a guard page near no block");
        }
    }
    let slot = nearest.map(|(slot, _)| slot);
    if let Some(slot) = slot {
        head.text("block #").number(slot.id as usize);
        head.text(" (").number(slot.size).text(" bytes)");
    }
    if !naming::by_a_child(&head, slot, ended_verb(slot), access.instruction) {
        describe(&mut head, slot);
        if let Some(instruction) = access.instruction {
            head.text("\n    by the instruction at program+");
            head.hex(instruction.wrapping_sub(LOADED.load(Ordering::Relaxed)));
        }
        head.text("\n").write();
    }
}

fn ended_verb(slot: Option<&Slot>) -> &'static str {
    match slot.and_then(Slot::ended) {
        Some(Ended::Rewound) => "given up",
        _ => "freed",
    }
}

fn describe(message: &mut Message, slot: Option<&Slot>) {
    let Some(slot) = slot else { return };
    message.place("allocated", slot.allocated().place);
    if slot.ended().is_some() {
        message.place(ended_verb(Some(slot)), slot.freed().place);
    }
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
unsafe fn go_on(
    before: Option<&libc::sigaction>,
    signal: c_int,
    code: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    let flags = before.map_or(0, |before| before.sa_flags);
    match before.map_or(libc::SIG_DFL, |before| before.sa_sigaction) {
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
        handler if flags & libc::SA_SIGINFO != 0 => {
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

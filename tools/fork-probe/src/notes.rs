//! Memory that a child writes its observations into, for the parent to read.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::{ptr, slice};

use arena_core::Region;
use arena_core::region::RegionError;

use crate::end::{Reason, Refusal};

/// The fixed part of the notes. Zero means: not written.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Header {
    /// Page faults during the last command that counts them.
    pub(crate) faults: AtomicU64,
    /// Nanoseconds of the first write.
    pub(crate) first_write: AtomicU64,
    /// The address of the block that the child allocated.
    pub(crate) block: AtomicUsize,
    /// What the child found there when it looked again.
    pub(crate) found: AtomicU64,
    /// The signal that stopped the child, and the details.
    signal: AtomicI32,
    code: AtomicI32,
    address: AtomicUsize,
}

/// Notes: a header, and a byte for each page observed.
#[derive(Debug)]
pub(crate) struct Notes {
    region: Region,
    pages: usize,
}

impl Notes {
    pub(crate) fn new(pages: usize) -> Result<Self, RegionError> {
        let region = Region::anonymous_shared(size_of::<Header>() + pages)?;
        Ok(Self { region, pages })
    }

    pub(crate) fn header(&self) -> &Header {
        let base = self.region.base().cast::<Header>();
        // SAFETY: page-aligned zeroes, which are a valid header, and used through this type alone.
        unsafe { base.as_ref() }
    }

    /// What the child read from each page.
    pub(crate) fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: the region is long enough for the header and the bytes after it.
        let start = unsafe { self.region.base().add(size_of::<Header>()) };
        // SAFETY: `pages` zeroes from here, used through this type alone.
        unsafe { slice::from_raw_parts(start.as_ptr().cast(), self.pages) }
    }

    /// Tell which touch stopped the child, seen from the first page observed.
    pub(crate) fn refusal(&self, start: usize, page_size: usize) -> Option<Refusal> {
        let header = self.header();
        let signal = header.signal.load(Ordering::Relaxed);
        if signal == 0 {
            return None;
        }
        let distance = header
            .address
            .load(Ordering::Relaxed)
            .wrapping_sub(start)
            .cast_signed();
        Some(Refusal {
            signal,
            page: distance.div_euclid(page_size.cast_signed()),
            reason: match header.code.load(Ordering::Relaxed) {
                SEGV_MAPERR => Reason::NotMapped,
                SEGV_ACCERR => Reason::NotAllowed,
                code => Reason::Other(code),
            },
        })
    }
}

const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;

/// Where the signal handler writes; set in a child only.
static HEADER: AtomicPtr<Header> = AtomicPtr::new(ptr::null_mut());

/// Have this process, a child, note the address of a refused touch before it dies of it.
pub(crate) fn note_refusals(notes: &Notes) {
    HEADER.store(ptr::from_ref(notes.header()).cast_mut(), Ordering::Relaxed);
    // SAFETY: a struct of integers and pointers, for which zeroes are valid.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_refusal as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the handler makes async-signal-safe calls only.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
}

/// Note the address and return: the touch is tried again, and the default action ends the process.
extern "C" fn on_refusal(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // No core file: the death is an answer, not an accident.
    // SAFETY: changes a property of this process alone.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    // SAFETY: the parent's notes, mapped as long as this child lives.
    let Some(header) = (unsafe { HEADER.load(Ordering::Relaxed).as_ref() }) else {
        return;
    };
    // SAFETY: the kernel hands a handler with SA_SIGINFO a valid pointer.
    let info = unsafe { &*info };
    // SAFETY: a fault has an address.
    let address = unsafe { info.si_addr() };
    header.address.store(address.addr(), Ordering::Relaxed);
    header.code.store(info.si_code, Ordering::Relaxed);
    header.signal.store(signal, Ordering::Relaxed);
}

/// Read a clock that never goes back, in nanoseconds. Async-signal-safe.
pub(crate) fn nanoseconds() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// What went wrong before anything could be observed.
pub(crate) fn os_error(error: nix::errno::Errno) -> io::Error {
    io::Error::from(error)
}

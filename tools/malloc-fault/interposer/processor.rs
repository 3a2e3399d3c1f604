//! Keeps a forked child on its parent's processor while the parent only waits for it.
//!
//! The kernel likes to start a new process on another, idle processor, and to wake its parent there again: on a virtual machine
//! each is an interrupt that costs about as much as the fork. So the parent allows itself one processor before it forks, the
//! child takes back what was allowed before it does anything else, and the parent does so when it has waited. Signals are held
//! off meanwhile: no handler of the program's sees another set of processors than the program's own.

use crate::sys::{self, sys};
use core::mem::MaybeUninit;

const SIG_SETMASK: usize = 2;
const SIGSET_LEN: usize = 8;

/// Room for 1024 processors. Where there are more, children run where the kernel puts them.
type Set = [u64; 16];

/// What was allowed before.
pub struct Narrowed {
    set: MaybeUninit<Set>,
    set_len: usize,
    signals: u64,
}

/// Allows this thread the processor that it runs on. `None`, and nothing has changed, if that is refused.
pub fn narrow() -> Option<Narrowed> {
    let mut before = Narrowed {
        set: MaybeUninit::uninit(),
        set_len: 0,
        signals: 0,
    };
    let room = size_of::<Set>();
    // SAFETY: the kernel writes no more than the set's bytes, and says how many.
    let len = unsafe { sys!(sys::SCHED_GETAFFINITY, 0, room, before.set.as_mut_ptr()) };
    before.set_len = usize::try_from(len).ok()?;
    let mut here = 0_u32;
    // SAFETY: the kernel writes one word.
    unsafe { sys!(sys::GETCPU, &raw mut here, 0, 0) };
    let (word, bit) = (here as usize / 64, here % 64);
    let mut one: Set = [0; 16];
    *one.get_mut(word)? = 1 << bit;
    let all = u64::MAX;
    // SAFETY: the kernel reads one set of signals and writes one.
    unsafe {
        sys!(
            sys::RT_SIGPROCMASK,
            SIG_SETMASK,
            &raw const all,
            &raw mut before.signals,
            SIGSET_LEN
        )
    };
    // SAFETY: the kernel reads the set.
    let result = unsafe { sys!(sys::SCHED_SETAFFINITY, 0, size_of_val(&one), one.as_ptr()) };
    if result < 0 {
        before.allow_signals();
        return None;
    }
    Some(before)
}

impl Narrowed {
    /// Allows again what was allowed before.
    pub fn widen(&self) {
        // SAFETY: the kernel reads the bytes that it has written.
        unsafe { sys!(sys::SCHED_SETAFFINITY, 0, self.set_len, self.set.as_ptr()) };
        self.allow_signals();
    }

    fn allow_signals(&self) {
        // SAFETY: the kernel reads one set.
        unsafe {
            sys!(
                sys::RT_SIGPROCMASK,
                SIG_SETMASK,
                &raw const self.signals,
                0,
                SIGSET_LEN
            )
        };
    }
}

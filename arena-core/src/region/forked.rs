//! What a region's forked children have been advised to find.

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::Advice;

/// Fork advice in force on some or all of a region.
#[derive(Debug)]
pub(super) struct ForkAdvice {
    /// The process that gave it, and keeps its bytes; 0 if none was given.
    given_in: AtomicI32,
    /// Whether children do not get the range at all (`MADV_DONTFORK`).
    absent: AtomicBool,
    /// Whether children find zeroes (`MADV_WIPEONFORK`).
    wiped: AtomicBool,
}

impl ForkAdvice {
    pub(super) const fn none() -> Self {
        Self {
            given_in: AtomicI32::new(0),
            absent: AtomicBool::new(false),
            wiped: AtomicBool::new(false),
        }
    }

    /// Remember advice that the kernel has taken. What concerns a part stands for the whole; what
    /// undoes it counts only if it concerns the whole. In a child that has lost bytes, none brings them
    /// back.
    pub(super) fn note(&self, advice: Advice, whole: bool) {
        if self.has_taken_bytes() {
            return;
        }
        match advice {
            Advice::DontFork => self.absent.store(true, Ordering::Relaxed),
            Advice::DoFork if whole => self.absent.store(false, Ordering::Relaxed),
            Advice::WipeOnFork => self.wiped.store(true, Ordering::Relaxed),
            Advice::KeepOnFork if whole => self.wiped.store(false, Ordering::Relaxed),
            _ => return,
        }
        let given = self.absent.load(Ordering::Relaxed) || self.wiped.load(Ordering::Relaxed);
        self.given_in
            .store(if given { this_process() } else { 0 }, Ordering::Relaxed);
    }

    pub(super) fn is_given(&self) -> bool {
        self.given_in.load(Ordering::Relaxed) != 0
    }

    /// Tell whether this process is a forked child, and has other bytes than its parent or none.
    pub(super) fn has_taken_bytes(&self) -> bool {
        let given_in = self.given_in.load(Ordering::Relaxed);
        given_in != 0 && given_in != this_process()
    }

    /// Tell whether this process is a forked child that was not given the range.
    pub(super) fn is_absent(&self) -> bool {
        self.absent.load(Ordering::Relaxed) && self.has_taken_bytes()
    }
}

fn this_process() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

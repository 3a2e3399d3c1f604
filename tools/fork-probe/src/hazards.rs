//! What goes wrong around a fork, shown, and what cures it.

mod amplification;
mod bump;
mod destructors;
mod lock;

use std::ptr;
use std::sync::atomic::Ordering;

use crate::child::Child;
use crate::end::{End, Silence};
use crate::error::ProbeError;
use crate::generation::{Generation, Mechanisms};
use crate::notes::{Notes, os_error};
use crate::probe::ForkProbe;

pub use amplification::{Amplification, Copies};
pub use bump::{BothBump, Sharing};
pub use destructors::{Cleanup, InChild};
pub use lock::HeldLock;

/// All hazards, as this machine shows them.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Hazards {
    /// Both sides allocate from one inherited arena.
    pub both_bump: Vec<BothBump>,
    /// A lock that another thread held at the fork.
    pub held_lock: HeldLock,
    /// A destructor that runs in the child.
    pub destructors: Vec<InChild>,
    /// One byte written in every page.
    pub amplification: Amplification,
    /// Which mechanism notices which kind of child.
    pub noticed: Vec<Noticed>,
}

/// Whether a generation number changed in a child.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Noticed {
    /// What was looked at.
    pub mechanisms: Mechanisms,
    /// By the C library's `fork`.
    pub by_fork: bool,
    /// By a system call of the program's own.
    pub by_clone: bool,
}

impl ForkProbe<'_> {
    /// Demonstrate the hazards, each with its cure.
    ///
    /// # Errors
    ///
    /// The kernel refuses memory or a child, a child did not come to its end, or the caller asked to stop.
    pub fn hazards(&self) -> Result<Hazards, ProbeError> {
        Ok(Hazards {
            both_bump: bump::show(self)?,
            held_lock: lock::show(self)?,
            destructors: destructors::show(self)?,
            amplification: amplification::show(self)?,
            noticed: self.noticed()?,
        })
    }

    /// Have a child do one thing and write down a number; return it.
    ///
    /// # Safety
    ///
    /// As [`Child::fork`].
    unsafe fn ask(&self, mut act: impl FnMut() -> u64) -> Result<u64, ProbeError> {
        let notes = Notes::new(1)?;
        let found = &notes.header().found;
        // SAFETY: the caller's promise; the rest is a store to shared memory.
        let child = unsafe { self.fork(&mut |_| found.store(act(), Ordering::Relaxed)) };
        let mut child = child?;
        tell(&mut child, b'g')?;
        ended(child)?;
        Ok(found.load(Ordering::Relaxed))
    }

    /// Fork, with the patience of this probe.
    ///
    /// # Safety
    ///
    /// As [`Child::fork`].
    unsafe fn fork(&self, serve: &mut dyn FnMut(u8)) -> Result<Child<'_>, ProbeError> {
        // SAFETY: the caller's promise.
        unsafe { Child::fork(self.patience(), serve) }.map_err(|error| ProbeError::Os {
            doing: "forking",
            source: os_error(error),
        })
    }

    fn noticed(&self) -> Result<Vec<Noticed>, ProbeError> {
        let page = Mechanisms {
            fork_handler: false,
            ..Mechanisms::BOTH
        };
        let handler = Mechanisms {
            wiped_page: false,
            ..Mechanisms::BOTH
        };
        [page, handler, Mechanisms::BOTH]
            .into_iter()
            .filter_map(|wanted| {
                let generation = Generation::with(wanted).ok()?;
                Some(self.noticed_by(&generation))
            })
            .collect()
    }

    fn noticed_by(&self, generation: &Generation) -> Result<Noticed, ProbeError> {
        let before = generation.current();
        // SAFETY: loads and stores of atomics.
        let by_fork = unsafe { self.ask(|| u64::from(generation.current() != before)) }?;
        Ok(Noticed {
            mechanisms: generation.mechanisms(),
            by_fork: by_fork == 1,
            by_clone: cloned(|| generation.current() != before)?,
        })
    }
}

fn tell(child: &mut Child<'_>, command: u8) -> Result<(), ProbeError> {
    child.tell(command).map_err(|silence| match silence {
        Silence::Ended(end) => ProbeError::Child { end },
        Silence::Interrupted => ProbeError::Interrupted,
    })
}

fn ended(child: Child<'_>) -> Result<(), ProbeError> {
    match child.end() {
        End::Exited { code: 0 } => Ok(()),
        end => Err(ProbeError::Child { end }),
    }
}

/// Ask a question in a child that was made behind the C library's back.
fn cloned(question: impl FnOnce() -> bool) -> Result<bool, ProbeError> {
    let nothing = ptr::null_mut::<libc::c_void>();
    // SAFETY: as fork(2): SIGCHLD, no stack and no flags; the child answers by its status, at once.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            libc::SIGCHLD,
            nothing,
            nothing,
            nothing,
            nothing,
        )
    };
    if pid == 0 {
        let answer = question();
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(answer)) };
    }
    let pid = i32::try_from(pid).ok().filter(|&pid| pid > 0);
    let pid = pid.ok_or_else(|| ProbeError::Os {
        doing: "cloning",
        source: std::io::Error::last_os_error(),
    })?;
    match nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None) {
        Ok(nix::sys::wait::WaitStatus::Exited(_, answer)) => Ok(answer == 1),
        Ok(_) | Err(_) => Err(ProbeError::Child { end: End::Lost }),
    }
}

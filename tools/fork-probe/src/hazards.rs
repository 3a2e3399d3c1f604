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

/// All hazards, as this machine shows them. What is empty could not be shown, and `unseen` says why.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Hazards {
    /// Both sides allocate from one inherited arena.
    pub both_bump: Vec<BothBump>,
    /// A lock that another thread held at the fork.
    pub held_lock: Option<HeldLock>,
    /// A destructor that runs in the child.
    pub destructors: Vec<InChild>,
    /// One byte written in every page.
    pub amplification: Option<Amplification>,
    /// Which mechanism notices which kind of child.
    pub noticed: Vec<Noticed>,
    /// What could not be shown, and why.
    pub unseen: Vec<String>,
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
    /// One that cannot be shown, because the kernel refuses memory, an advice or a child, does not keep
    /// the others from it.
    #[must_use]
    pub fn hazards(&self) -> Hazards {
        let mut unseen = Vec::new();
        let mut note = |what: &str, error: &ProbeError| unseen.push(format!("{what}: {error}"));
        Hazards {
            both_bump: shown(&mut note, "both allocate", bump::show(self)).unwrap_or_default(),
            held_lock: shown(&mut note, "a held lock", lock::show(self)),
            destructors: Cleanup::ALL
                .into_iter()
                .filter_map(|cleanup| {
                    shown(&mut note, "a destructor", destructors::show(self, cleanup))
                })
                .collect(),
            amplification: shown(&mut note, "amplification", amplification::show(self)),
            noticed: self.generations(&mut note),
            unseen,
        }
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

    fn generations(&self, note: &mut impl FnMut(&str, &ProbeError)) -> Vec<Noticed> {
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
                let seen = Generation::with(wanted).and_then(|it| self.noticed_by(&it));
                shown(note, "a generation number", seen)
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

fn shown<T>(
    note: &mut impl FnMut(&str, &ProbeError),
    what: &str,
    result: Result<T, ProbeError>,
) -> Option<T> {
    result.map_err(|error| note(what, &error)).ok()
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
    loop {
        match nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Ok(nix::sys::wait::WaitStatus::Exited(_, answer)) => return Ok(answer == 1),
            // An interrupt is for the caller; the child answers at once, and is to be reaped.
            Err(nix::errno::Errno::EINTR) => {}
            Ok(_) | Err(_) => return Err(ProbeError::Child { end: End::Lost }),
        }
    }
}

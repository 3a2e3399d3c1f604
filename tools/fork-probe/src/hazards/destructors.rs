//! A destructor that runs in the child reaches what the parent owns.

use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;

use arena_core::policy::Fork;
use arena_core::{Arena, Policy};

use crate::error::ProbeError;
use crate::probe::ForkProbe;

/// What the child does with the arena it inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Cleanup {
    /// It drops a copy of it.
    DropsCopy,
    /// It drops one that was wiped at the fork.
    DropsWiped,
    /// It drops one that it was not given.
    DropsAbsent,
    /// It leaves by `_exit`, and drops nothing.
    Exits,
}

/// What became of a file that a value in the arena unlinks when it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct InChild {
    /// What the child did.
    pub cleanup: Cleanup,
    /// Whether the parent's file was still there.
    pub file_survived: bool,
}

/// Owns a file: unlinks it when dropped, with a single system call.
struct Scratch(ManuallyDrop<CString>);

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: a terminated string. It is not freed, for a child may not.
        unsafe { libc::unlink(self.0.as_ptr()) };
    }
}

impl Cleanup {
    /// All of them, the worst first.
    pub const ALL: [Cleanup; 4] = [
        Cleanup::DropsCopy,
        Cleanup::DropsWiped,
        Cleanup::DropsAbsent,
        Cleanup::Exits,
    ];
}

pub(super) fn show(probe: &ForkProbe<'_>, cleanup: Cleanup) -> Result<InChild, ProbeError> {
    let fork = match cleanup {
        Cleanup::DropsCopy | Cleanup::Exits => Fork::Copy,
        Cleanup::DropsWiped => Fork::Wipe,
        Cleanup::DropsAbsent => Fork::Absent,
    };
    let directory = tempfile::tempdir().map_err(|source| ProbeError::Os {
        doing: "making a scratch directory",
        source,
    })?;
    let file = directory.path().join("owned");
    let os = |source| ProbeError::Os {
        doing: "making a scratch file",
        source,
    };
    std::fs::write(&file, "the parent's").map_err(os)?;
    let path = CString::new(file.as_os_str().as_bytes()).map_err(|_| ProbeError::Pages)?;
    let policy = Policy::new().reserve(1 << 16).fork(fork);
    let mut arena: Arena = policy.build().map_err(ProbeError::Arena)?;
    arena.alloc_drop(Scratch(ManuallyDrop::new(path)));
    let act = || {
        if cleanup != Cleanup::Exits {
            // What drop would do, but for giving memory to malloc, which a child must not touch.
            arena.reset();
        }
        1
    };
    // SAFETY: resetting an arena runs the one destructor, which unlinks a file, and moves an offset.
    unsafe { probe.ask(act) }?;
    let file_survived = file.exists();
    drop(arena);
    Ok(InChild {
        cleanup,
        file_survived,
    })
}

//! A destructor that runs in the child reaches what the parent owns.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// The kernel takes no longer path, its end included.
const PATH_LEN: usize = libc::PATH_MAX as usize;

/// Owns a file: unlinks it when dropped, with a single system call. The path has no memory of malloc, which
/// a child may not free.
struct Scratch([u8; PATH_LEN]);

impl Scratch {
    /// Own the file of this path; none if it is too long for one.
    fn new(file: &Path) -> Option<Self> {
        let mut path = [0; PATH_LEN];
        let bytes = file.as_os_str().as_bytes();
        path[..PATH_LEN - 1]
            .get_mut(..bytes.len())?
            .copy_from_slice(bytes);
        Some(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: terminated, at its last byte at the latest.
        unsafe { libc::unlink(self.0.as_ptr().cast()) };
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
    let scratch = Scratch::new(&file).ok_or_else(|| os(io::ErrorKind::InvalidFilename.into()))?;
    let policy = Policy::new().reserve(1 << 16).fork(fork);
    let mut arena: Arena = policy.build().map_err(ProbeError::Arena)?;
    arena.alloc_drop(scratch);
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

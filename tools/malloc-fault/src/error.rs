//! What keeps a program from being run under malloc-fault.

use crate::plan::PlanError;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a program was not run, or not judged.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The plan makes no sense.
    Plan(PlanError),
    /// No file of this name can be executed.
    NotFound(PathBuf),
    /// It is no program for this system.
    NotElf(PathBuf),
    /// It is linked statically: there is no loader that would load the interposer.
    Static(PathBuf),
    /// It runs as another user than the one that starts it, and the loader ignores preloads then.
    SetId(PathBuf),
    /// It is built with a sanitizer, which brings its own malloc.
    Sanitized(PathBuf),
    /// It defines its own malloc, which comes before any other.
    OwnMalloc(PathBuf),
    /// It ran, and the interposer did not start in it.
    NotLoaded(PathBuf),
    /// It did not end within the time limit without any failure.
    Endless(PathBuf, u64),
    /// Something about the request itself.
    Refused(String),
    /// A system call failed.
    Io(&'static str, io::Error),
    /// The interposer exists for Linux on x86-64 with glibc.
    Unsupported,
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io(what, error)
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |error| Self::Io(what, error.into())
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::NotFound(path) => write!(f, "{}: no such program", path.display()),
            Self::NotElf(path) => {
                write!(f, "{}: not an ELF program of this machine", path.display())
            }
            Self::Static(path) => write!(
                f,
                "{}: statically linked, so no library can be loaded before its malloc; link it dynamically",
                path.display()
            ),
            Self::SetId(path) => write!(
                f,
                "{}: set-uid or set-gid, so the loader ignores preloads; run a copy without these bits",
                path.display()
            ),
            Self::Sanitized(path) => write!(
                f,
                "{}: built with a sanitizer, which brings its own malloc; build it without",
                path.display()
            ),
            Self::OwnMalloc(path) => write!(
                f,
                "{}: defines its own malloc, which no preload replaces; build it without",
                path.display()
            ),
            Self::NotLoaded(path) => write!(
                f,
                "{}: the interposer was not started in it; is the program's loader of another kind, or /proc closed to it?",
                path.display()
            ),
            Self::Endless(path, seconds) => write!(
                f,
                "{}: did not end within {seconds} s without any failure, so failures cannot be judged; give an input that \
                 ends, or a larger --timeout",
                path.display()
            ),
            Self::Refused(why) => f.write_str(why),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
            Self::Unsupported => f.write_str(
                "needs Linux on x86-64 with glibc: the interposer is built for nothing else",
            ),
        }
    }
}

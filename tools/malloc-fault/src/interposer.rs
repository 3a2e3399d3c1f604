//! The shared library that the build script compiled, as a file for the loader.

use crate::error::Error;
use crate::shared::Handed;
use std::path::Path;
use std::process;

/// The library's bytes.
#[cfg(interposer)]
pub(crate) const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libmalloc_fault.so"));

/// There is none for this system.
#[cfg(not(interposer))]
pub(crate) const LIBRARY: &[u8] = &[];

const NAME: &str = "malloc-fault-interposer";

/// Whether a module of a program that this process started is the library.
pub(crate) fn is_its_path(path: &Path) -> bool {
    let file = path.file_name().unwrap_or_default();
    path.starts_with(format!("/proc/{}/fd", process::id()))
        || file.to_string_lossy().starts_with(NAME)
}

/// The library in a file of its own.
pub(crate) fn file() -> Result<Handed, Error> {
    if LIBRARY.is_empty() {
        return Err(Error::Unsupported);
    }
    let handed = Handed::new(NAME)?;
    let mut rest = LIBRARY;
    while !rest.is_empty() {
        let len = rustix::io::write(&handed.file, rest)
            .map_err(Error::system("writing the interposer"))?;
        rest = &rest[len..];
    }
    Ok(handed)
}

//! The shared library that the build script compiled, as a file for the loader.

use crate::error::Error;
use crate::shared::Handed;

/// The library's bytes.
#[cfg(interposer)]
pub(crate) const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libmalloc_fault.so"));

/// There is none for this system.
#[cfg(not(interposer))]
pub(crate) const LIBRARY: &[u8] = &[];

/// The library in a file of its own.
pub(crate) fn file() -> Result<Handed, Error> {
    if LIBRARY.is_empty() {
        return Err(Error::Unsupported);
    }
    let handed = Handed::new("malloc-fault-interposer")?;
    let mut rest = LIBRARY;
    while !rest.is_empty() {
        let len = rustix::io::write(&handed.file, rest)
            .map_err(Error::system("writing the interposer"))?;
        rest = &rest[len..];
    }
    Ok(handed)
}

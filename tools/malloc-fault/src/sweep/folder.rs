//! Folders and files that runs must not share.

use crate::error::Error;
use std::fs::{self, File};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use tempfile::TempDir;

/// A folder for thousands of small files that live for milliseconds: in memory where there is room, for disks are slow to give
/// the same inode out again.
pub(crate) fn for_output() -> Result<TempDir, Error> {
    const MEMORY: &str = "/dev/shm";
    const ROOM: u64 = 256 << 20;
    let room = rustix::fs::statvfs(MEMORY).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    let mut builder = tempfile::Builder::new();
    builder.prefix("malloc-fault");
    if room > ROOM
        && let Ok(folder) = builder.tempdir_in(MEMORY)
    {
        return Ok(folder);
    }
    builder
        .tempdir()
        .map_err(Error::io("making a folder for output"))
}

/// A copy of a folder that is removed in the end.
pub(crate) fn copy(from: &Path) -> Result<TempDir, Error> {
    let to = tempfile::Builder::new()
        .prefix("malloc-fault-scratch")
        .tempdir()
        .map_err(Error::io("making a scratch folder"))?;
    copy_into(from, to.path()).map_err(Error::io("copying the scratch folder"))?;
    Ok(to)
}

fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    for row in fs::read_dir(from)? {
        let row = row?;
        let target = to.join(row.file_name());
        let kind = row.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy_into(&row.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(row.path())?, &target)?;
        } else {
            fs::copy(row.path(), &target)?;
        }
    }
    Ok(())
}

/// Opens a file once more, to be read from its start: another descriptor would share the position.
pub(crate) fn open_anew(file: &OwnedFd) -> Result<OwnedFd, Error> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let file = File::open(path).map_err(Error::io("opening the input"))?;
    Ok(file.into())
}

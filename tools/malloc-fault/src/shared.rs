//! The command's side of the channel: made here, mapped by the program too, read at any time.

use crate::channel::{Channel, MAGIC, MODULES};
use crate::error::Error;
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Deref;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process;
use std::sync::atomic::Ordering::Relaxed;
use tempfile::TempPath;

/// A channel, and the file behind it.
#[derive(Debug)]
pub(crate) struct Shared {
    map: MmapRaw,
    file: Handed,
}

impl Shared {
    /// Makes an empty channel. Its file is sparse: only what is written takes memory.
    pub(crate) fn new() -> Result<Self, Error> {
        let file = Handed::new("malloc-fault-channel")?;
        let len = size_of::<Channel>();
        ftruncate(&file.file, len as u64).map_err(Error::system("ftruncate of the channel"))?;
        let map = MmapOptions::new()
            .len(len)
            .map_raw(&file.file)
            .map_err(Error::io("mapping the channel"))?;
        let shared = Self { map, file };
        shared.header.magic.store(MAGIC, Relaxed);
        Ok(shared)
    }

    /// Takes over what a run has left in another channel, before this one's program starts: modules, stacks, rules.
    pub(crate) fn warm_up(&self, from: &Self) {
        let modules = from.header.modules.load(Relaxed).min(MODULES as u32);
        self.header.modules.store(modules, Relaxed);
        for (to, from) in self.modules.iter().zip(&from.modules[..modules as usize]) {
            copy(from, to);
        }
        for met in &from.learned.met {
            let slot = met.load(Relaxed) & 0xffff;
            if met.load(Relaxed) != 0 {
                copy(&from.stacks[slot as usize], &self.stacks[slot as usize]);
            }
        }
        copy(&from.learned, &self.learned);
    }

    /// Where another process of the same user finds it.
    pub(crate) fn path(&self) -> &str {
        &self.file.path
    }
}

impl Deref for Shared {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        // SAFETY: the mapping has this size and lives as long as `self`; all fields are atomic integers, for which any bytes are
        // valid, and nobody but the two sides of this channel knows the file.
        unsafe { &*self.map.as_ptr().cast::<Channel>() }
    }
}

/// Copies a part of a channel. Both consist of atomic integers alone.
fn copy<T>(from: &T, to: &T) {
    let to = std::ptr::from_ref(to).cast_mut();
    // SAFETY: both lie in channels, whose memory is writable and whose every byte pattern is valid; the one's program has ended,
    // the other's has not been started.
    unsafe { std::ptr::copy_nonoverlapping(from, to, 1) };
}

/// A file in memory, closed with the last process that holds it.
pub(crate) fn memory_file(name: &str) -> Result<OwnedFd, Error> {
    memfd_create(name, MemfdFlags::CLOEXEC).map_err(Error::system("memfd_create"))
}

/// A file that another process of the same user opens by its path.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) file: OwnedFd,
    pub(crate) path: String,
    /// The name to remove in the end, where there is one.
    _name: Option<TempPath>,
}

impl Handed {
    /// A file in memory, reached through this process's descriptor: nothing is left behind, and no folder must allow that files
    /// in it are executed. Without `/proc` a file in the folder for such.
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let file = memory_file(name)?;
        let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
        if Path::new(&path).exists() {
            return Ok(Self {
                file,
                path,
                _name: None,
            });
        }
        let temporary = tempfile::Builder::new().prefix(name).tempfile();
        let (file, name) = temporary
            .map_err(Error::io("making a temporary file"))?
            .into_parts();
        Ok(Self {
            file: file.into(),
            path: name.to_string_lossy().into_owned(),
            _name: Some(name),
        })
    }
}

/// All that was written to a file that is open here.
pub(crate) fn contents(file: &OwnedFd) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let copy = file.try_clone().map_err(Error::io("reading output"))?;
    let mut file = File::from(copy);
    file.seek(SeekFrom::Start(0))
        .map_err(Error::io("reading output"))?;
    file.read_to_end(&mut bytes)
        .map_err(Error::io("reading output"))?;
    Ok(bytes)
}

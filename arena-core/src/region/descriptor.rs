//! Regions behind descriptors: memfds and files, shared, private, or sealed against writing.

use std::fs::File;

use super::{Backing, Cause, Operation, Region, RegionError, os, rounded};

impl Region {
    /// `memfd_create` and `mmap(MAP_SHARED)`: take shared memory that has a descriptor.
    ///
    /// The memory is sealed against growing and shrinking, so that nobody can truncate it under
    /// the mapping. `name` shows in `/proc/self/maps`.
    ///
    /// # Errors
    ///
    /// As [`Region::anonymous`]; also no free descriptor, or a name that holds a NUL byte or more
    /// than 249 bytes.
    pub fn memfd(name: &str, len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::Memfd)?;
        let file = os::memfd(name, len, Backing::Memfd)?;
        let mapping = os::map_file(&file, len, Backing::Memfd)?;
        Self::new(mapping, Backing::Memfd, Some(file))
    }

    /// `mmap(MAP_SHARED)` of a file: take memory whose bytes outlive the process.
    ///
    /// A file shorter than `len`, rounded up to whole OS pages, is extended with zeroes; a longer
    /// one keeps its tail, unmapped. The file must be open for reading and writing.
    ///
    /// # Errors
    ///
    /// `len` is 0 or too large, the file cannot be extended or mapped.
    ///
    /// # Safety
    ///
    /// For as long as the region or anything made from it is in use, nobody writes to the file
    /// except through this region, and nobody makes it shorter: not this process through another
    /// descriptor or mapping, and no other process. A write would change bytes behind a reference;
    /// a truncated file turns the next touch into SIGBUS. So does a disk that is full when a page is
    /// touched for the first time: the file is extended, not filled. ([`Region::populate`] finds
    /// that out without the signal.)
    pub unsafe fn file(file: File, len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::File)?;
        os::extend(&file, len)?;
        let mapping = os::map_file(&file, len, Backing::File)?;
        Self::new(mapping, Backing::File, Some(file))
    }

    /// `memfd_create` and `mmap(MAP_PRIVATE)`: take a private copy of an empty memfd.
    ///
    /// What is written stays in this process, page by page; the memfd keeps its zeroes. It is sealed
    /// as [`Region::memfd`] says.
    ///
    /// # Errors
    ///
    /// As [`Region::memfd`].
    pub fn memfd_private(name: &str, len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::MemfdPrivate)?;
        let file = os::memfd(name, len, Backing::MemfdPrivate)?;
        let mapping = os::map_file_private(&file, len, Backing::MemfdPrivate)?;
        Self::new(mapping, Backing::MemfdPrivate, Some(file))
    }

    /// `mmap(MAP_PRIVATE)` of a file: take a private copy of its bytes.
    ///
    /// A page is copied at the first write; the file never sees it. A file shorter than `len`, rounded
    /// up to whole OS pages, is extended with zeroes, for which it must be open for writing.
    ///
    /// # Errors
    ///
    /// `len` is 0 or too large, the file cannot be extended or mapped.
    ///
    /// # Safety
    ///
    /// As [`Region::file`]: a page that was not written yet shows what the file says now, so nobody
    /// writes to the file, nor makes it shorter, for as long as the region is in use.
    pub unsafe fn file_private(file: File, len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::FilePrivate)?;
        os::extend(&file, len)?;
        let mapping = os::map_file_private(&file, len, Backing::FilePrivate)?;
        Self::new(mapping, Backing::FilePrivate, Some(file))
    }

    /// Unmap a memfd, seal it against writing (`F_SEAL_WRITE`), and map it again, read-only.
    ///
    /// Nobody can write these bytes any more, in this process or another; `mprotect` is refused too.
    /// The address may be another one. No arena can be built over it.
    ///
    /// ```
    /// use arena_core::region::{Region, page_size};
    ///
    /// let region = Region::memfd("table", page_size())?;
    /// // SAFETY: the first byte of a region that nobody else uses.
    /// unsafe { region.base().write(7) };
    /// let sealed = region.sealed()?;
    /// // SAFETY: as above, and it is readable.
    /// assert_eq!(unsafe { sealed.base().read() }, 7);
    /// assert!(sealed.commit(0..page_size()).is_err());
    /// # Ok::<(), arena_core::region::RegionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The region is not a shared memfd, another mapping of it can write (`EBUSY`), or the kernel
    /// does not map sealed memory (`EPERM`, before Linux 6.7). The region is gone then.
    pub fn sealed(mut self) -> Result<Self, RegionError> {
        let (len, backing) = (self.len, self.backing);
        let Some(file) = self.file.take().filter(|_| backing == Backing::Memfd) else {
            let cause = Cause::Unsupported("only a shared memfd can be sealed against writing");
            return Err(RegionError::new(Operation::Seal, len, backing, cause));
        };
        drop(self);
        os::seal(&file, len)?;
        let mapping = os::map_file_read_only(&file, len)?;
        let mut region = Self::new(mapping, backing, Some(file))?;
        region.sealed = true;
        Ok(region)
    }
}

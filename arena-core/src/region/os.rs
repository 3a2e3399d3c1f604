//! The kernel calls, one function each: memmap2 where it has the call, rustix for the rest, libc
//! where neither has it.
//!
//! Preconditions, for all: lengths are whole pages and not 0, except that the verbs on an existing
//! range accept length 0 and do nothing; addresses are page aligned. The `unsafe` functions take
//! a range that lies within one of our own mappings.

use core::ptr::{self, NonNull};
use std::fs::File;
use std::io;
use std::sync::OnceLock;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{self, MapFlags, MprotectFlags, MremapFlags, ProtFlags};

use super::mapping::Mapping;
use super::room::from_file;
use super::{Access, Advice, Backing, Cause, GuardKind, Operation, RegionError};

/// `madvise` advice of Linux 6.13 and later, which libc does not name yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;
/// `madvise` advice of Linux 6.1 and later, which rustix does not name yet, nor libc everywhere.
const MADV_COLLAPSE: libc::c_int = 25;

/// Ask for the size of an OS page, in bytes.
pub fn page_size() -> usize {
    // Not rustix's: it looks for the number in the vDSO, which valgrind hides, and crashes there.
    // SAFETY: asks for a constant of the process.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).expect("every Linux has a page size")
}

/// Tell whether the system backs memory with huge pages that nobody asked for.
pub(crate) fn huge_pages_unasked() -> bool {
    static UNASKED: OnceLock<bool> = OnceLock::new();
    *UNASKED.get_or_init(|| {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled";
        from_file(path, |modes| Some(modes.contains("[always]"))).unwrap_or(false)
    })
}

type Done<T> = Result<T, RegionError>;

/// Let a test make this call fail; otherwise do it.
fn attempt<T>(
    operation: Operation,
    len: usize,
    backing: Backing,
    call: impl FnOnce() -> Result<T, i32>,
) -> Done<T> {
    #[cfg(any(test, feature = "failure-hook"))]
    if let Some(errno) = super::failure::due(operation) {
        return Err(RegionError::new(operation, len, backing, Cause::Os(errno)));
    }
    call().map_err(|errno| RegionError::new(operation, len, backing, Cause::Os(errno)))
}

fn from_io(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

/// `mmap`: private anonymous, readable and writable, without swap reservation.
pub(super) fn map_anonymous(len: usize) -> Done<Mapping> {
    attempt(Operation::Map, len, Backing::Anonymous, || {
        let map = MmapOptions::new()
            .len(len)
            .no_reserve_swap()
            .map_anon()
            .map_err(from_io)?;
        Ok(Mapping::Memmap(MmapRaw::from(map)))
    })
}

/// `mmap`: shared anonymous, readable and writable.
pub(super) fn map_anonymous_shared(len: usize) -> Done<Mapping> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    map_range(
        len,
        access,
        MapFlags::SHARED | MapFlags::NORESERVE,
        Backing::AnonymousShared,
    )
}

/// `mmap`: private anonymous, inaccessible.
pub(super) fn reserve(len: usize) -> Done<Mapping> {
    map_range(
        len,
        ProtFlags::empty(),
        MapFlags::PRIVATE | MapFlags::NORESERVE,
        Backing::Anonymous,
    )
}

fn map_range(len: usize, access: ProtFlags, flags: MapFlags, backing: Backing) -> Done<Mapping> {
    attempt(Operation::Map, len, backing, || {
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let at = unsafe { mm::mmap_anonymous(ptr::null_mut(), len, access, flags) };
        range(at, len)
    })
}

fn range(at: Result<*mut core::ffi::c_void, Errno>, len: usize) -> Result<Mapping, i32> {
    let at = at.map_err(Errno::raw_os_error)?;
    let base = NonNull::new(at.cast::<u8>()).expect("mmap gave address 0");
    Ok(Mapping::Range { base, len })
}

/// `memfd_create`, `ftruncate`, and seals against another length.
pub(super) fn memfd(name: &str, len: usize, backing: Backing) -> Done<File> {
    let file = attempt(Operation::Map, len, backing, || {
        rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
            .map(File::from)
            .map_err(Errno::raw_os_error)
    })?;
    attempt(Operation::Extend, len, backing, || {
        file.set_len(len as u64).map_err(from_io)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)
            .map_err(Errno::raw_os_error)
    })?;
    Ok(file)
}

/// `ftruncate`, but never to less.
pub(super) fn extend(file: &File, len: usize) -> Done<()> {
    attempt(Operation::Extend, len, Backing::File, || {
        if file.metadata().map_err(from_io)?.len() < len as u64 {
            file.set_len(len as u64).map_err(from_io)?;
        }
        Ok(())
    })
}

/// `mmap` of a file, shared.
pub(super) fn map_file(file: &File, len: usize, backing: Backing) -> Done<Mapping> {
    attempt(Operation::Map, len, backing, || {
        MmapOptions::new()
            .len(len)
            .map_raw(file)
            .map(Mapping::Memmap)
            .map_err(from_io)
    })
}

/// `mmap` of a file, private.
pub(super) fn map_file_private(file: &File, len: usize, backing: Backing) -> Done<Mapping> {
    attempt(Operation::Map, len, backing, || {
        // SAFETY: nothing refers into a new mapping; who makes one of a file promises that it stays.
        let map = unsafe { MmapOptions::new().len(len).map_copy(file) };
        map.map(|map| Mapping::Memmap(MmapRaw::from(map)))
            .map_err(from_io)
    })
}

/// `mmap` of a memfd, shared, for reading only.
pub(super) fn map_file_read_only(file: &File, len: usize) -> Done<Mapping> {
    attempt(Operation::Map, len, Backing::Memfd, || {
        MmapOptions::new()
            .len(len)
            .map_raw_read_only(file)
            .map(Mapping::Memmap)
            .map_err(from_io)
    })
}

/// `fcntl(F_ADD_SEALS)` against every further write.
pub(super) fn seal(file: &File, len: usize) -> Done<()> {
    attempt(Operation::Seal, len, Backing::Memfd, || {
        rustix::fs::fcntl_add_seals(file, SealFlags::WRITE | SealFlags::SEAL)
            .map_err(Errno::raw_os_error)
    })
}

/// `mremap` with an old length of 0: a second mapping of shared memory.
pub(super) unsafe fn map_again(at: NonNull<u8>, len: usize) -> Done<Mapping> {
    attempt(Operation::SecondView, len, Backing::AnonymousShared, || {
        // SAFETY: the caller's range is a shared mapping of ours; an old length of 0 leaves it be.
        let again = unsafe { mm::mremap(at.as_ptr().cast(), 0, len, MremapFlags::MAYMOVE) };
        range(again, len)
    })
}

/// `munmap`. The kernel merges neighbouring mappings, so it may have to split one, and refuse where
/// there are too many; then the range stays mapped, which is a leak and nothing worse.
pub(super) unsafe fn unmap(at: NonNull<u8>, len: usize) {
    // SAFETY: the caller owns the range and does not use it again.
    let _ = unsafe { mm::munmap(at.as_ptr().cast(), len) };
}

/// `mprotect`.
pub(crate) unsafe fn protect(
    operation: Operation,
    at: NonNull<u8>,
    len: usize,
    access: Access,
    backing: Backing,
) -> Done<()> {
    let flags = match access {
        Access::None => MprotectFlags::empty(),
        Access::ReadOnly => MprotectFlags::READ,
        Access::ReadWrite => MprotectFlags::READ | MprotectFlags::WRITE,
    };
    attempt(operation, len, backing, || {
        // SAFETY: the caller owns the range and answers for who uses it.
        unsafe { mm::mprotect(at.as_ptr().cast(), len, flags) }.map_err(Errno::raw_os_error)
    })
}

/// `madvise(MADV_POPULATE_WRITE)`.
pub(super) unsafe fn populate(at: NonNull<u8>, len: usize, backing: Backing) -> Done<()> {
    // SAFETY: the caller owns the range; populating changes no byte of it.
    attempt(Operation::Populate, len, backing, || unsafe {
        madvise(at, len, mm::Advice::LinuxPopulateWrite)
    })
}

/// `madvise(MADV_DONTNEED)` for private memory, `madvise(MADV_REMOVE)` for shared.
pub(super) unsafe fn decommit(at: NonNull<u8>, len: usize, backing: Backing) -> Done<()> {
    let advice = if backing.is_shared() {
        mm::Advice::LinuxRemove
    } else {
        mm::Advice::LinuxDontNeed
    };
    // SAFETY: the caller owns the range and does without its contents.
    attempt(Operation::Decommit, len, backing, || unsafe {
        madvise(at, len, advice)
    })
}

/// `madvise` with advice that leaves contents and access alone.
pub(super) unsafe fn advise(
    at: NonNull<u8>,
    len: usize,
    advice: Advice,
    backing: Backing,
) -> Done<()> {
    let known = match advice {
        Advice::Collapse => {
            return attempt(Operation::Advise, len, backing, || {
                // SAFETY: the caller owns the range; collapsing keeps its bytes.
                unsafe { madvise_raw(at, len, MADV_COLLAPSE) }
            });
        }
        Advice::HugePages => mm::Advice::LinuxHugepage,
        Advice::NoHugePages => mm::Advice::LinuxNoHugepage,
        Advice::DontFork => mm::Advice::LinuxDontFork,
        Advice::DoFork => mm::Advice::LinuxDoFork,
        Advice::WipeOnFork => mm::Advice::LinuxWipeOnFork,
        Advice::KeepOnFork => mm::Advice::LinuxKeepOnFork,
    };
    // SAFETY: the caller owns the range; the advice concerns page sizes and forked children.
    attempt(Operation::Advise, len, backing, || unsafe {
        madvise(at, len, known)
    })
}

/// `madvise(MADV_GUARD_INSTALL)`, or `mprotect(PROT_NONE)` where it is not to be had.
pub(super) unsafe fn guard(at: NonNull<u8>, len: usize, backing: Backing) -> Done<GuardKind> {
    let marked = attempt(Operation::Guard, len, backing, || {
        // SAFETY: the caller owns the range and does without it.
        unsafe { madvise_raw(at, len, MADV_GUARD_INSTALL) }
    });
    match marked {
        Ok(()) => Ok(GuardKind::Marker),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            // SAFETY: as above.
            unsafe { protect(Operation::Guard, at, len, Access::None, backing) }?;
            Ok(GuardKind::Protection)
        }
        Err(error) => Err(error),
    }
}

unsafe fn madvise(at: NonNull<u8>, len: usize, advice: mm::Advice) -> Result<(), i32> {
    // SAFETY: the caller owns the range and answers for the advice.
    unsafe { mm::madvise(at.as_ptr().cast(), len, advice) }.map_err(Errno::raw_os_error)
}

unsafe fn madvise_raw(at: NonNull<u8>, len: usize, advice: libc::c_int) -> Result<(), i32> {
    // SAFETY: the caller owns the range and answers for the advice.
    match unsafe { libc::madvise(at.as_ptr().cast(), len, advice) } {
        0 => Ok(()),
        _ => Err(from_io(io::Error::last_os_error())),
    }
}

/// `mincore`, in batches that fit on the stack.
pub(super) fn resident(at: NonNull<u8>, len: usize, backing: Backing) -> Done<usize> {
    const BATCH: usize = 4096;
    let page = page_size();
    let mut pages = [0_u8; BATCH];
    let mut resident = 0;
    for offset in (0..len).step_by(BATCH * page) {
        let batch = (len - offset).min(BATCH * page);
        let start = at.as_ptr().wrapping_add(offset).cast();
        attempt(Operation::Resident, len, backing, || {
            // SAFETY: mincore reads page tables only, and writes one byte a page of the batch.
            match unsafe { libc::mincore(start, batch, pages.as_mut_ptr()) } {
                0 => Ok(()),
                _ => Err(from_io(io::Error::last_os_error())),
            }
        })?;
        resident += pages[..batch / page]
            .iter()
            .filter(|&&page| page & 1 != 0)
            .count()
            * page;
    }
    Ok(resident)
}

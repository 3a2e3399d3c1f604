//! Regions: owned ranges of address space, and the only code here that talks to the kernel.
//!
//! | verb | call | afterwards the range is |
//! |---|---|---|
//! | [`reserve`](Region::reserve) | `mmap` `PROT_NONE` | ours, inaccessible, not charged |
//! | [`commit`](Region::commit) | `mprotect` | readable and writable, paid for at the first touch |
//! | [`populate`](Region::populate) | `madvise` `MADV_POPULATE_WRITE` | paid for now |
//! | [`decommit`](Region::decommit) | `madvise` `MADV_DONTNEED` or `MADV_REMOVE` | zero, no longer resident |
//! | [`advise`](Region::advise) | `madvise` | as before, handled differently |
//! | [`protect`](Region::protect) | `mprotect` | as `Access` says |
//! | [`guard`](Region::guard) | `madvise` `MADV_GUARD_INSTALL`, else `mprotect` | faults when touched |
//! | [`sealed`](Region::sealed) | `fcntl` `F_ADD_SEALS`, `mmap` | readable for good, writable for nobody |
//! | [`second_view`](Region::second_view) | `mmap`, `mremap` | visible at a second address too |
//! | [`resident`](Region::resident) | `mincore` | counted |
//! | drop | `munmap` | gone |
//!
//! Preconditions of every verb, said once: a range is in bytes counted from the region's base, its
//! ends are multiples of [`page_size`], it is not reversed and it lies within the region; otherwise
//! the verb is refused with [`Cause::BadRange`] and nothing has happened. An empty range is accepted
//! and does nothing. Whatever the kernel refuses comes back as a [`RegionError`] with the
//! operation, the bytes and the errno.
//!
//! A region hands out one raw pointer, [`Region::base`]. Who makes references from it answers for
//! them, also against the verbs that take `&mut self`: those change contents or access.

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::ptr::NonNull;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

mod descriptor;
#[cfg(any(test, feature = "failure-hook"))]
pub mod failure;
mod forked;
mod kinds;
mod mapping;
pub(crate) mod os;
pub(crate) mod room;
#[cfg(test)]
mod tests;
mod view;

pub use crate::error::{Backing, Cause, Operation, RegionError};
use forked::ForkAdvice;
pub use kinds::{Access, Advice, GuardKind};
use mapping::Mapping;
pub(crate) use os::huge_pages_unasked;
pub use os::page_size;
pub use view::View;

use crate::bump::{RANGE_END_MAX, checked_round_up};

/// An owned range of address space.
///
/// Its length is a multiple of the page size. Dropping it unmaps it, whatever still points there.
///
/// ```
/// use arena_core::region::{page_size, Region};
///
/// let mut region = Region::anonymous(1)?;            // rounded up to one OS page
/// assert_eq!(region.len(), page_size());
/// assert_eq!(region.resident()?, 0);                 // nobody has touched it
/// region.populate(0..page_size())?;
/// assert_eq!(region.resident()?, page_size());
/// region.decommit(0..page_size())?;
/// assert_eq!(region.resident()?, 0);
/// # Ok::<(), arena_core::region::RegionError>(())
/// ```
#[derive(Debug)]
pub struct Region {
    /// Keeps the whole range mapped; it may begin before `base` and end after `base + len`, by guard
    /// pages.
    mapping: ManuallyDrop<Mapping>,
    /// The first byte, page aligned.
    base: NonNull<u8>,
    /// Bytes from `base`; a multiple of the page size, at least one page; ends at or below
    /// [`RANGE_END_MAX`].
    len: usize,
    backing: Backing,
    /// The descriptor behind the bytes, where there is one.
    file: Option<File>,
    /// Whether parts of it may be inaccessible, so that they must be committed before the touch.
    reserved: bool,
    /// Whether nobody can write it any more.
    sealed: bool,
    /// What forked children have been advised to find.
    fork: ForkAdvice,
}

// SAFETY: a region is a range of addresses that belongs to the process, not to a thread; the verbs
// on `&self` are system calls, which the kernel serialises.
unsafe impl Send for Region {}
// SAFETY: as above; nothing is changed through `&Region` but by the kernel.
unsafe impl Sync for Region {}

impl Region {
    /// `mmap(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)`: take memory that
    /// is paid for page by page, at the first touch.
    ///
    /// `len` is rounded up to whole OS pages.
    ///
    /// # Errors
    ///
    /// `len` is 0 or too large to round, or the kernel refuses: RLIMIT_AS, strict overcommit, too
    /// many mappings.
    pub fn anonymous(len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::Anonymous)?;
        Self::new(os::map_anonymous(len)?, Backing::Anonymous, None)
    }

    /// `mmap(MAP_SHARED | MAP_ANONYMOUS)`: take memory that a forked child shares.
    ///
    /// # Errors
    ///
    /// As [`Region::anonymous`].
    pub fn anonymous_shared(len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::AnonymousShared)?;
        Self::new(
            os::map_anonymous_shared(len)?,
            Backing::AnonymousShared,
            None,
        )
    }

    /// `mmap(PROT_NONE)`: take address space only; [`commit`](Region::commit) makes it usable.
    ///
    /// Such a range counts against RLIMIT_AS, but neither against RLIMIT_DATA nor against the
    /// kernel's overcommit account.
    ///
    /// # Errors
    ///
    /// As [`Region::anonymous`].
    pub fn reserve(len: usize) -> Result<Self, RegionError> {
        let len = rounded(len, Backing::Anonymous)?;
        let mut region = Self::new(os::reserve(len)?, Backing::Anonymous, None)?;
        region.reserved = true;
        Ok(region)
    }

    fn new(mapping: Mapping, backing: Backing, file: Option<File>) -> Result<Self, RegionError> {
        let (base, len) = (mapping.base(), mapping.len());
        if base
            .addr()
            .get()
            .checked_add(len)
            .is_none_or(|end| end > RANGE_END_MAX)
        {
            return Err(RegionError::new(
                Operation::Map,
                len,
                backing,
                Cause::BadLength,
            ));
        }
        Ok(Self {
            mapping: ManuallyDrop::new(mapping),
            base,
            len,
            backing,
            file,
            reserved: false,
            sealed: false,
            fork: ForkAdvice::none(),
        })
    }

    /// Return the address of the first byte; a multiple of the page size.
    ///
    /// The pointer is good for the whole region, for as long as the region lives.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Return the length in bytes, a multiple of the page size.
    #[expect(clippy::len_without_is_empty, reason = "a region is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tell where the bytes live.
    pub fn backing(&self) -> Backing {
        self.backing
    }

    /// Take access away from a range that nobody uses until it is committed again. Refused, or half
    /// done, some of it may still be accessible, which does no harm.
    pub(crate) fn uncommit(&mut self, range: Range<usize>) {
        self.reserved = true;
        // SAFETY: nobody uses the range until it is committed.
        let _ = unsafe { self.protect(range, Access::None) };
    }

    /// Tell whether parts of the region may be inaccessible.
    pub(crate) fn is_reserved(&self) -> bool {
        self.reserved
    }

    /// Tell whether the region can be read but never again written.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Make a range readable and writable (`mprotect`).
    ///
    /// # Errors
    ///
    /// The range is bad, or the kernel refuses: RLIMIT_DATA, strict overcommit, too many mappings.
    pub fn commit(&self, range: Range<usize>) -> Result<(), RegionError> {
        let (at, len) = self.checked(Operation::Commit, range)?;
        // SAFETY: the range is ours; more access cannot invalidate anything that exists.
        unsafe { os::protect(Operation::Commit, at, len, Access::ReadWrite, self.backing) }
    }

    /// Fault a range in for writing, without changing its bytes (`MADV_POPULATE_WRITE`).
    ///
    /// # Errors
    ///
    /// The range is bad, the kernel is older than 5.14 or the range is not committed (`EINVAL`), or
    /// memory is short (`ENOMEM`).
    pub fn populate(&self, range: Range<usize>) -> Result<(), RegionError> {
        let (at, len) = self.checked(Operation::Populate, range)?;
        // SAFETY: the range is ours, and populating leaves its bytes as they are.
        unsafe { os::populate(at, len, self.backing) }
    }

    /// Give the contents of a range back to the OS; it reads as zeroes afterwards.
    ///
    /// Private memory is dropped with `MADV_DONTNEED`, shared memory and files are punched with
    /// `MADV_REMOVE`. A private copy of a file is refused: it would show the file's bytes again.
    ///
    /// # Errors
    ///
    /// The range is bad, it is locked into memory (`EINVAL`), or the file system cannot punch holes
    /// (`EOPNOTSUPP`).
    pub fn decommit(&mut self, range: Range<usize>) -> Result<(), RegionError> {
        let (at, len) = self.checked(Operation::Decommit, range)?;
        if self.backing == Backing::FilePrivate {
            let cause =
                Cause::Unsupported("a private copy of a file has no zeroes to fall back to");
            return Err(RegionError::new(
                Operation::Decommit,
                len,
                self.backing,
                cause,
            ));
        }
        // SAFETY: the range is ours, and `&mut self` says that nobody relies on its contents.
        unsafe { os::decommit(at, len, self.backing) }
    }

    /// Tell the kernel how a range will be used (`madvise`).
    ///
    /// # Errors
    ///
    /// The range is bad, or the kernel does not know the advice for this kind of memory (`EINVAL`).
    pub fn advise(&self, range: Range<usize>, advice: Advice) -> Result<(), RegionError> {
        let (at, len) = self.checked(Operation::Advise, range)?;
        // SAFETY: the range is ours; no `Advice` changes contents or access in this process.
        unsafe { os::advise(at, len, advice, self.backing)? };
        self.fork.note(advice, len == self.len);
        Ok(())
    }

    /// Tell whether forked children find something else than fork alone would give them.
    pub(crate) fn has_fork_advice(&self) -> bool {
        self.fork.is_given()
    }

    /// Begin anew, with all advice undone and nothing in the region that a fork could have taken.
    pub(crate) fn forget_fork_advice(&mut self) {
        self.fork = ForkAdvice::none();
    }

    /// Tell whether this process is a forked child for which advice has wiped the region, or left it
    /// out.
    pub(crate) fn was_taken_by_fork(&self) -> bool {
        self.fork.has_taken_bytes()
    }

    /// Tell whether this process is a forked child that was not given the region.
    fn is_absent(&self) -> bool {
        self.fork.is_absent()
    }

    /// Change what the processor lets the program do with a range (`mprotect`).
    ///
    /// # Errors
    ///
    /// The range is bad, or there would be too many mappings (`ENOMEM`).
    ///
    /// # Safety
    ///
    /// Nobody touches the range in a way it no longer allows, nor has a reference into it; an arena
    /// built over the region does both, so the range is read-write again before that.
    pub unsafe fn protect(
        &mut self,
        range: Range<usize>,
        access: Access,
    ) -> Result<(), RegionError> {
        let (at, len) = self.checked(Operation::Protect, range)?;
        // SAFETY: the range is ours, and the caller answers for who uses it.
        unsafe { os::protect(Operation::Protect, at, len, access, self.backing) }
    }

    /// Make a range fault when touched, and lose its contents.
    ///
    /// With Linux 6.13 or later this installs guard markers (0.34 µs a page here, no extra mapping);
    /// otherwise, and for memory that does not take markers, it is `mprotect`. Returns which.
    ///
    /// # Errors
    ///
    /// The range is bad, or there would be too many mappings (`ENOMEM`).
    ///
    /// # Safety
    ///
    /// Nobody touches the range any more, nor has a reference into it; no arena is built over it.
    pub unsafe fn guard(&mut self, range: Range<usize>) -> Result<GuardKind, RegionError> {
        let (at, len) = self.checked(Operation::Guard, range)?;
        // SAFETY: the range is ours, and the caller says that nobody uses it.
        unsafe { os::guard(at, len, self.backing) }
    }

    /// Turn the first and the last page into guard pages, and the region into what lies between.
    ///
    /// # Errors
    ///
    /// The region has fewer than three pages or has a descriptor (the guards would hide bytes of
    /// the file), or [`guard`](Region::guard) fails.
    pub fn with_guarded_ends(mut self) -> Result<Self, RegionError> {
        let page = page_size();
        let refuse = |cause| RegionError::new(Operation::Guard, self.len, self.backing, cause);
        if self.file.is_some() {
            return Err(refuse(Cause::Unsupported(
                "a region with a descriptor has no page to spare",
            )));
        }
        if self.len < 3 * page {
            return Err(refuse(Cause::BadLength));
        }
        // SAFETY: this page leaves the region below, and nobody has a reference to it: `self` was
        // given up.
        unsafe { self.guard(0..page)? };
        // SAFETY: as above.
        unsafe { self.guard(self.len - page..self.len)? };
        // SAFETY: the region has at least three pages.
        self.base = unsafe { self.base.add(page) };
        self.len -= 2 * page;
        Ok(self)
    }

    /// Map the same bytes a second time, at another address.
    ///
    /// A write through one view shows in the other at once. The view hands out raw pointers only;
    /// who makes references from them answers for the aliasing.
    ///
    /// # Errors
    ///
    /// The memory is private (there is nothing that two views could share) or sealed, or the kernel
    /// refuses.
    pub fn second_view(&self) -> Result<View, RegionError> {
        let mapping = match (&self.file, self.backing) {
            (Some(file), backing) if backing.is_shared() && !self.sealed => {
                os::map_file(file, self.len, backing)?
            }
            // SAFETY: the whole mapping is ours and shared; the call adds a mapping elsewhere.
            (None, Backing::AnonymousShared) => unsafe { os::map_again(self.base, self.len)? },
            (_, backing) => {
                let cause = Cause::Unsupported(match backing {
                    Backing::Anonymous => "private anonymous memory has no second view",
                    Backing::Memfd => "sealed memory cannot be mapped for writing",
                    _ => "a private copy has no second view",
                });
                return Err(RegionError::new(
                    Operation::SecondView,
                    self.len,
                    backing,
                    cause,
                ));
            }
        };
        Ok(View::new(mapping))
    }

    /// Lend the descriptor behind the bytes, where there is one.
    ///
    /// # Safety
    ///
    /// Whoever gets the descriptor neither writes through it nor makes the file shorter while the
    /// region is in use, except where the region's user expects it. (A memfd made here is sealed
    /// against a change of length.)
    pub unsafe fn share(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Count the resident bytes, in whole pages (`mincore`). For shared memory and files that is what
    /// the page cache holds, whoever touched it.
    ///
    /// # Errors
    ///
    /// The kernel refuses (`EAGAIN` when it is short of memory itself).
    pub fn resident(&self) -> Result<usize, RegionError> {
        self.resident_in(0..self.len)
    }

    /// Count the resident bytes of a range, in whole pages (`mincore`).
    ///
    /// # Errors
    ///
    /// The range is bad, or as [`Region::resident`].
    pub fn resident_in(&self, range: Range<usize>) -> Result<usize, RegionError> {
        let (at, len) = self.checked(Operation::Resident, range)?;
        os::resident(at, len, self.backing)
    }

    fn checked(
        &self,
        operation: Operation,
        range: Range<usize>,
    ) -> Result<(NonNull<u8>, usize), RegionError> {
        let aligned =
            range.start.is_multiple_of(page_size()) && range.end.is_multiple_of(page_size());
        if range.start > range.end || range.end > self.len || !aligned {
            let cause = Cause::BadRange {
                start: range.start,
                end: range.end,
                region: self.len,
                page_size: page_size(),
            };
            return Err(RegionError::new(
                operation,
                range.end.saturating_sub(range.start),
                self.backing,
                cause,
            ));
        }
        // SAFETY: `start <= end <= len`, so the pointer stays within the region or one past it.
        Ok((
            unsafe { self.base.add(range.start) },
            range.end - range.start,
        ))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // In a child that was not given the region, somebody else may live at its addresses.
        if !self.is_absent() {
            // SAFETY: not used again.
            unsafe { ManuallyDrop::drop(&mut self.mapping) };
        }
    }
}

fn rounded(len: usize, backing: Backing) -> Result<usize, RegionError> {
    match checked_round_up(len, page_size()) {
        Some(rounded) if rounded != 0 && rounded <= RANGE_END_MAX => Ok(rounded),
        _ => Err(RegionError::new(
            Operation::Map,
            len,
            backing,
            Cause::BadLength,
        )),
    }
}

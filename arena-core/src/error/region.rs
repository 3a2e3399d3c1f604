//! What a region's verbs say when they fail.

use core::fmt;

/// Where a region's bytes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backing {
    /// Private anonymous memory: after fork each process has its own copy.
    Anonymous,
    /// Shared anonymous memory: after fork both processes see the same bytes.
    AnonymousShared,
    /// A `memfd`: shared memory with a descriptor, so that it can be mapped more than once.
    Memfd,
    /// A file, mapped shared: what is written reaches the file.
    File,
    /// A `memfd`, mapped private: what is written stays in the process.
    MemfdPrivate,
    /// A file, mapped private: what is written stays in the process.
    FilePrivate,
}

impl Backing {
    /// Tell whether two mappings, or two processes after fork, see each other's writes.
    pub const fn is_shared(self) -> bool {
        matches!(
            self,
            Backing::AnonymousShared | Backing::Memfd | Backing::File
        )
    }
}

/// A verb of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Taking address space.
    Map,
    /// Making a file, or a memfd, as long as the region.
    Extend,
    /// Making reserved space usable.
    Commit,
    /// Faulting pages in.
    Populate,
    /// Giving contents back.
    Decommit,
    /// Advising.
    Advise,
    /// Changing access.
    Protect,
    /// Installing guard pages.
    Guard,
    /// Sealing against writing.
    Seal,
    /// Mapping the same bytes again.
    SecondView,
    /// Counting resident pages.
    Resident,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Map => "map",
            Operation::Extend => "extend",
            Operation::Commit => "commit",
            Operation::Populate => "populate",
            Operation::Decommit => "decommit",
            Operation::Advise => "advise",
            Operation::Protect => "protect",
            Operation::Guard => "guard",
            Operation::Seal => "seal",
            Operation::SecondView => "second view",
            Operation::Resident => "count of resident pages",
        })
    }
}

/// Why a verb was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel said so; the errno.
    Os(i32),
    /// The length is 0, or does not fit in the address space.
    BadLength,
    /// The range is reversed, not aligned to pages, or not within the region.
    BadRange {
        /// Where it starts.
        start: usize,
        /// Where it ends.
        end: usize,
        /// How long the region is.
        region: usize,
        /// How long an OS page is.
        page_size: usize,
    },
    /// The process has too little room left for a default reservation.
    NoRoom {
        /// The bytes of address space (or, under strict overcommit, of commit charge) left.
        room: usize,
    },
    /// This kind of memory cannot do it; why.
    Unsupported(&'static str),
}

/// A verb of a region was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionError {
    /// What was tried.
    pub operation: Operation,
    /// On how many bytes.
    pub len: usize,
    /// In which kind of memory.
    pub backing: Backing,
    /// Why it was refused.
    pub cause: Cause,
}

impl RegionError {
    #[cfg(feature = "std")]
    pub(crate) const fn new(
        operation: Operation,
        len: usize,
        backing: Backing,
        cause: Cause,
    ) -> Self {
        Self {
            operation,
            len,
            backing,
            cause,
        }
    }

    /// Return the errno, if it was the kernel that refused.
    pub const fn raw_os_error(&self) -> Option<i32> {
        match self.cause {
            Cause::Os(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backing = match self.backing {
            Backing::Anonymous => "anonymous memory",
            Backing::AnonymousShared => "shared anonymous memory",
            Backing::Memfd => "memfd",
            Backing::File => "file",
            Backing::MemfdPrivate => "private memfd",
            Backing::FilePrivate => "private file",
        };
        write!(
            f,
            "{} of {} bytes ({backing}) refused: ",
            self.operation, self.len
        )?;
        match self.cause {
            #[cfg(feature = "std")]
            Cause::Os(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(errno)),
            #[cfg(not(feature = "std"))]
            Cause::Os(errno) => write!(f, "os error {errno}"),
            Cause::BadLength => f.write_str("no region has that length"),
            Cause::BadRange {
                start,
                end,
                region,
                page_size,
            } => write!(
                f,
                "{start}..{end} is not a range of whole {page_size}-byte pages in a region of {region} bytes"
            ),
            Cause::NoRoom { room } => write!(
                f,
                "only {room} bytes of room are left in this process, and a default arena takes at \
                 most half of it; choose a size with Policy::reserve"
            ),
            Cause::Unsupported(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for RegionError {}

#[cfg(feature = "std")]
impl From<RegionError> for std::io::Error {
    fn from(error: RegionError) -> Self {
        let kind = error
            .raw_os_error()
            .map_or(std::io::ErrorKind::InvalidInput, |errno| {
                std::io::Error::from_raw_os_error(errno).kind()
            });
        std::io::Error::new(kind, error)
    }
}

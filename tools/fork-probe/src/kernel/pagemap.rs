//! `/proc/PID/pagemap`: eight bytes for each page of an address space.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use arena_core::region::page_size;
use nix::unistd::Pid;

use super::{proc_path, scan};

/// What pagemap says of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    entry: u64,
    /// Whether it is part of a page mapped as a huge one; false if the kernel cannot say.
    huge: bool,
    /// Whether it is the one page of zeroes that all processes share; false if the kernel cannot say.
    zero: bool,
}

impl Page {
    const PRESENT: u64 = 1 << 63;
    const EXCLUSIVE: u64 = 1 << 56;
    const FRAME: u64 = (1 << 55) - 1;

    /// Tell whether the page is in memory, and in this page table.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.entry & Self::PRESENT != 0
    }

    /// Tell whether it is part of a page mapped as a huge one. (Linux 6.7 and later can say.)
    #[must_use]
    pub fn is_huge(self) -> bool {
        self.huge
    }

    /// Tell whether one page table alone refers to it. Of a page mapped as a huge one, the kernel says
    /// for all its parts what is true of the first (seen on Linux 6.18).
    #[must_use]
    pub fn is_exclusive(self) -> bool {
        self.entry & Self::EXCLUSIVE != 0
    }

    /// Return the number of the frame it lies in; none for who may not know (without `CAP_SYS_ADMIN`).
    #[must_use]
    pub fn frame(self) -> Option<u64> {
        (self.is_present() && self.entry & Self::FRAME != 0).then_some(self.entry & Self::FRAME)
    }

    /// Tell whether this page of one process and that page of another are the same memory.
    ///
    /// By the frame, if it is known, and otherwise because neither has it for itself: in a process with
    /// one child, the only other that can have it is the child.
    #[must_use]
    pub fn is_same_as(self, other: Page) -> bool {
        match (self.frame(), other.frame()) {
            (Some(mine), Some(others)) => mine == others,
            _ => {
                let both = self.is_present() && other.is_present();
                let exclusive = (self.is_exclusive(), other.is_exclusive());
                both && !self.zero
                    && !other.zero
                    && match exclusive {
                        (false, false) => true,
                        // What it says of a huge page may be true of another part.
                        (true, false) => self.huge,
                        (false, true) => other.huge,
                        (true, true) => false,
                    }
            }
        }
    }
}

/// The pagemap of a process, open.
#[derive(Debug)]
pub struct Pagemap(File);

impl Pagemap {
    /// Open the pagemap of a process, or of this one.
    ///
    /// # Errors
    ///
    /// No `/proc`, or it is not allowed: the other process has another user, or either gave up
    /// privileges and was not executed anew since.
    pub fn open(pid: Option<Pid>) -> io::Result<Self> {
        File::open(proc_path(pid, "pagemap")).map(Self)
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    /// Read the entries of a range of addresses.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the process has ended.
    pub fn read(&self, range: &Range<usize>) -> io::Result<Vec<Page>> {
        let first = range.start / page_size();
        let pages = range.end.div_ceil(page_size()) - first;
        let mut bytes = vec![0; pages * 8];
        self.0.read_exact_at(&mut bytes, first as u64 * 8)?;
        let (entries, _) = bytes.as_chunks::<8>();
        let page = |&entry: &[u8; 8]| Page {
            entry: u64::from_ne_bytes(entry),
            huge: false,
            zero: false,
        };
        let mut found: Vec<Page> = entries.iter().map(page).collect();
        // An older kernel does not say, and there is nothing else to ask.
        for run in scan::find(self, range).unwrap_or_default() {
            let pages = run.range.start / page_size() - first..run.range.end / page_size() - first;
            for page in &mut found[pages] {
                (page.huge, page.zero) = (run.huge, run.zero);
            }
        }
        Ok(found)
    }
}

//! One byte written in every page copies every page; and what becomes of huge pages.

use std::sync::atomic::Ordering;

use arena_core::Region;
use arena_core::region::{Advice, page_size};

use super::{ended, tell};
use crate::error::ProbeError;
use crate::inherited::{Bytes, CHILD_BYTE, write};
use crate::kernel::moderate_huge_page;
use crate::kernel::smaps::{self, Account};
use crate::notes::{Notes, nanoseconds};
use crate::probe::ForkProbe;

/// What a child's writes made the kernel copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Copies {
    /// Bytes of memory that the child inherited.
    pub inherited: usize,
    /// How much of that lay in huge pages in the child, before it wrote.
    pub huge_before: usize,
    /// And after.
    pub huge_after: usize,
    /// Bytes that the child wrote, one in each page.
    pub written: usize,
    /// Page faults that this took.
    pub faults: u64,
    /// Bytes that the child has for itself now; none without smaps.
    pub copied: Option<usize>,
    /// Nanoseconds that the writes took.
    pub nanoseconds: u64,
}

/// Copy-on-write where it costs most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Amplification {
    /// A byte in every OS page of memory in OS pages.
    pub os_pages: Copies,
    /// A byte in every OS page of memory in huge pages.
    pub huge_pages: Copies,
    /// A single byte in every huge page.
    pub huge_pages_once: Copies,
    /// Bytes of a huge page.
    pub huge_page: usize,
    /// Bytes copied for one byte in a huge page: the whole of it, or an OS page, if it was split.
    pub copied_per_huge_page: Option<usize>,
}

/// How many huge pages are filled.
const HUGE_PAGES: usize = 16;

pub(super) fn show(probe: &ForkProbe<'_>) -> Result<Amplification, ProbeError> {
    let huge_page = moderate_huge_page()?;
    let once = copies(probe, Advice::HugePages, huge_page)?;
    let had_huge_pages = once.huge_before == once.inherited;
    Ok(Amplification {
        os_pages: copies(probe, Advice::NoHugePages, page_size())?,
        huge_pages: copies(probe, Advice::HugePages, page_size())?,
        copied_per_huge_page: once
            .copied
            .filter(|_| had_huge_pages)
            .map(|copied| copied / once.written),
        huge_pages_once: once,
        huge_page,
    })
}

/// Fork over filled memory, and have the child write one byte in every stretch of so many.
fn copies(probe: &ForkProbe<'_>, advice: Advice, stride: usize) -> Result<Copies, ProbeError> {
    let huge_page = moderate_huge_page()?;
    let len = HUGE_PAGES * huge_page;
    let region = Region::anonymous(len + huge_page)?;
    // A kernel without huge pages gives small ones, and the accounts say so.
    let _ = region.advise(0..region.len(), advice);
    let base = region.base().addr().get();
    let start = base.next_multiple_of(huge_page) - base;
    region.populate(start..start + len)?;
    let bytes = Bytes {
        start: region.base().as_ptr().wrapping_add(start),
        page_size: stride,
        first: 0,
        step: 1,
        end: len / stride,
    };
    let notes = Notes::new(1)?;
    // Once elsewhere, so that the code is there when it counts.
    let elsewhere = Bytes {
        start: notes.bytes()[0].as_ptr(),
        page_size: 0,
        ..bytes
    };
    let mut serve = |command| {
        let start = nanoseconds();
        let bytes = if command == b'w' { bytes } else { elsewhere };
        // SAFETY: within the region, which the child has to itself, or a byte of the notes.
        let (faults, _) = unsafe { write(bytes, CHILD_BYTE) };
        let header = notes.header();
        header
            .first_write
            .store(nanoseconds() - start, Ordering::Relaxed);
        header.faults.store(faults, Ordering::Relaxed);
    };
    // SAFETY: writes memory, and reads a clock and a counter.
    let mut child = unsafe { probe.fork(&mut serve) }?;
    let account = |child: &crate::child::Child<'_>| -> Option<Account> {
        smaps::account(Some(child.pid()?), &(base..base + region.len())).ok()
    };
    tell(&mut child, b'm')?;
    let before = account(&child);
    tell(&mut child, b'w')?;
    let after = account(&child);
    ended(child)?;
    let header = notes.header();
    Ok(Copies {
        inherited: len,
        huge_before: before.map_or(0, |account| account.huge),
        huge_after: after.map_or(0, |account| account.huge),
        written: bytes.count(),
        faults: header.faults.load(Ordering::Relaxed),
        copied: before
            .zip(after)
            .map(|(before, after)| after.private().saturating_sub(before.private())),
        nanoseconds: header.first_write.load(Ordering::Relaxed),
    })
}

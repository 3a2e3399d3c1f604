//! The child that performs the deeds, and looks after each which pages have become its own.
//!
//! Between the fork and the end of the child the parent only waits: a write of its own to memory that
//! both have would unshare a page as well, and be charged to the child.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Range;

use arena_core::region::page_size;

use super::allocators::Allocator;
use super::ledger::{Bill, Cause, Item};
use super::record::{Parts, Record, Words};
use super::work::{Deed, Step, Tree, Workload};
use crate::child::{Child, Patience};
use crate::end::{End, Silence};
use crate::error::ProbeError;
use crate::kernel::{faults, refusal, smaps};
use crate::notes::os_error;

/// The child's commands: everything but the deeds, elsewhere; the first look; one deed; the last look.
const WARM_UP: u8 = b'm';
const BEGIN: u8 = b'b';
const NEXT: u8 = b'n';
const END: u8 = b'e';

/// Refuse to go on in a process with several threads.
pub(super) fn refuse_threads() -> Result<(), ProbeError> {
    let status = fs::read("/proc/self/status").map_err(|source| ProbeError::Unseen {
        why: refusal("the number of threads", &source),
    })?;
    let status = String::from_utf8_lossy(&status);
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    match threads.and_then(|number| number.trim().parse().ok()) {
        Some(1) => Ok(()),
        Some(threads) => Err(ProbeError::Threads { threads }),
        None => Err(ProbeError::Unseen {
            why: "the number of threads: /proc/self/status does not say".to_owned(),
        }),
    }
}

/// Each page watched takes three words that are touched before the fork, and is looked at after each deed:
/// a hundred megabytes for so many. A sanitizer's shadow alone has a thousand times as many, without having
/// touched them.
const MOST_PAGES: usize = 1 << 22;

/// Refuse to watch more than is of use.
fn refuse_giants(watched: &[Watched], pages: usize) -> Result<(), ProbeError> {
    let largest = watched.iter().max_by_key(|mapping| mapping.pages());
    match largest {
        Some(largest) if pages > MOST_PAGES => Err(ProbeError::Vast {
            pages,
            most: MOST_PAGES,
            largest: largest.range.clone(),
            name: largest.name.clone(),
        }),
        _ => Ok(()),
    }
}

/// A mapping that the child can write to its own copy of.
struct Watched {
    range: Range<usize>,
    name: String,
    /// Where its pages begin among all pages watched.
    first: usize,
}

impl Watched {
    fn pages(&self) -> usize {
        self.range.len() / page_size()
    }
}

/// The child's half.
struct Worker<'a> {
    allocator: &'a mut dyn Allocator,
    steps: &'a [Step],
    watched: &'a [Watched],
    record: &'a mut Record,
    pagemap: i32,
    /// The next deed.
    next: usize,
}

impl Worker<'_> {
    fn perform(&mut self, command: u8) {
        match command {
            WARM_UP => self.warm_up(),
            BEGIN => {
                let parts = self.record.parts();
                read_smaps(parts.smaps_before);
                look(self.pagemap, self.watched, parts.before);
            }
            NEXT => self.work(),
            _ => read_smaps(self.record.parts().smaps_after),
        }
    }

    /// Do everything but the deeds, so that whatever that touches has been touched.
    fn warm_up(&mut self) {
        let path = c"/proc/self/pagemap".as_ptr();
        // SAFETY: a terminated string.
        self.pagemap = unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) };
        let parts = self.record.parts();
        if self.pagemap < 0 {
            let errno = io::Error::last_os_error().raw_os_error();
            parts.words.refused = u64::from(errno.unwrap_or(libc::EIO).unsigned_abs());
            return;
        }
        for _ in 0..2 {
            look(self.pagemap, self.watched, parts.before);
            look(self.pagemap, self.watched, parts.after);
            parts.words.note(parts.before, parts.after, parts.items, 0);
            let _ = faults::minor();
        }
        *parts.words = Words::default();
        // Twice, for the first may need pages of the stack.
        read_smaps(parts.smaps_after);
        parts.smaps_after.fill(0);
    }

    /// Do the next deed, and note what it unshared.
    fn work(&mut self) {
        let parts = self.record.parts();
        let Some(step) = self.steps.get(self.next) else {
            return;
        };
        let start = faults::minor();
        // SAFETY: a word of a node of the tree, which this child has to itself.
        unsafe { step.write.write_volatile(0) };
        if let Some((block, size)) = step.free {
            // SAFETY: the allocator's block, which the child does not use again.
            unsafe { self.allocator.free(block, size) };
        }
        parts.words.faults += faults::minor() - start;
        look(self.pagemap, self.watched, parts.after);
        let deed = self.next as u64;
        parts
            .words
            .note(parts.before, parts.after, parts.items, deed);
        parts.before.copy_from_slice(parts.after);
        self.next += 1;
    }
}

/// Read the entries of all pages watched.
fn look(pagemap: i32, watched: &[Watched], entries: &mut [u64]) {
    for mapping in watched {
        let part = &mut entries[mapping.first..mapping.first + mapping.pages()];
        let len = size_of_val(part);
        let offset = mapping.range.start / page_size() * 8;
        let offset = libc::off_t::try_from(offset).unwrap_or(libc::off_t::MAX);
        // SAFETY: the buffer is as long as it says.
        let read = unsafe { libc::pread(pagemap, part.as_mut_ptr().cast(), len, offset) };
        if usize::try_from(read) != Ok(len) {
            part.fill(0);
        }
    }
}

/// Have a child perform the deeds on the tree, and draw up the bill.
pub(super) fn watch(
    patience: Patience<'_>,
    allocator: &mut dyn Allocator,
    tree: &Tree,
    deed: Deed,
    work: &Workload,
) -> Result<Bill, ProbeError> {
    let steps = tree.steps(deed, work);
    let watched = watched()?;
    let pages = watched.last().map_or(0, |last| last.first + last.pages());
    refuse_giants(&watched, pages)?;
    let mut record = Record::new(pages)?;
    let name = allocator.name();
    let mut worker = Worker {
        allocator,
        steps: &steps,
        watched: &watched,
        record: &mut record,
        pagemap: -1,
        next: 0,
    };
    // SAFETY: this process has one thread, so that nothing was half done at the fork; the allocator says
    // that its blocks can be freed there.
    let child = unsafe { Child::fork(patience, &mut |command| worker.perform(command)) };
    let mut child = child.map_err(|error| ProbeError::Os {
        doing: "forking",
        source: os_error(error),
    })?;
    let deeds = steps.iter().map(|_| NEXT);
    let mut commands = [WARM_UP, BEGIN].into_iter().chain(deeds).chain([END]);
    let told = commands.try_for_each(|command| child.tell(command));
    let end = match told {
        Ok(()) => child.end(),
        Err(Silence::Ended(end)) => end,
        Err(Silence::Interrupted) => return Err(ProbeError::Interrupted),
    };
    let parts = record.parts();
    if let Some(errno) = i32::try_from(parts.words.refused)
        .ok()
        .filter(|&errno| errno != 0)
    {
        let error = io::Error::from_raw_os_error(errno);
        return Err(ProbeError::Unseen {
            why: refusal("pagemap", &error),
        });
    }
    if end != (End::Exited { code: 0 }) {
        return Err(ProbeError::Child { end });
    }
    Ok(Bill {
        allocator: name,
        deed,
        deeds: steps.len(),
        tree_bytes: tree.bytes(),
        bytes_written: steps.len() * size_of::<u64>(),
        page_size: page_size(),
        faults: parts.words.faults,
        private_by_smaps: parts
            .private_before()
            .zip(parts.private_after())
            .map(|(before, after)| after.saturating_sub(before)),
        new_pages: usize::try_from(parts.words.new_pages).unwrap_or(usize::MAX),
        items: items(&parts, &steps, &watched),
    })
}

/// Find the mappings that a child would copy from: private, writable, and not the stack, which each side
/// needs for itself.
fn watched() -> Result<Vec<Watched>, ProbeError> {
    let mappings = smaps::read(None).map_err(|source| ProbeError::Unseen {
        why: refusal("smaps", &source),
    })?;
    let mut first = 0;
    let mut watched = Vec::new();
    for mapping in mappings {
        if is_watched(&mapping) {
            let pages = mapping.range.len() / page_size();
            let name = match mapping.name.rsplit('/').next() {
                None | Some("") => "anonymous".to_owned(),
                Some(name) => name.to_owned(),
            };
            watched.push(Watched {
                range: mapping.range,
                name,
                first,
            });
            first += pages;
        }
    }
    Ok(watched)
}

fn is_watched(mapping: &smaps::Mapped) -> bool {
    mapping.is_private_and_writable() && mapping.name != "[stack]"
}

impl Parts<'_> {
    fn private_before(&self) -> Option<usize> {
        private_pages(self.smaps_before)
    }

    fn private_after(&self) -> Option<usize> {
        private_pages(self.smaps_after)
    }
}

/// Count the pages that the child had for itself, by the text of its smaps; none if that was not read to
/// its end.
fn private_pages(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == 0)?;
    let mappings = smaps::parse(&String::from_utf8_lossy(&text[..end]));
    let watched = mappings.iter().filter(|mapping| is_watched(mapping));
    let bytes: usize = watched.map(|mapping| mapping.account.private()).sum();
    (end > 0).then_some(bytes / page_size())
}

/// Read this process's smaps into a buffer of zeroes, without allocating; it stays empty without smaps.
fn read_smaps(buffer: &mut [u8]) {
    let path = c"/proc/self/smaps".as_ptr();
    // SAFETY: a terminated string.
    let file = unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) };
    let mut len = 0;
    while len < buffer.len() {
        let rest = &mut buffer[len..];
        // SAFETY: the buffer is as long as it says.
        let read = unsafe { libc::read(file, rest.as_mut_ptr().cast(), rest.len()) };
        match usize::try_from(read) {
            Ok(more) if more > 0 => len += more,
            _ => break,
        }
    }
}

/// From the child's notes to the items of the bill.
fn items(parts: &Parts<'_>, steps: &[Step], watched: &[Watched]) -> Vec<Item> {
    let written: HashSet<usize> = steps
        .iter()
        .map(|step| step.write.addr().get() / page_size())
        .collect();
    let count = usize::try_from(parts.words.items).unwrap_or(0);
    let item = |&noted: &u64| {
        let (deed, index) = ((noted >> 32) as usize, (noted & 0xffff_ffff) as usize);
        let after = watched.partition_point(|mapping| mapping.first <= index);
        let mapping = &watched[after - 1];
        let page = index - mapping.first;
        let data = written.contains(&(mapping.range.start / page_size() + page));
        Item {
            deed,
            block: steps[deed].block,
            mapping: mapping.name.clone(),
            page,
            cause: if data {
                Cause::UserData
            } else {
                Cause::Metadata
            },
        }
    };
    parts.items[..count].iter().map(item).collect()
}

#[cfg(test)]
mod tests;

//! What forked children print: a file for each that runs at a time, each child's part behind that of the one before.

use super::folder;
use crate::channel::{self, Point};
use crate::error::Error;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use tempfile::TempDir;

/// So many bytes are given back to the system at a time.
const GIVEN_BACK: u64 = 1 << 20;

/// The folder, and the files in it that were needed so far.
#[derive(Debug)]
pub(crate) struct Outputs {
    folder: TempDir,
    files: RefCell<HashMap<(u32, &'static str), Printed>>,
}

#[derive(Debug)]
struct Printed {
    file: File,
    /// Everything before was read and given back.
    given_back: u64,
    /// The end of the last part that was read.
    read: u64,
}

impl Outputs {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            folder: folder::for_output()?,
            files: RefCell::default(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a child printed, and what it printed as errors.
    pub(crate) fn of(&self, point: &Point) -> [Vec<u8>; 2] {
        [self.part(&point.out, "out"), self.part(&point.err, "err")]
    }

    /// How many bytes a child has printed that still runs.
    pub(crate) fn printed(&self, point: &Point) -> u64 {
        let end = self.with(&point.out, "out", |printed| printed.len());
        let start = point.out.start.load(Relaxed);
        end.map_or(0, |end| end.saturating_sub(start))
    }

    /// Says that a child has ended that its parent did not see end.
    pub(crate) fn end(&self, point: &Point) {
        for (output, kind) in [(&point.out, "out"), (&point.err, "err")] {
            if let Some(end) = self.with(output, kind, |printed| printed.len()) {
                output.end.store(end, Relaxed);
            }
        }
    }

    fn part(&self, output: &channel::Output, kind: &'static str) -> Vec<u8> {
        let (start, end) = (output.start.load(Relaxed), output.end.load(Relaxed));
        let len = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        if len == 0 {
            return Vec::new();
        }
        let part = self.with(output, kind, |printed| {
            printed.read = printed.read.max(end);
            printed.read(start, len)
        });
        part.unwrap_or_default()
    }

    /// Gives back the memory of what was read, but nothing of these points.
    pub(crate) fn give_back<'a>(&self, unread: impl Iterator<Item = &'a Point> + Clone) {
        for ((number, kind), printed) in self.files.borrow_mut().iter_mut() {
            let outputs = unread.clone().map(|point| match *kind {
                "out" => &point.out,
                _ => &point.err,
            });
            let starts = outputs
                .filter(|output| output.file.load(Relaxed) == *number)
                .map(|output| output.start.load(Relaxed));
            let end = starts.fold(printed.read, u64::min);
            printed.give_back(end);
        }
    }

    fn with<T>(
        &self,
        output: &channel::Output,
        kind: &'static str,
        look: impl FnOnce(&mut Printed) -> T,
    ) -> Option<T> {
        let number = output.file.load(Relaxed);
        let index = number.checked_sub(1)?;
        let mut files = self.files.borrow_mut();
        if let Some(printed) = files.get_mut(&(number, kind)) {
            return Some(look(printed));
        }
        let path = self.folder().join(format!("{index}.{kind}"));
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        let printed = Printed {
            file,
            given_back: 0,
            read: 0,
        };
        Some(look(files.entry((number, kind)).or_insert(printed)))
    }
}

impl Printed {
    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// What stands there; less if the program has cut its output off.
    fn read(&self, start: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut read = 0;
        while read < len {
            match self.file.read_at(&mut bytes[read..], start + read as u64) {
                Ok(more @ 1..) => read += more,
                _ => break,
            }
        }
        bytes.truncate(read);
        bytes
    }

    fn give_back(&mut self, end: u64) {
        let end = end / GIVEN_BACK * GIVEN_BACK;
        if end <= self.given_back {
            return;
        }
        let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        // A file system that cannot keeps it to the end of the sweep.
        let _ = rustix::fs::fallocate(&self.file, flags, self.given_back, end - self.given_back);
        self.given_back = end;
    }
}

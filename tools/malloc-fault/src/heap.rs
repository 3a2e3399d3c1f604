//! A heap that tracks its blocks and retries once when there is no memory: the thing under test.
//!
//! Its calls are libc's, and each block has a record that is malloc'ed too, so tracking shifts the numbers of all later calls.
//! When a call fails, the heap may try it again: how much it wants to depends on how critical the call is, and on how often it
//! had to recover before.

mod backend;
mod pressure;
mod record;
mod report;

pub use backend::{Backend, Libc, Planned};
pub use pressure::{Criticality, Pressure};
pub use report::{Block, Report, Totals};

use record::{Record, Records};
use std::ffi::{CStr, c_char};
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Instant;

/// malloc, calloc, realloc, strdup and free over libc, tracked, with one retry.
///
/// ```
/// use malloc_fault::heap::TrackedHeap;
///
/// let mut heap = TrackedHeap::new();
/// let block = heap.malloc(24, "delegate").expect("memory");
/// assert_eq!(heap.report().totals().live_blocks, 1);
/// // SAFETY: the block is this heap's, and not used any more.
/// unsafe { heap.free(block) };
/// assert!(heap.report().is_clean());
/// ```
#[derive(Debug)]
pub struct TrackedHeap<B: Backend = Libc> {
    backend: B,
    records: Records,
    pressure: Pressure,
    totals: Totals,
    began: Instant,
    reports_at_exit: bool,
}

impl TrackedHeap {
    /// A heap without blocks, over libc.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Libc)
    }
}

impl Default for TrackedHeap {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> TrackedHeap<B> {
    /// A heap without blocks, over another set of functions.
    #[must_use]
    pub fn over(backend: B) -> Self {
        Self {
            backend,
            records: Records::default(),
            pressure: Pressure::default(),
            totals: Totals::default(),
            began: Instant::now(),
            reports_at_exit: false,
        }
    }

    /// Prints the report on standard error when the heap is dropped.
    #[must_use]
    pub fn reporting_at_exit(mut self) -> Self {
        self.reports_at_exit = true;
        self
    }

    /// Allocates `size` bytes; `None` if there is no memory, also on a second try where one is made.
    #[track_caller]
    pub fn malloc(&mut self, size: usize, description: &'static str) -> Option<NonNull<u8>> {
        let retries = 0 < size && size < 1024;
        let block =
            self.with_retry(Criticality::MALLOC, retries, |backend| backend.malloc(size))?;
        self.track(block, size, description, Location::caller())
    }

    /// Allocates `count * size` zeroed bytes. A product that overflows is a failure.
    #[track_caller]
    pub fn calloc(
        &mut self,
        count: usize,
        size: usize,
        description: &'static str,
    ) -> Option<NonNull<u8>> {
        let Some(total) = count.checked_mul(size) else {
            self.totals.failures += 1;
            backend::set_no_memory();
            return None;
        };
        let call = |backend: &mut B| backend.calloc(count, size);
        let block = self.with_retry(Criticality::CALLOC, total > 0, call)?;
        self.track(block, total, description, Location::caller())
    }

    /// Copies a text.
    #[track_caller]
    pub fn strdup(&mut self, text: &CStr, description: &'static str) -> Option<NonNull<c_char>> {
        let call = |backend: &mut B| backend.strdup(text);
        let block = self.with_retry(Criticality::STRDUP, true, call)?;
        let size = text.count_bytes() + 1;
        self.track(block, size, description, Location::caller())
            .map(NonNull::cast)
    }

    /// Gives a block another size, and perhaps another place. If that fails the old block is as it was, and still tracked.
    ///
    /// Size 0 frees the block and returns `None`, as glibc does. A block that is not this heap's is refused and counted.
    ///
    /// # Safety
    ///
    /// After success the old pointer is not used any more.
    #[track_caller]
    pub unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        size: usize,
        description: &'static str,
    ) -> Option<NonNull<u8>> {
        if size == 0 {
            // SAFETY: the caller does not use it any more.
            unsafe { self.free(block) };
            return None;
        }
        if self.records.find(block).is_none() {
            self.totals.refused += 1;
            return None;
        }
        let call = |backend: &mut B| {
            // SAFETY: the block is live: it has a record.
            unsafe { backend.realloc(block, size) }
        };
        let moved = self.with_retry(Criticality::REALLOC, true, call)?;
        let time = self.now();
        let record = self.records.find(block).expect("a record, found above");
        let old = record.size;
        record.describe(moved, size, description, Location::caller(), time);
        self.totals.live_bytes = self.totals.live_bytes - old + size;
        Some(moved)
    }

    /// Frees a block. One that is not live in this heap is refused and counted: an invalid or double free.
    ///
    /// # Safety
    ///
    /// The block is not used any more.
    pub unsafe fn free(&mut self, block: NonNull<u8>) {
        let Some(record) = self.records.take(block) else {
            self.totals.refused += 1;
            return;
        };
        // SAFETY: taken out of the list, so it is whole and nobody else's.
        let size = unsafe { record.as_ref() }.size;
        // SAFETY: the block has a record, so it is the backend's and live; nobody uses it, by the caller's promise.
        unsafe { self.backend.free(block) };
        // SAFETY: the record is the backend's own block too.
        unsafe { self.backend.free(record.cast()) };
        self.totals.live_blocks -= 1;
        self.totals.live_bytes -= size;
        self.totals.frees += 1;
    }

    /// Says that a block is lost on purpose: the report lists it apart.
    pub fn intend_leak(&mut self, block: NonNull<u8>) {
        if let Some(record) = self.records.find(block) {
            record.intended = 1;
        }
    }

    /// Zeroes the pressure.
    pub fn reset(&mut self) {
        self.pressure = Pressure::default();
    }

    /// How hard it was to get memory so far.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// Totals, and the blocks that are live now.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report::new(self.totals, &self.records)
    }

    /// Calls; calls again, once, if that fails and recovery is recommended.
    fn with_retry(
        &mut self,
        criticality: Criticality,
        retries: bool,
        call: impl Fn(&mut B) -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        self.totals.calls += 1;
        if let Some(block) = call(&mut self.backend) {
            return Some(block);
        }
        self.totals.failures += 1;
        if !retries || !self.pressure.recommends(criticality) {
            return None;
        }
        self.totals.retries += 1;
        let again = call(&mut self.backend);
        self.totals.failures += usize::from(again.is_none());
        again
    }

    /// Gives a block its record. Without one it is freed: what cannot be tracked is not handed out.
    #[inline(never)]
    fn track(
        &mut self,
        block: NonNull<u8>,
        size: usize,
        description: &'static str,
        site: &'static Location<'static>,
    ) -> Option<NonNull<u8>> {
        let Some(record) = self.backend.malloc(size_of::<Record>()) else {
            self.totals.failures += 1;
            // SAFETY: nobody has seen the block yet.
            unsafe { self.backend.free(block) };
            return None;
        };
        let time = self.now();
        // SAFETY: the record's memory is new, as large as a record, and aligned as malloc aligns.
        unsafe {
            self.records
                .add(record.cast(), block, size, description, site, time)
        };
        self.totals.live_blocks += 1;
        self.totals.live_bytes += size;
        Some(block)
    }

    /// Milliseconds since the heap was made; they stop after seven weeks.
    fn now(&self) -> u32 {
        u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
}

impl<B: Backend> Drop for TrackedHeap<B> {
    /// Frees the records. The blocks stay: whoever holds one may go on using it.
    fn drop(&mut self) {
        if self.reports_at_exit {
            eprint!("{}", self.report());
        }
        while let Some(record) = self.records.take_any() {
            // SAFETY: taken out of the list, and the backend's own.
            unsafe { self.backend.free(record.cast()) };
        }
    }
}

#[cfg(test)]
mod tests;

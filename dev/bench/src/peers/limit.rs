//! What no arena can beat: a bump over a mapping that is there already, one compare, nothing else.
//!
//! It grows nothing, refuses no type, has no policy and no statistics. It is not an arena to use:
//! it takes whoever calls it at his word.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

use api02::alloc::{AllocError, Allocator};
use memmap2::{MmapMut, MmapOptions};

use super::Peer;
use crate::ability::{Copies, Layouts, Make, Rewinds, Short, Values, vecs};
use crate::work::{self, Workload};

pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "limit",
    title: "hand-written limit",
    runs: &[
        (Workload::OneU64, work::one_u64::<Limit>),
        (Workload::FortyBytes, work::forty_bytes::<Limit>),
        (Workload::MixedLayouts, work::mixed_layouts::<Limit>),
        (Workload::SlicesAndStr, work::slices_and_str::<Limit>),
        (Workload::VecPush, work::vec_push::<Limit>),
        (Workload::VecFaults, work::vec_faults::<Limit>),
        (Workload::ColdObjects, work::cold_objects::<Limit>),
        (Workload::ShortLived, work::short_lived::<Limit>),
        (Workload::Rewind, work::rewind::<Limit>),
        (Workload::Tree, work::tree::<Limit>),
    ],
}];

/// A bump pointer and its limit, inlined everywhere.
struct Limit {
    bump: Cell<*mut u8>,
    end: Cell<*mut u8>,
    base: *mut u8,
    /// What is unmapped in the end.
    _memory: Option<MmapMut>,
}

impl Limit {
    fn over(mut memory: MmapMut) -> Self {
        let range = memory.as_mut_ptr_range();
        Self {
            bump: Cell::new(range.start),
            end: Cell::new(range.end),
            base: range.start,
            _memory: Some(memory),
        }
    }

    /// Take a block where the bump pointer stands. `size` is a multiple of what the values around
    /// are aligned to.
    #[inline(always)]
    fn bump(&self, size: usize) -> *mut u8 {
        let at = self.bump.get();
        let next = at.wrapping_add(size);
        if next > self.end.get() {
            return full();
        }
        self.bump.set(next);
        at
    }
}

#[cold]
#[inline(never)]
fn full() -> *mut u8 {
    panic!("the limit's memory is used up")
}

impl Make for Limit {
    fn make(bytes: usize) -> Self {
        let memory = MmapOptions::new().len(bytes).populate().map_anon();
        Self::over(memory.expect("memory for the limit"))
    }

    fn make_cold(_: usize) -> Self {
        let memory = MmapOptions::new().len(1 << 30).no_reserve_swap().map_anon();
        Self::over(memory.expect("address space for the limit"))
    }

    fn empty(&mut self) {
        self.bump.set(self.base);
    }
}

impl<T: Copy> Values<T> for Limit {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        let at = self.bump(size_of::<T>()).cast::<T>();
        // SAFETY: the block lies in the memory that `self` owns, and is handed out once; every
        // value of a run has the same alignment, which its size is a multiple of.
        unsafe { at.write(value) };
        // SAFETY: written just now.
        unsafe { &*at }
    }
}

impl Layouts for Limit {
    #[inline(always)]
    fn block(&self, layout: Layout) -> NonNull<u8> {
        let at = self.bump.get();
        let start = at.map_addr(|at| (at + (layout.align() - 1)) & !(layout.align() - 1));
        let next = start.wrapping_add(layout.size());
        if next > self.end.get() {
            full();
        }
        self.bump.set(next);
        // SAFETY: at or above the start of a mapping.
        unsafe { NonNull::new_unchecked(start) }
    }
}

impl Copies for Limit {
    #[inline(always)]
    fn bytes(&self, source: &[u8]) -> &[u8] {
        let at = self.bump(source.len());
        // SAFETY: the block is fresh and has as many bytes as the source.
        unsafe { source.as_ptr().copy_to_nonoverlapping(at, source.len()) };
        // SAFETY: written just now.
        unsafe { std::slice::from_raw_parts(at, source.len()) }
    }

    #[inline(always)]
    fn text(&self, source: &str) -> &str {
        // SAFETY: a copy of valid UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.bytes(source.as_bytes())) }
    }
}

// SAFETY: blocks lie in the mapping, which the limit owns and is borrowed for.
unsafe impl Allocator for &Limit {
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(NonNull::slice_from_raw_parts(
            self.block(layout),
            layout.size(),
        ))
    }

    #[inline(always)]
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}

    /// Only ever called for the newest block, which starts where it starts.
    #[inline(always)]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.bump.set(block.as_ptr());
        self.allocate(new)
    }
}

vecs!([] Limit, api02, self => self);

impl Rewinds for Limit {
    type Mark = *mut u8;

    #[inline(always)]
    fn mark(&mut self) -> *mut u8 {
        self.bump.get()
    }

    #[inline(always)]
    unsafe fn rewind(&mut self, mark: *mut u8) {
        self.bump.set(mark);
    }
}

thread_local! {
    /// The memory that the last short life left behind; null while it is in use.
    static SPARE: Cell<*mut u8> = const { Cell::new(std::ptr::null_mut()) };
}

/// Bytes of a short life.
const SHORT_LEN: usize = 1 << 16;

impl Short for Limit {
    #[inline(always)]
    fn short() -> Self {
        let mut base = SPARE.replace(std::ptr::null_mut());
        if base.is_null() {
            base = first_short();
        }
        Self {
            base,
            bump: Cell::new(base),
            end: Cell::new(base.wrapping_add(SHORT_LEN)),
            _memory: None,
        }
    }

    #[inline(always)]
    fn end(&mut self) {
        SPARE.set(self.base);
    }
}

/// Map what a thread's short lives pass on from one to the next. It stays until the process ends.
#[cold]
#[inline(never)]
fn first_short() -> *mut u8 {
    let memory = MmapOptions::new().len(SHORT_LEN).populate().map_anon();
    let memory = std::mem::ManuallyDrop::new(memory.expect("memory for the limit"));
    memory.as_ptr().cast_mut()
}

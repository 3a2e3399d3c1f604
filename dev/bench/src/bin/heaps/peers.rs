//! The heaps: each over memory of its own, blocks by pointer.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use rlsf::Tlsf;
use tagheap::walker::Walker;
use tagheap::{Handle, Options, Tag, TagHeap};
use talc::base::Talc;
use talc::base::binning::DefaultBinning;
use talc::source::Manual;

/// A heap that hands out blocks and takes them back.
pub(crate) trait Heap {
    /// Allocate, or say that there is no room.
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>>;

    /// Free a block that was asked for with this size.
    ///
    /// # Safety
    ///
    /// The block is live, and nobody uses it any more.
    unsafe fn free(&mut self, block: NonNull<u8>, size: usize);

    /// Give a block another size, with the bytes it has.
    ///
    /// # Safety
    ///
    /// As [`free`](Self::free), unless it fails.
    unsafe fn realloc(&mut self, block: NonNull<u8>, old: usize, new: usize)
    -> Option<NonNull<u8>>;
}

/// Which heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Walker,
    TagHeap,
    Handles,
    NoTable,
    NoTableHandles,
    Rlsf,
    Talc,
    Glibc,
}

impl Peer {
    pub(crate) const ALL: [Self; 8] = [
        Self::Walker,
        Self::TagHeap,
        Self::Handles,
        Self::NoTable,
        Self::NoTableHandles,
        Self::Rlsf,
        Self::Talc,
        Self::Glibc,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Walker => "list walker",
            Self::TagHeap => "tagheap",
            Self::Handles => "tagheap, by handles",
            Self::NoTable => "tagheap without a table",
            Self::NoTableHandles => "the same by handles",
            Self::Rlsf => "rlsf",
            Self::Talc => "talc",
            Self::Glibc => "glibc malloc",
        }
    }

    /// What it is called on the command line.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Walker => "walker",
            Self::TagHeap => "tagheap",
            Self::Handles => "tagheap-handles",
            Self::NoTable => "tagheap-no-table",
            Self::NoTableHandles => "tagheap-no-table-handles",
            Self::Rlsf => "rlsf",
            Self::Talc => "talc",
            Self::Glibc => "glibc",
        }
    }

    /// Make a heap over so many bytes, which stay taken until the program ends.
    pub(crate) fn make(self, len: usize) -> Box<dyn Heap> {
        match self {
            Self::Walker => Box::new(Walking(Walker::new(len))),
            Self::TagHeap => Box::new(tag_heap(len, &Options::new())),
            Self::Handles => Box::new(Handles::new(len, true)),
            Self::NoTable => Box::new(tag_heap(len, &Options::new().table(false))),
            Self::NoTableHandles => Box::new(Handles::new(len, false)),
            Self::Rlsf => Box::new(rlsf(len)),
            Self::Talc => Box::new(talc(len)),
            Self::Glibc => Box::new(Glibc),
        }
    }
}

/// Align of requests: what malloc would give for these sizes is more; tagheap gives 4.
fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).expect("a small size")
}

/// Zeroed memory that is never given back, at a page's start, in huge pages where it is large enough
/// and the system has some, so that all heaps pay alike for finding an address.
pub(crate) fn memory(len: usize) -> &'static mut [u8] {
    let map = memmap2::MmapOptions::new().len(len).map_anon();
    let map = Box::leak(Box::new(map.expect("memory for a heap")));
    // A system without huge pages refuses, and nothing else is different.
    let _ = map.advise(memmap2::Advice::HugePage);
    &mut map[..]
}

const TAG: Tag = match Tag::head(1) {
    Ok(tag) => tag,
    Err(_) => unreachable!(),
};

pub(crate) fn tag_heap(len: usize, options: &Options) -> TagHeap<'static> {
    let control = memory(options.control_len(len));
    TagHeap::create_apart(control, memory(len), options).expect("a heap in its memory")
}

impl Heap for TagHeap<'static> {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        self.alloc_raw(size, TAG).ok()
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _size: usize) {
        // SAFETY: the caller's word.
        unsafe { self.free_raw(block) }.expect("a live block");
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        _old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        unsafe { self.realloc_raw(block, new) }.ok()
    }
}

/// Blocks by handle; what is taken for a pointer is the handle's place in a list, and never followed.
struct Handles {
    heap: TagHeap<'static>,
    handles: Vec<Handle>,
    vacant: Vec<usize>,
}

impl Handles {
    fn new(len: usize, table: bool) -> Self {
        let handles = (len / 100) as u32;
        let options = Options::new().handles(handles).table(table);
        Self {
            heap: tag_heap(len, &options),
            handles: Vec::new(),
            vacant: Vec::new(),
        }
    }
}

impl Heap for Handles {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        let handle = self.heap.alloc(size, TAG).ok()?;
        let place = if let Some(place) = self.vacant.pop() {
            self.handles[place] = handle;
            place
        } else {
            self.handles.push(handle);
            self.handles.len() - 1
        };
        NonNull::new(std::ptr::without_provenance_mut(place + 1))
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _size: usize) {
        let place = block.addr().get() - 1;
        self.heap.free(self.handles[place]).expect("a live block");
        self.vacant.push(place);
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        _old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        let handle = self.handles[block.addr().get() - 1];
        self.heap.realloc(handle, new).ok().map(|()| block)
    }
}

/// The walker names blocks by their place; as pointers these are never followed.
struct Walking(Walker);

impl Heap for Walking {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        let place = self.0.alloc(size, 4, TAG).ok()?;
        NonNull::new(std::ptr::without_provenance_mut(place))
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _size: usize) {
        self.0.free(block.addr().get());
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        _old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        let place = self.0.realloc(block.addr().get(), new).ok()?;
        NonNull::new(std::ptr::without_provenance_mut(place))
    }
}

/// Two levels of size classes, as many as rlsf's documentation suggests for 64-bit systems.
type Rlsf = Tlsf<'static, u32, u32, 28, 32>;

fn rlsf(len: usize) -> Rlsf {
    let bytes = memory(len);
    let pool: *mut [u8] = bytes;
    // SAFETY: initialised bytes may be seen as ones that may not be.
    let pool = unsafe { &mut *(pool as *mut [MaybeUninit<u8>]) };
    let mut heap = Rlsf::new();
    heap.insert_free_block(pool);
    heap
}

impl Heap for Rlsf {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        self.allocate(layout(size))
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _size: usize) {
        // SAFETY: the caller's word; the align is that of `layout`.
        unsafe { self.deallocate(block, 4) };
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        _old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word; the align is the same.
        unsafe { self.reallocate(block, layout(new)) }
    }
}

type TalcHeap = Talc<Manual, DefaultBinning>;

fn talc(len: usize) -> TalcHeap {
    let mut heap = TalcHeap::new(Manual);
    // SAFETY: the memory is nobody else's.
    let end = unsafe { heap.claim(memory(len).as_mut_ptr(), len) };
    assert!(end.is_some(), "talc takes the memory");
    heap
}

impl Heap for TalcHeap {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the size is not 0.
        unsafe { self.allocate(layout(size)) }
    }

    unsafe fn free(&mut self, block: NonNull<u8>, size: usize) {
        // SAFETY: the caller's word.
        unsafe { self.deallocate(block.as_ptr(), layout(size)) };
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        if unsafe { self.try_realloc_in_place(block.as_ptr(), layout(old), new) } {
            return Some(block);
        }
        let moved = self.alloc(new)?;
        // SAFETY: two live blocks, each at least so long.
        unsafe { moved.copy_from_nonoverlapping(block, old.min(new)) };
        // SAFETY: the caller's word.
        unsafe { self.free(block, old) };
        Some(moved)
    }
}

struct Glibc;

impl Heap for Glibc {
    fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: malloc takes any size.
        NonNull::new(unsafe { libc::malloc(size) }.cast())
    }

    unsafe fn free(&mut self, block: NonNull<u8>, _size: usize) {
        // SAFETY: the caller's word.
        unsafe { libc::free(block.as_ptr().cast()) };
    }

    unsafe fn realloc(
        &mut self,
        block: NonNull<u8>,
        _old: usize,
        new: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        NonNull::new(unsafe { libc::realloc(block.as_ptr().cast(), new) }.cast())
    }
}

//! `heap.h`: tagged heaps for C.

use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null_mut};

use arena_core::Region;
use tagheap::{Options, RegionHeap, RegionHeapError, Tag, Verdict, th};

use crate::border::{Outcome, guarded, place, text};
use crate::failure::Failure;
use crate::slots::{self, Claim, Kind};

/// A tagged heap: HEAD blocks from the bottom up, TAIL blocks from the top down.
///
/// A handle is a number, not an address. One thread at a time may be in a call on a heap, any
/// thread; a second one, and a call from within a callback of the same heap, is refused with
/// `OTH_CODE_BUSY`.
#[derive(Debug)]
pub struct HeapHandle {
    _never_made: (),
}

/// What a handle stands for.
#[derive(Debug)]
pub(crate) struct HeapObject(RegionHeap);

impl Kind for HeapObject {
    const TAG: u8 = 0xb7;
    const NAME: &'static str = "oth_heap";
}

/// For `flags` of `oth_heap_create`: eight known bytes behind each block, looked at when it is
/// freed or resized and when the heap is checked; an overflow is `OTH_CODE_DAMAGED` then.
pub const OTH_HEAP_CANARIES: u32 = 1;

/// For `flags` of `oth_heap_create`: no table for the index, which takes about 1/48 of the heap. Blocks are
/// placed alike, and take longer to be; to look at a pointer takes a step for each live block between it and
/// the nearest free one.
pub const OTH_HEAP_NO_TABLE: u32 = 2;

/// What freeing whole tags gave back.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HeapFreed {
    /// How many blocks were freed.
    pub blocks: usize,
    /// Their bytes, and 24 for each header that is gone.
    pub bytes: usize,
}

/// What a defragmentation did.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HeapMoved {
    /// How many blocks were moved.
    pub moves: usize,
    /// The bytes in them.
    pub bytes: usize,
    /// How many moves the callback vetoed.
    pub vetoes: usize,
    /// The largest free block before, in bytes.
    pub largest_free_before: usize,
    /// The largest free block after, in bytes.
    pub largest_free_after: usize,
}

/// The numbers of a heap, in bytes unless it says otherwise.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HeapStats {
    /// All blocks with their headers.
    pub capacity: usize,
    /// How many blocks are live.
    pub live: usize,
    /// Free, headers not counted.
    pub free: usize,
    /// Free below the lowest TAIL block: what HEAD can have.
    pub free_head: usize,
    /// The largest free block: what one request can have.
    pub largest_free: usize,
    /// How many free blocks lie among the blocks of one side.
    pub holes: usize,
}

/// A block, as a walk sees it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HeapBlock {
    /// The address of its payload.
    pub payload: *mut u8,
    /// Where its header is, in bytes from the start of the heap.
    pub offset: u32,
    /// The bytes of its payload.
    pub size: u32,
    /// The 15 bits of its tag: TAIL has bit 14; 0x7FFF is free.
    pub tag: u16,
    /// 1 if it is free, 0 if it is live.
    pub is_free: u8,
}

impl From<th::CBlock> for HeapBlock {
    fn from(block: th::CBlock) -> Self {
        Self {
            payload: block.payload,
            offset: block.offset,
            size: block.size,
            tag: block.tag,
            is_free: u8::from(block.free),
        }
    }
}

/// Says whether a block may move to an address: 0 is a veto. It must return, and not by `longjmp`
/// or an exception; calls on the same heap are refused meanwhile.
pub type MayMove =
    Option<unsafe extern "C" fn(context: *mut c_void, tag: u16, proposed: *mut c_void) -> i32>;

/// Is shown a block. It must return, and not by `longjmp` or an exception; calls on the same heap
/// are refused meanwhile.
pub type Visit = Option<unsafe extern "C" fn(context: *mut c_void, block: *const HeapBlock)>;

fn claim(heap: *mut HeapHandle) -> Result<Claim<HeapObject>, Failure> {
    Ok(slots::claim(heap)?)
}

fn tag(bits: u32) -> Result<Tag, Failure> {
    th::tag(bits).map_err(|error| Failure::Heap(error.into()))
}

/// Create a heap in `bytes` bytes of memory of its own, rounded up to whole pages; the index of
/// the heap takes about 1/48 of them, if it is a table. The handle goes to `*heap`; on failure NULL does.
///
/// `flags` is 0, or the sum of `OTH_HEAP_CANARIES` and `OTH_HEAP_NO_TABLE`, or one of them.
///
/// Any thread.
///
/// # Safety
///
/// `heap` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_create(
    bytes: usize,
    flags: u32,
    heap: *mut *mut HeapHandle,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(heap, "heap") }?;
        out.put(null_mut());
        if flags & !(OTH_HEAP_CANARIES | OTH_HEAP_NO_TABLE) != 0 {
            let allowed = "0, OTH_HEAP_CANARIES, OTH_HEAP_NO_TABLE, or both";
            return Err(Failure::Invalid("flags", flags as usize, allowed));
        }
        if bytes == 0 {
            return Err(Failure::Invalid("bytes", 0, "a heap needs some"));
        }
        let region = Region::anonymous(bytes)?;
        let options = Options::new()
            .canaries(flags & OTH_HEAP_CANARIES != 0)
            .table(flags & OTH_HEAP_NO_TABLE == 0);
        let made = RegionHeap::create(region, &options).map_err(|error| match error {
            RegionHeapError::Region(error) => Failure::from(error),
            RegionHeapError::Heap(error) => Failure::Open(error),
            _ => Failure::NoMemory("a heap"),
        })?;
        out.put(slots::create(HeapObject(made))?);
        Ok(())
    })
}

/// Destroy a heap, with every block in it. NULL is accepted.
///
/// The handle is refused from then on, also when another heap has taken its place.
///
/// Any thread, one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn oth_heap_destroy(heap: *mut HeapHandle) -> Outcome {
    guarded(|| {
        if !heap.is_null() {
            claim(heap)?.destroy();
        }
        Ok(())
    })
}

/// Allocate a block of `size` bytes under a tag, and put its address into `*payload`; on failure
/// NULL. 0 bytes are treated as 1. Blocks are aligned to 4 bytes.
///
/// `tag` is 0 to 0x3FFF for HEAD; TAIL n is 0x4000 + n, 0x8000 + n or 0x80000000 + n, up to
/// n = 0x3FFE.
///
/// Any thread, one at a time.
///
/// Fails with `OTH_CODE_NO_MEMORY` (errno is ENOMEM) when no free block is large enough, and with
/// `OTH_CODE_INVALID` for a bad tag.
///
/// # Safety
///
/// `payload` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_alloc(
    heap: *mut HeapHandle,
    size: usize,
    tag: u32,
    payload: *mut *mut c_void,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(payload, "payload") }?;
        out.put(null_mut());
        let object = claim(heap)?;
        let block = object.0.alloc_raw(size, self::tag(tag)?)?;
        out.put(block.as_ptr().cast());
        Ok(())
    })
}

/// Resize a block: `*payload` is its address, and becomes its new one.
///
/// On failure both `*payload` and the block are as they were. A `*payload` of NULL, and a size of
/// 0, fail with `OTH_CODE_NULL` and `OTH_CODE_INVALID`: there is `oth_heap_alloc` and
/// `oth_heap_free`.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `payload` is NULL or can be read and written; when this succeeds, the old address is not used
/// again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_realloc(
    heap: *mut HeapHandle,
    payload: *mut *mut c_void,
    size: usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(payload, "payload") }?;
        // SAFETY: not NULL, and readable by the caller's promise.
        let old = NonNull::new(unsafe { payload.read() }).ok_or(Failure::Null("*payload"))?;
        let object = claim(heap)?;
        if size == 0 {
            return Err(Failure::Invalid("size", 0, "free the block instead"));
        }
        // SAFETY: by the caller's promise.
        let new = unsafe { object.0.realloc_raw(old.cast(), size) }?;
        out.put(new.as_ptr().cast());
        Ok(())
    })
}

/// Free a block. NULL is accepted.
///
/// A pointer that is no payload of a live block, because it was freed, leads into a block or
/// elsewhere, is refused with `OTH_CODE_POINTER`; `recovered` may be NULL, and otherwise gets the
/// bytes that are free again: the payload, and 24 for each header that a merge removed.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `recovered` is NULL or can be written to; the block is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_free(
    heap: *mut HeapHandle,
    payload: *mut c_void,
    recovered: *mut usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(recovered, "recovered") }.ok();
        let put = |bytes| out.iter().for_each(|out| out.put(bytes));
        put(0);
        let object = claim(heap)?;
        if let Some(payload) = NonNull::new(payload) {
            // SAFETY: by the caller's promise.
            put(unsafe { object.0.free_raw(payload.cast()) }?.bytes);
        }
        Ok(())
    })
}

/// Free every block with a tag from `low` to `high`, both included, both of one side; what that
/// gave back goes to `*freed`.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `freed` is NULL or can be written to; none of these blocks is used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_free_tags(
    heap: *mut HeapHandle,
    low: u32,
    high: u32,
    freed: *mut HeapFreed,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(freed, "freed") }?;
        let object = claim(heap)?;
        let freed = object.0.free_tags(tag(low)?..=tag(high)?)?;
        out.put(HeapFreed {
            blocks: freed.blocks,
            bytes: freed.bytes,
        });
        Ok(())
    })
}

/// Move HEAD blocks down over the free space below them, as far as `may_move` lets them; what was
/// done goes to `*moved`.
///
/// `may_move` gets `context`, the tag, and the address that the payload would have; whoever keeps
/// the block's address has to change it before returning 1.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `moved` is NULL or can be written to; `may_move` is NULL or a function of this type that can be
/// called with `context`; nobody uses the old address of a block that has moved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_defrag(
    heap: *mut HeapHandle,
    may_move: MayMove,
    context: *mut c_void,
    moved: *mut HeapMoved,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(moved, "moved") }?;
        let may_move = may_move.ok_or(Failure::Null("may_move"))?;
        let object = claim(heap)?;
        let report = object.0.defrag(|offer| {
            let proposed = offer.address.as_ptr().cast();
            // SAFETY: by the caller's promise.
            let answer = unsafe { may_move(context, offer.tag.bits(), proposed) };
            if answer == 0 {
                Verdict::Veto
            } else {
                Verdict::Move
            }
        })?;
        out.put(HeapMoved {
            moves: report.moves,
            bytes: report.bytes,
            vetoes: report.vetoes,
            largest_free_before: report.before.largest_free,
            largest_free_after: report.after.largest_free,
        });
        Ok(())
    })
}

/// Put the heap's numbers into `*stats`.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `stats` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_stats(heap: *mut HeapHandle, stats: *mut HeapStats) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(stats, "stats") }?;
        let object = claim(heap)?;
        let shape = object.0.fragmentation();
        out.put(HeapStats {
            capacity: object.0.capacity(),
            live: object.0.live(),
            free: shape.free,
            free_head: object.0.count_free_head(),
            largest_free: shape.largest_free,
            holes: shape.holes,
        });
        Ok(())
    })
}

/// Check every header, link, index and canary: `OTH_CODE_DAMAGED` says what is wrong, and where.
///
/// Any thread, one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn oth_heap_check(heap: *mut HeapHandle) -> Outcome {
    guarded(|| {
        claim(heap)?.0.validate().map_err(tagheap::Error::from)?;
        Ok(())
    })
}

/// Show every block to `visit`, from the bottom up, the empty one at the end included.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `visit` is NULL or a function of this type that can be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_walk(
    heap: *mut HeapHandle,
    visit: Visit,
    context: *mut c_void,
) -> Outcome {
    guarded(|| {
        let visit = visit.ok_or(Failure::Null("visit"))?;
        let object = claim(heap)?;
        for block in th::walk(&object.0) {
            let block = HeapBlock::from(block);
            // SAFETY: by the caller's promise.
            unsafe { visit(context, &raw const block) };
        }
        Ok(())
    })
}

/// Draw the heap on one line into `*drawing`: `FIRST [1001 4dw] [FREE 74978dw] LAST`.
///
/// The text belongs to the caller, who frees it with `oth_text_free`; on failure it is NULL.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `drawing` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_heap_draw(
    heap: *mut HeapHandle,
    drawing: *mut *mut c_char,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(drawing, "drawing") }?;
        out.put(null_mut());
        out.put(text(&claim(heap)?.0.drawing())?);
        Ok(())
    })
}

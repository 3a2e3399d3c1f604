//! The calls of the source, with its argument types and its rules: what a C API exports.
//!
//! | C | here |
//! |---|---|
//! | `void TH_init(void)` | [`TagHeap::create_apart`], or [`create`](TagHeap::create) |
//! | `uint8_t *TH_alloc(int bytesize, uint32_t tag)` | [`alloc`] |
//! | `uint8_t *TH_realloc(uint8_t *p, int bytesize)` | [`realloc`] |
//! | `int TH_free(uint8_t *p)` | [`free`] |
//! | `void TH_freetags(uint32_t low, uint32_t high)` | [`free_tags`] |
//! | `void TH_defrag(bool (*move)(short tag, uint8_t *proposed))` | [`defrag`] |
//! | `int TH_countfreehead(void)` | [`count_free_head`] |
//! | `bool TH_checkhealth_verbose(void)` | [`check_health`] |
//! | a walk over the blocks | [`walk`] |
//!
//! Each returns what the C call returns, and on the side the [`Error`], whose [`errno`] a wrapper sets.
//! They hold no heap: the wrapper does, and sees to it that one thread is in it at a time.

use core::ffi::{c_int, c_short};
use core::fmt;
use core::ptr::{NonNull, null_mut};

use crate::engine::Verdict;
use crate::error::{Error, Fault};
use crate::heap::TagHeap;
use crate::tag::{Tag, TagError};
use crate::walk::{Block, BlockState};

/// `errno` for a request without room: ENOMEM, the same number on every system that has it.
const ENOMEM: c_int = 12;

/// `errno` for a bad argument: EINVAL.
const EINVAL: c_int = 22;

/// Return the `errno` that says most of an error.
#[must_use]
pub fn errno(error: &Error) -> c_int {
    match error {
        Error::NoRoom { .. } | Error::NoHandle { .. } => ENOMEM,
        _ => EINVAL,
    }
}

/// Read a tag as C code writes it: the spellings of [`Tag::from_bits`], and `0x80000000 | n` for TAIL n.
///
/// # Errors
///
/// It is none of these.
pub fn tag(bits: u32) -> Result<Tag, TagError> {
    let invalid = TagError::InvalidTag { bits };
    match u16::try_from(bits) {
        Ok(short) => Tag::from_bits(short),
        Err(_) if bits >> 31 == 1 => {
            let number = u16::try_from(bits & 0x7fff_ffff).map_err(|_| invalid)?;
            Tag::tail(number)
        }
        Err(_) => Err(invalid),
    }
}

/// `TH_alloc`: allocate a block; 0 bytes are treated as 1.
///
/// # Errors
///
/// A bad tag, a negative size ([`Error::NoRoom`] for none has room for it), or no room: NULL.
pub fn alloc(heap: &TagHeap<'_>, bytesize: c_int, tag_bits: u32) -> Result<NonNull<u8>, Error> {
    let tag = tag(tag_bits)?;
    // A negative size becomes one that no heap has.
    let size = usize::try_from(bytesize).unwrap_or(usize::MAX);
    heap.alloc_raw(size, tag)
}

/// `TH_realloc`: NULL stays NULL; a size of 0 or less frees the block and gives NULL.
///
/// # Errors
///
/// As [`TagHeap::realloc_raw`]: NULL, and the block is as it was.
///
/// # Safety
///
/// As [`TagHeap::realloc_raw`].
pub unsafe fn realloc(heap: &TagHeap<'_>, p: *mut u8, bytesize: c_int) -> Result<*mut u8, Error> {
    let Some(payload) = NonNull::new(p) else {
        return Ok(null_mut());
    };
    match usize::try_from(bytesize) {
        Ok(size @ 1..) => {
            // SAFETY: the caller's word.
            let grown = unsafe { heap.realloc_raw(payload, size) }?;
            Ok(grown.as_ptr())
        }
        _ => {
            // SAFETY: the caller's word.
            unsafe { heap.free_raw(payload) }?;
            Ok(null_mut())
        }
    }
}

/// `TH_free`: free a block and return the bytes recovered; NULL recovers 0.
///
/// # Errors
///
/// As [`TagHeap::free_raw`]: 0 bytes.
///
/// # Safety
///
/// As [`TagHeap::free_raw`].
pub unsafe fn free(heap: &TagHeap<'_>, p: *mut u8) -> Result<c_int, Error> {
    let Some(payload) = NonNull::new(p) else {
        return Ok(0);
    };
    // SAFETY: the caller's word.
    let freed = unsafe { heap.free_raw(payload) }?;
    Ok(clamped(freed.bytes))
}

/// `TH_freetags`: free every block with a tag of a range, both ends included.
///
/// # Errors
///
/// A bad tag, a range that is reversed or crosses sides, a pinned block: nothing is freed.
pub fn free_tags(heap: &TagHeap<'_>, low: u32, high: u32) -> Result<(), Error> {
    heap.free_tags(tag(low)?..=tag(high)?).map(drop)
}

/// `TH_defrag`: offer each HEAD block above free space its new address, and move it if the callback says
/// `true`.
///
/// # Errors
///
/// As [`TagHeap::defrag`].
pub fn defrag(
    heap: &TagHeap<'_>,
    mut may_move: impl FnMut(c_short, *mut u8) -> bool,
) -> Result<(), Error> {
    let report = heap.defrag(|offer| {
        // HEAD tags have 14 bits.
        let tag = c_short::try_from(offer.tag.bits()).unwrap_or(c_short::MAX);
        if may_move(tag, offer.address.as_ptr()) {
            Verdict::Move
        } else {
            Verdict::Veto
        }
    });
    report.map(drop)
}

/// `TH_countfreehead`: return the bytes in free blocks below the lowest TAIL block.
#[must_use]
pub fn count_free_head(heap: &TagHeap<'_>) -> c_int {
    clamped(heap.count_free_head())
}

/// `TH_checkhealth_verbose`: validate the heap, and write what was found, a line for each block.
///
/// # Errors
///
/// What is wrong: `false`.
///
/// # Panics
///
/// Never: what `out` refuses is not written.
pub fn check_health(heap: &TagHeap<'_>, out: &mut impl fmt::Write) -> Result<(), Fault> {
    let health = heap.validate();
    if health.is_ok() {
        for block in heap.walk() {
            let _ = line(out, &block);
        }
    }
    let _ = match &health {
        Ok(()) => writeln!(
            out,
            "healthy: {} live, {} bytes free, {} of them for HEAD",
            heap.live(),
            heap.free_bytes(),
            heap.count_free_head()
        ),
        Err(fault) => writeln!(out, "{fault}"),
    };
    health
}

fn line(out: &mut impl fmt::Write, block: &Block) -> fmt::Result {
    let (offset, size) = (block.offset, block.size);
    match block.state {
        BlockState::Free => writeln!(out, "base+{offset:<8} free  {size:>8} bytes"),
        BlockState::Last => writeln!(out, "base+{offset:<8} last"),
        BlockState::Live { tag, requested, .. } => {
            writeln!(
                out,
                "base+{offset:<8} live  {size:>8} bytes, {requested} requested, {tag}"
            )
        }
    }
}

/// A block as a C walker gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct CBlock {
    /// Where the header is, in bytes from the heap's base.
    pub offset: u32,
    /// The address of the payload.
    pub payload: *mut u8,
    /// The 15 bits of the tag; 0x7FFF if the block is not live.
    pub tag: u16,
    /// Whether it is free; LASTBLOCK is, with a size of 0.
    pub free: bool,
    /// The bytes of the payload.
    pub size: u32,
}

/// Walk over all blocks, LASTBLOCK included. A change of the heap ends the walk.
pub fn walk(heap: &TagHeap<'_>) -> impl Iterator<Item = CBlock> {
    heap.walk().map(|block| CBlock {
        offset: block.offset as u32,
        payload: heap.base().as_ptr().wrapping_add(block.payload),
        tag: block.tag_bits(),
        free: !block.is_live(),
        size: block.size as u32,
    })
}

/// What an `int` can say of so many bytes.
fn clamped(bytes: usize) -> c_int {
    c_int::try_from(bytes).unwrap_or(c_int::MAX)
}

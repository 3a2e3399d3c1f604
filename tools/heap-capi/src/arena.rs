//! `arena.h`: arenas for C.

use core::alloc::Layout;
use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null_mut};

use arena_core::{AllocError, Arena, Policy};

use crate::border::{Outcome, guarded, place, text};
use crate::failure::Failure;
use crate::slots::{self, Claim, Kind};

mod marks;

use marks::Marks;

/// An arena: one range of address space, handed out from its start, given up all at once.
///
/// A handle is a number, not an address. One thread at a time may be in a call on an arena, any
/// thread; a second one is refused with `OTH_CODE_BUSY`.
#[derive(Debug)]
pub struct ArenaHandle {
    _never_made: (),
}

/// What a handle stands for.
#[derive(Debug)]
pub(crate) struct ArenaObject {
    arena: Arena,
    marks: Marks,
}

impl Kind for ArenaObject {
    const TAG: u8 = 0xa7;
    const NAME: &'static str = "oth_arena";
}

/// Where an arena stood; to be given back to `oth_arena_rewind` as it is.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    /// Which arena.
    pub arena: u64,
    /// Which checkpoint of this arena.
    pub serial: u64,
    /// The bytes that were in use.
    pub used: usize,
}

/// The numbers of an arena, in bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ArenaStats {
    /// Handed out, padding included.
    pub used: usize,
    /// The largest `used` ever.
    pub high_water_mark: usize,
    /// Usable without asking the system again.
    pub committed: usize,
    /// Allowed by `oth_arena_set_limit`.
    pub limit: usize,
    /// Reserved.
    pub capacity: usize,
}

/// The align that any type of C is content with.
const ANY_ALIGN: usize = 16;

fn claim(arena: *mut ArenaHandle) -> Result<Claim<ArenaObject>, Failure> {
    Ok(slots::claim(arena)?)
}

/// Create an arena.
///
/// `reserve` is how many bytes of address space it takes, rounded up to whole pages: they cost
/// nothing until they are used, and are all it will ever have. 0 takes 1 GiB, or less where the
/// process has little room. The handle goes to `*arena`; on failure NULL does.
///
/// Any thread.
///
/// Fails with `OTH_CODE_NULL`, and with `OTH_CODE_NO_MEMORY` where there is no such room.
///
/// # Safety
///
/// `arena` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_create(reserve: usize, arena: *mut *mut ArenaHandle) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(arena, "arena") }?;
        out.put(null_mut());
        let policy = match reserve {
            0 => Policy::new(),
            bytes => Policy::new().reserve(bytes),
        };
        let arena = policy.build()?;
        let marks = Marks::new();
        out.put(slots::create(ArenaObject { arena, marks })?);
        Ok(())
    })
}

/// Destroy an arena, with every block in it. NULL is accepted.
///
/// The handle is refused from then on, also when another arena has taken its place.
///
/// Any thread, one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn oth_arena_destroy(arena: *mut ArenaHandle) -> Outcome {
    guarded(|| {
        if !arena.is_null() {
            claim(arena)?.destroy();
        }
        Ok(())
    })
}

/// Allocate a block of `size` bytes, and put its address into `*block`; on failure NULL.
///
/// `align` is a power of two; 0 is an align that is enough for any type. A block of 0 bytes has an
/// address that is not to be touched. Fresh bytes are zero where the arena never was before, and
/// anything elsewhere. The block is good until the arena is rewound below it, reset or destroyed;
/// it is not freed by itself, and never with `free`.
///
/// Any thread, one at a time.
///
/// Fails with `OTH_CODE_NO_MEMORY` (errno is ENOMEM) when the arena is exhausted; it is as before.
///
/// # Safety
///
/// `block` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_alloc(
    arena: *mut ArenaHandle,
    size: usize,
    align: usize,
    block: *mut *mut c_void,
) -> Outcome {
    // SAFETY: by the caller's promise.
    unsafe { alloc(arena, size, align, block, Arena::try_alloc_layout) }
}

/// Allocate a block of `size` bytes, all of them zero; otherwise as `oth_arena_alloc`.
///
/// # Safety
///
/// `block` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_alloc_zeroed(
    arena: *mut ArenaHandle,
    size: usize,
    align: usize,
    block: *mut *mut c_void,
) -> Outcome {
    // SAFETY: by the caller's promise.
    unsafe { alloc(arena, size, align, block, Arena::try_alloc_layout_zeroed) }
}

/// What both of them do.
///
/// # Safety
///
/// As theirs.
unsafe fn alloc(
    arena: *mut ArenaHandle,
    size: usize,
    align: usize,
    block: *mut *mut c_void,
    ask: impl FnOnce(&Arena, Layout) -> Result<NonNull<u8>, AllocError>,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(block, "block") }?;
        out.put(null_mut());
        let object = claim(arena)?;
        let block = ask(&object.arena, layout(size, align)?)?;
        out.put(block.as_ptr().cast());
        Ok(())
    })
}

fn layout(size: usize, align: usize) -> Result<Layout, Failure> {
    let align = if align == 0 { ANY_ALIGN } else { align };
    if !align.is_power_of_two() {
        return Err(Failure::Align(align));
    }
    Layout::from_size_align(size, align).map_err(|_| {
        Failure::Alloc(AllocError::TooLarge {
            count: size,
            element_size: 1,
        })
    })
}

/// Copy a text with its NUL into the arena, and put the copy's address into `*copy`.
///
/// At most `bound` bytes are looked at; without a NUL among them this fails with
/// `OTH_CODE_INVALID`, and nothing is copied.
///
/// Any thread, one at a time. Fails as `oth_arena_alloc`, too.
///
/// # Safety
///
/// `text` is NULL, or can be read up to its NUL or for `bound` bytes; `copy` is NULL or can be
/// written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_copy_text(
    arena: *mut ArenaHandle,
    text: *const c_char,
    bound: usize,
    copy: *mut *mut c_char,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(copy, "copy") }?;
        out.put(null_mut());
        let object = claim(arena)?;
        if text.is_null() {
            return Err(Failure::Null("text"));
        }
        // SAFETY: readable up to its NUL or its bound.
        let len = unsafe { libc::strnlen(text, bound) };
        if len == bound {
            return Err(Failure::Unterminated(bound));
        }
        let block = object.arena.try_alloc_layout(layout(len + 1, 1)?)?;
        let block = block.as_ptr().cast::<c_char>();
        // SAFETY: the block is fresh, so it is not in the text, and as long as the text with its NUL.
        unsafe { block.copy_from_nonoverlapping(text, len + 1) };
        out.put(block);
        Ok(())
    })
}

/// Remember where the arena stands, in `*checkpoint`.
///
/// Any thread, one at a time. Two checkpoints without an allocation between them are the same one.
///
/// # Safety
///
/// `checkpoint` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_checkpoint(
    arena: *mut ArenaHandle,
    checkpoint: *mut Checkpoint,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(checkpoint, "checkpoint") }?;
        let mut object = claim(arena)?;
        let arena = object.bits();
        let position = object.arena.checkpoint();
        out.put(Checkpoint {
            arena,
            serial: object.marks.take(position)?,
            used: position.offset(),
        });
        Ok(())
    })
}

/// Go back to a checkpoint: every block allocated since is given up.
///
/// The checkpoint may be used again. Those taken after it are void: using one is refused with
/// `OTH_CODE_CHECKPOINT`, and so is one of another arena, or one from before a reset.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// No block allocated since is used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_rewind(
    arena: *mut ArenaHandle,
    checkpoint: Checkpoint,
) -> Outcome {
    guarded(|| {
        let mut object = claim(arena)?;
        if checkpoint.arena != object.bits() {
            return Err(Failure::Checkpoint("the checkpoint is of another arena"));
        }
        let position = object.marks.back_to(checkpoint.serial, checkpoint.used)?;
        // SAFETY: taken from this arena, which no reset and no rewind has taken below it since; the
        // blocks above are the caller's to give up. Arenas of C have no destructors and no scopes.
        unsafe { object.arena.rewind(position) };
        Ok(())
    })
}

/// Empty the arena and keep its memory: every block is given up, every checkpoint is void.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// No block of the arena is used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_reset(arena: *mut ArenaHandle) -> Outcome {
    guarded(|| {
        let mut object = claim(arena)?;
        object.marks.void();
        object.arena.reset();
        Ok(())
    })
}

/// Let blocks take so many bytes at most, padding included; more than the capacity is all of it.
///
/// Set below what is in use, it takes nothing away: nothing more is handed out.
///
/// Any thread, one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn oth_arena_set_limit(arena: *mut ArenaHandle, bytes: usize) -> Outcome {
    guarded(|| {
        claim(arena)?.arena.set_limit(bytes);
        Ok(())
    })
}

/// Put the arena's numbers into `*stats`.
///
/// Any thread, one at a time.
///
/// # Safety
///
/// `stats` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_stats(
    arena: *mut ArenaHandle,
    stats: *mut ArenaStats,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(stats, "stats") }?;
        let numbers = claim(arena)?.arena.stats();
        out.put(ArenaStats {
            used: numbers.used,
            high_water_mark: numbers.high_water_mark,
            committed: numbers.committed,
            limit: numbers.limit,
            capacity: numbers.capacity,
        });
        Ok(())
    })
}

/// Print the used bytes as text, 64 a line, dots for what is not printable, into `*dump`.
///
/// The text belongs to the caller, who frees it with `oth_text_free`; on failure it is NULL.
///
/// Any thread, one at a time, and none that writes to a block of the arena.
///
/// # Safety
///
/// `dump` is NULL or can be written to; nobody writes to a block of the arena meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_dump(
    arena: *mut ArenaHandle,
    dump: *mut *mut c_char,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(dump, "dump") }?;
        out.put(null_mut());
        out.put(text(&claim(arena)?.arena.dump())?);
        Ok(())
    })
}

/// Print the used bytes as numbers and text, 16 a line, into `*dump`; otherwise as
/// `oth_arena_dump`.
///
/// # Safety
///
/// As `oth_arena_dump`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_arena_dump_hex(
    arena: *mut ArenaHandle,
    dump: *mut *mut c_char,
) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(dump, "dump") }?;
        out.put(null_mut());
        out.put(text(&claim(arena)?.arena.dump().hex())?);
        Ok(())
    })
}

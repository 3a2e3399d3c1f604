//! `tagheap.h`: the one heap of the source, by its calls.
//!
//! The exported names are prefixed; the header gives them their `TH_` names, to those who include it.

use core::ffi::{c_char, c_int, c_void};
use core::fmt;
use core::ptr::{NonNull, null_mut};
use std::sync::{Mutex, MutexGuard, TryLockError};

use arena_core::Region;
use tagheap::{DEFAULT_LEN, Options, TagHeap, th};

use crate::border::{guarded_value, place, text};
use crate::failure::Failure;
use crate::heap::{HeapBlock, Visit};
use crate::slots::HandleError;

/// Says whether a block may move to an address: 0 is a veto. It must return, and not by `longjmp`
/// or an exception; calls on the heap are refused meanwhile, with errno EBUSY.
pub type ThMove =
    Option<unsafe extern "C" fn(context: *mut c_void, tag: i16, proposed: *mut u8) -> i32>;

/// The heap, in memory that is never unmapped: a pointer from before `TH_init` leads nowhere bad.
#[derive(Debug)]
struct Th {
    heap: TagHeap<'static>,
    region: Region,
}

static TH: Mutex<Option<Th>> = Mutex::new(None);

/// Where the control block begins: behind the blocks.
const CONTROL_AT: usize = DEFAULT_LEN.next_multiple_of(16);

fn locked() -> Result<MutexGuard<'static, Option<Th>>, Failure> {
    match TH.try_lock() {
        Ok(guard) => Ok(guard),
        // The heap is whole after every panic that it lets through.
        Err(TryLockError::Poisoned(guard)) => Ok(guard.into_inner()),
        Err(TryLockError::WouldBlock) => {
            let wanted = "heap of TH_init";
            Err(HandleError::Busy { wanted }.into())
        }
    }
}

fn with<T>(body: impl FnOnce(&TagHeap<'static>) -> Result<T, Failure>) -> Result<T, Failure> {
    let th = locked()?;
    body(&th.as_ref().ok_or(Failure::NoTh)?.heap)
}

impl Th {
    fn over(region: Region, options: &Options) -> Result<Self, Failure> {
        let base = region.base();
        let control_len = region.len() - CONTROL_AT;
        // SAFETY: the first bytes of a region that is ours alone, readable, writable and zero or as an
        // earlier heap left them. The slice lives in the heap only, which lives no longer than the
        // region beside it.
        let blocks = unsafe { core::slice::from_raw_parts_mut(base.as_ptr(), DEFAULT_LEN) };
        let control_at = base.as_ptr().wrapping_add(CONTROL_AT);
        // SAFETY: as above; the bytes behind the others.
        let control = unsafe { core::slice::from_raw_parts_mut(control_at, control_len) };
        let heap = TagHeap::create_apart(control, blocks, options)?;
        Ok(Self { heap, region })
    }
}

/// `TH_init`: make the heap, of 300,000 bytes, or make it anew: all blocks are gone then.
///
/// Any thread, one at a time. errno says ENOMEM if there is no memory for it.
#[unsafe(no_mangle)]
pub extern "C" fn oth_th_init() {
    guarded_value((), || {
        let mut th = locked()?;
        let options = Options::new();
        let region = match th.take() {
            Some(old) => old.region,
            None => Region::anonymous(CONTROL_AT + options.control_len(DEFAULT_LEN))?,
        };
        *th = Some(Th::over(region, &options)?);
        Ok(())
    });
}

/// `TH_alloc`: allocate a block; 0 bytes are treated as 1. NULL if there is no room (errno is
/// ENOMEM; so it is for a negative size), for a bad tag, and before `TH_init` (EINVAL).
///
/// `tag` is 0 to 0x3FFF for HEAD; TAIL n is 0x4000 + n, 0x8000 + n or 0x80000000 + n, up to
/// n = 0x3FFE.
///
/// Any thread, one at a time; EBUSY tells a second one.
#[unsafe(no_mangle)]
pub extern "C" fn oth_th_alloc(bytesize: c_int, tag: u32) -> *mut u8 {
    guarded_value(null_mut(), || {
        with(|heap| Ok(th::alloc(heap, bytesize, tag)?.as_ptr()))
    })
}

/// `TH_realloc`: resize a block, and return where it is now. NULL stays NULL; a size of 0 or less
/// frees the block and gives NULL. NULL with errno ENOMEM: no room, and the block is as it was;
/// with EINVAL: not a block.
///
/// Any thread, one at a time; EBUSY tells a second one.
///
/// # Safety
///
/// When this succeeds, the old address is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_realloc(p: *mut u8, bytesize: c_int) -> *mut u8 {
    guarded_value(null_mut(), || {
        with(|heap| {
            // SAFETY: by the caller's promise.
            Ok(unsafe { th::realloc(heap, p, bytesize) }?)
        })
    })
}

/// `TH_free`: free a block, and return the bytes recovered: the payload, and 24 for each header
/// that a merge removed. 0 for NULL, and with errno EINVAL for what is no block.
///
/// Any thread, one at a time; EBUSY tells a second one.
///
/// # Safety
///
/// The block is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_free(p: *mut u8) -> c_int {
    guarded_value(0, || {
        with(|heap| {
            // SAFETY: by the caller's promise.
            Ok(unsafe { th::free(heap, p) }?)
        })
    })
}

/// `TH_freetags`: free every block with a tag from `low` to `high`, both included. A bad tag, and
/// a range that is reversed or crosses sides, frees nothing: errno is EINVAL.
///
/// Any thread, one at a time; EBUSY tells a second one.
///
/// # Safety
///
/// None of these blocks is used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_freetags(low: u32, high: u32) {
    guarded_value((), || with(|heap| Ok(th::free_tags(heap, low, high)?)));
}

/// `TH_defrag`: offer each HEAD block above free space its new address, and move it unless `move`
/// returns 0.
///
/// Any thread, one at a time; EBUSY tells a second one.
///
/// # Safety
///
/// `may_move` is NULL (errno is EINVAL) or a function of this type that can be called with
/// `context`; nobody uses the old address of a block that has moved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_defrag(may_move: ThMove, context: *mut c_void) {
    guarded_value((), || {
        let may_move = may_move.ok_or(Failure::Null("move"))?;
        with(|heap| {
            // SAFETY: by the caller's promise.
            let ask = |tag, proposed| unsafe { may_move(context, tag, proposed) } != 0;
            Ok(th::defrag(heap, ask)?)
        })
    });
}

/// `TH_countfreehead`: return the bytes in free blocks below the lowest TAIL block.
///
/// Any thread, one at a time; EBUSY tells a second one, and 0 is returned.
#[unsafe(no_mangle)]
pub extern "C" fn oth_th_countfreehead() -> c_int {
    guarded_value(0, || with(|heap| Ok(th::count_free_head(heap))))
}

/// What `TH_checkhealth_verbose` prints: return 1 if the heap is healthy, 0 if not, and put what
/// was found, a line for each block, into `*report`, which the caller frees with `oth_text_free`.
///
/// Any thread, one at a time; EBUSY tells a second one. `*report` is NULL then.
///
/// # Safety
///
/// `report` is NULL (errno is EINVAL) or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_checkhealth(report: *mut *mut c_char) -> i32 {
    guarded_value(0, || {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(report, "report") }?;
        out.put(null_mut());
        with(|heap| {
            out.put(text(&Report(heap))?);
            Ok(i32::from(heap.validate().is_ok()))
        })
    })
}

struct Report<'a>(&'a TagHeap<'static>);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whether it is healthy is its last line.
        let _ = th::check_health(self.0, f);
        Ok(())
    }
}

/// Show every block to `visit`, from the bottom up, the empty one at the end included.
///
/// Any thread, one at a time; EBUSY tells a second one.
///
/// # Safety
///
/// `visit` is NULL (errno is EINVAL) or a function of this type that can be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_th_walk(visit: Visit, context: *mut c_void) {
    guarded_value((), || {
        let visit = visit.ok_or(Failure::Null("visit"))?;
        with(|heap| {
            for block in th::walk(heap) {
                let block = HeapBlock::from(block);
                // SAFETY: by the caller's promise.
                unsafe { visit(context, NonNull::from(&block).as_ptr()) };
            }
            Ok(())
        })
    });
}

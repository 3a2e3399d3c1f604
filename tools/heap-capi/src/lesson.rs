//! `arena_lesson.h`: what the lesson's arena asks of the system.
//!
//! The lesson tracks the offset itself, in C, in plain sight. Here are the mapping and its end.

use core::ffi::c_void;
use core::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use arena_core::Region;

use crate::border::{Outcome, guarded, place};
use crate::failure::Failure;

/// The regions that lessons have, so that nothing else is ever unmapped.
static MAPPED: Mutex<Vec<Region>> = Mutex::new(Vec::new());

/// Map `capacity` bytes, all zero, and put their address into `*base`; on failure NULL.
///
/// Any thread.
///
/// Fails with `OTH_CODE_INVALID` for a capacity of 0, and with `OTH_CODE_NO_MEMORY`.
///
/// # Safety
///
/// `base` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_lesson_map(capacity: usize, base: *mut *mut c_void) -> Outcome {
    guarded(|| {
        // SAFETY: by the caller's promise.
        let out = unsafe { place(base, "base") }?;
        out.put(null_mut());
        if capacity == 0 {
            return Err(Failure::Invalid("capacity", 0, "an arena needs some"));
        }
        let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
        let room = mapped.try_reserve(1);
        room.map_err(|_| Failure::NoMemory("a mapping's record"))?;
        let region = Region::anonymous(capacity)?;
        out.put(region.base().as_ptr().cast());
        mapped.push(region);
        Ok(())
    })
}

/// Unmap what `oth_lesson_map` mapped. NULL is accepted; any other address that it did not return,
/// or that was unmapped before, is refused with `OTH_CODE_POINTER`.
///
/// Any thread.
///
/// # Safety
///
/// Nobody uses the bytes again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oth_lesson_unmap(base: *mut c_void) -> Outcome {
    guarded(|| {
        if base.is_null() {
            return Ok(());
        }
        let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = mapped
            .iter()
            .position(|region| region.base().as_ptr().cast() == base);
        drop(mapped.swap_remove(found.ok_or(Failure::NotMapped(base.addr()))?));
        Ok(())
    })
}

//! The functions under a tracked heap.

use crate::scoped;
use std::ffi::CStr;
use std::ptr::NonNull;

/// A malloc family.
pub trait Backend {
    /// `malloc`
    fn malloc(&mut self, size: usize) -> Option<NonNull<u8>>;
    /// `calloc`
    fn calloc(&mut self, count: usize, size: usize) -> Option<NonNull<u8>>;
    /// `strdup`
    fn strdup(&mut self, text: &CStr) -> Option<NonNull<u8>>;
    /// `realloc`; size 0 is not asked for.
    ///
    /// # Safety
    ///
    /// The block is this family's and live.
    unsafe fn realloc(&mut self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>>;
    /// `free`
    ///
    /// # Safety
    ///
    /// The block is this family's, live, and not used any more.
    unsafe fn free(&mut self, block: NonNull<u8>);
}

/// libc's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libc;

impl Backend for Libc {
    fn malloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: any size may be asked for.
        NonNull::new(unsafe { libc::malloc(size) }.cast())
    }

    fn calloc(&mut self, count: usize, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: any size may be asked for.
        NonNull::new(unsafe { libc::calloc(count, size) }.cast())
    }

    fn strdup(&mut self, text: &CStr) -> Option<NonNull<u8>> {
        // SAFETY: the text ends with a NUL.
        NonNull::new(unsafe { libc::strdup(text.as_ptr()) }.cast())
    }

    unsafe fn realloc(&mut self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's promise is the one asked for.
        NonNull::new(unsafe { libc::realloc(block.as_ptr().cast(), size) }.cast())
    }

    unsafe fn free(&mut self, block: NonNull<u8>) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { libc::free(block.as_ptr().cast()) }
    }
}

/// Another family whose calls fail by the plan of [`with_faults`](crate::with_faults).
#[derive(Clone, Copy, Debug, Default)]
pub struct Planned<B = Libc>(pub B);

impl<B: Backend> Backend for Planned<B> {
    fn malloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        noted(may(size).then(|| self.0.malloc(size))?)
    }

    fn calloc(&mut self, count: usize, size: usize) -> Option<NonNull<u8>> {
        noted(may(count.saturating_mul(size)).then(|| self.0.calloc(count, size))?)
    }

    fn strdup(&mut self, text: &CStr) -> Option<NonNull<u8>> {
        noted(may(text.count_bytes() + 1).then(|| self.0.strdup(text))?)
    }

    unsafe fn realloc(&mut self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        if !may(size) {
            return None;
        }
        // SAFETY: the caller's promise is the one asked for.
        unsafe { self.0.realloc(block, size) }
    }

    unsafe fn free(&mut self, block: NonNull<u8>) {
        scoped::note(-1, 0);
        // SAFETY: the caller's promise is the one asked for.
        unsafe { self.0.free(block) }
    }
}

/// Counts a block as live. Its size is not: `free` would not know it.
fn noted(block: Option<NonNull<u8>>) -> Option<NonNull<u8>> {
    scoped::note(isize::from(block.is_some()), 0);
    block
}

/// Whether a call may go through; if not, errno is set.
fn may(size: usize) -> bool {
    let may = !scoped::fails(size);
    if !may {
        set_no_memory();
    }
    may
}

/// Leaves ENOMEM in errno, as a call without memory does.
pub(super) fn set_no_memory() {
    // SAFETY: this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { errno.write(libc::ENOMEM) };
}

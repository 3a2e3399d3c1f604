//! The heap's memory as dwords: the one place where metadata is read and written.
//!
//! Every access is compared with the length, but for the unchecked ones, which are `unsafe`: what they
//! are given was compared before, once (see `spot.rs`). So nothing that a corrupted heap says can lead
//! outside of it.

use core::ptr::NonNull;

use crate::fit::DWORD;

/// Bytes that the processor fetches at once.
const CACHE_LINE: isize = 64;

/// A run of dwords that belongs to a heap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// Aligned to a dword; valid for reads and writes of `len` dwords, all of them initialised, for
    /// as long as the heap that holds this lives.
    base: NonNull<u32>,
    len: u32,
}

impl Words {
    /// Take memory over.
    ///
    /// # Safety
    ///
    /// `base` is aligned to 4 bytes, and valid for reads and writes of `len` initialised dwords for
    /// as long as the result or a copy of it is used. Nobody else touches them meanwhile, but for
    /// payloads handed out and not yet taken back.
    pub(crate) unsafe fn new(base: NonNull<u8>, len: u32) -> Self {
        Self {
            base: base.cast(),
            len,
        }
    }

    #[inline]
    pub(crate) fn len(self) -> u32 {
        self.len
    }

    /// The address of the first byte.
    pub(crate) fn address(self) -> usize {
        self.base.addr().get()
    }

    #[inline]
    pub(crate) fn get(self, index: u32) -> u32 {
        let at = self.at(index);
        // SAFETY: `at` is one of our dwords, which are initialised.
        unsafe { at.read() }
    }

    #[inline]
    pub(crate) fn set(self, index: u32, value: u32) {
        let at = self.at(index);
        // SAFETY: `at` is one of our dwords, and no reference to metadata exists.
        unsafe { at.write(value) };
    }

    /// Read the dword at `first + index`, which is known to be here.
    ///
    /// The sum is left to the processor, which adds as it reads.
    ///
    /// # Safety
    ///
    /// `first + index` is below the length.
    #[inline(always)]
    pub(crate) unsafe fn get_unchecked(self, first: u32, index: u32) -> u32 {
        let index = first as usize + index as usize;
        debug_assert!(index < self.len as usize);
        // SAFETY: the index is below the length.
        let at = unsafe { self.base.as_ptr().add(index) };
        // SAFETY: it is one of our dwords, which are initialised.
        unsafe { at.read() }
    }

    /// Write the dword at `first + index`, which is known to be here.
    ///
    /// # Safety
    ///
    /// As for [`get_unchecked`](Self::get_unchecked).
    #[inline(always)]
    pub(crate) unsafe fn set_unchecked(self, first: u32, index: u32, value: u32) {
        let index = first as usize + index as usize;
        debug_assert!(index < self.len as usize);
        // SAFETY: the index is below the length.
        let at = unsafe { self.base.as_ptr().add(index) };
        // SAFETY: it is one of our dwords, and no reference to metadata exists.
        unsafe { at.write(value) };
    }

    /// Where one byte is, counted from the dword at `index`, that is known to be here.
    ///
    /// # Safety
    ///
    /// The byte lies within our dwords.
    #[inline(always)]
    pub(crate) unsafe fn byte_unchecked(self, index: u32, byte: u32) -> *mut u8 {
        let at = index as usize * DWORD + byte as usize;
        debug_assert!(at < self.len as usize * DWORD);
        // SAFETY: it is below the length.
        unsafe { self.base.as_ptr().cast::<u8>().add(at) }
    }

    /// Borrow sixteen dwords that are known to be here, as [`slice`](Self::slice) does.
    ///
    /// # Safety
    ///
    /// All sixteen from `first + index` on are below the length.
    #[inline(always)]
    pub(crate) unsafe fn sixteen_unchecked(&self, first: u32, index: u32) -> &[u32; 16] {
        let start = first as usize + index as usize;
        debug_assert!(start + 16 <= self.len as usize);
        // SAFETY: the start is below the length.
        let first = unsafe { self.base.as_ptr().add(start) };
        // SAFETY: as for `slice`.
        unsafe { &*first.cast::<[u32; 16]>() }
    }

    /// Let the processor fetch the cache line that a dword is in, or one so many lines away: a hint, no
    /// access.
    #[inline(always)]
    pub(crate) fn fetch(self, index: u32, lines_away: i32) {
        let at = self.base.as_ptr().wrapping_add(index as usize);
        fetch(
            at.wrapping_byte_offset(lines_away as isize * CACHE_LINE)
                .cast(),
        );
    }

    /// Read `N` dwords at once, if they are all here.
    #[inline]
    pub(crate) fn read<const N: usize>(self, index: u32) -> Option<[u32; N]> {
        let fits = self.len >= N as u32 && index <= self.len - N as u32;
        if !fits {
            return None;
        }
        // SAFETY: the index is within our dwords.
        let first = unsafe { self.base.as_ptr().add(index as usize) };
        // SAFETY: all `N` are ours, and initialised.
        Some(unsafe { first.cast::<[u32; N]>().read() })
    }

    /// Write `N` dwords at once.
    #[inline]
    pub(crate) fn write<const N: usize>(self, index: u32, dwords: [u32; N]) {
        let first = self.range(index, N as u32);
        // SAFETY: all `N` are ours, and no reference to metadata exists.
        unsafe { first.cast::<[u32; N]>().write(dwords) };
    }

    /// Read one byte, counted from the dword at `index`.
    #[inline]
    pub(crate) fn byte(self, index: u32, byte: u32) -> u8 {
        let at = self.byte_at(index, byte);
        // SAFETY: as for `get`.
        unsafe { at.read() }
    }

    /// Write one byte, counted from the dword at `index`.
    #[inline]
    pub(crate) fn set_byte(self, index: u32, byte: u32, value: u8) {
        let at = self.byte_at(index, byte);
        // SAFETY: as for `set`.
        unsafe { at.write(value) };
    }

    /// Borrow dwords of metadata, to compare many at once.
    ///
    /// Nothing is written through this or a copy while the slice is in use: the callers read it
    /// and drop it before they go on.
    #[inline]
    pub(crate) fn slice(&self, start: u32, len: u32) -> &[u32] {
        let first = self.range(start, len).cast_const();
        // SAFETY: the range lies within our dwords, which are initialised; no payload is among the
        // control dwords that this is called for.
        unsafe { core::slice::from_raw_parts(first, len as usize) }
    }

    /// Return where the dwords from `start` on begin, as bytes.
    #[inline]
    pub(crate) fn bytes(self, start: u32, len: u32) -> NonNull<u8> {
        let first = self.range(start, len);
        // SAFETY: it points into our memory, which is not at null.
        unsafe { NonNull::new_unchecked(first.cast()) }
    }

    /// Copy `len` dwords; the ranges may overlap.
    pub(crate) fn copy(self, from: u32, to: u32, len: u32) {
        let (from, to) = (self.range(from, len), self.range(to, len));
        // SAFETY: both ranges lie within our dwords.
        unsafe { core::ptr::copy(from, to, len as usize) };
    }

    /// Set `len` dwords to zero.
    pub(crate) fn clear(self, start: u32, len: u32) {
        let first = self.range(start, len);
        // SAFETY: the range lies within our dwords.
        unsafe { first.write_bytes(0, len as usize) };
    }

    /// Stop, for dwords that were taken to be here are not.
    pub(crate) fn outside(self, start: u32, count: u32) -> ! {
        outside(start, count, self.len)
    }

    #[inline]
    fn at(self, index: u32) -> *mut u32 {
        if index >= self.len {
            outside(index, 1, self.len);
        }
        // SAFETY: the index is below the length.
        unsafe { self.base.as_ptr().add(index as usize) }
    }

    #[inline]
    fn byte_at(self, index: u32, byte: u32) -> *mut u8 {
        let at = index as usize * DWORD + byte as usize;
        if at >= self.len as usize * DWORD {
            outside(index, byte, self.len);
        }
        // SAFETY: it is below the length.
        unsafe { self.base.as_ptr().cast::<u8>().add(at) }
    }

    #[inline]
    fn range(self, start: u32, len: u32) -> *mut u32 {
        if u64::from(start) + u64::from(len) > u64::from(self.len) {
            outside(start, len, self.len);
        }
        // SAFETY: the start is not above the length.
        unsafe { self.base.as_ptr().add(start as usize) }
    }
}

/// Let the processor fetch what is at an address, whatever that is: a hint, no access.
#[inline(always)]
fn fetch(at: *const i8) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse"))]
    // SAFETY: the target has this instruction; a prefetch of any address is allowed.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(at)
    };
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse")))]
    let _ = at;
}

/// Not a macro where it is found out: those have their numbers written to the stack first, whatever comes of it.
#[cold]
#[inline(never)]
fn outside(start: u32, count: u32, len: u32) -> ! {
    panic!("{count} from dword {start} of {len}: an offset was not checked")
}

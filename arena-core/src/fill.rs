//! Values in blocks: one, many, text. The same for every kind of arena.
#![expect(
    clippy::mut_from_ref,
    reason = "each call hands out bytes that nobody else has"
)]

use core::alloc::Layout;
use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::finaliser::Finalised;

use crate::arena::RawArena;
use crate::blocks::Blocks;

/// Refuse, when the program is built, a type whose destructor would never run.
pub(crate) const fn assert_no_drop<T>() {
    assert!(
        !core::mem::needs_drop::<T>(),
        "this type needs drop, and an arena runs no destructor: \
         use `alloc_drop` to have it dropped with the arena, `alloc_box` to \
         own it, or `alloc_leaky` to leak it knowingly"
    );
}

fn array_layout<T>(count: usize) -> Result<Layout, AllocError> {
    Layout::array::<T>(count).map_err(|_| AllocError::TooLarge {
        count,
        element_size: size_of::<T>(),
    })
}

/// The value, or a panic at the caller's caller. (A function passed to `unwrap_or_else` would be
/// called, and blamed, from inside the standard library.)
macro_rules! or_fail {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => $crate::fill::fail(error),
        }
    };
}

pub(crate) use or_fail;

#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn fail<T>(error: AllocError) -> T {
    panic!("{error}")
}

/// What a register of every 64-bit machine holds at once.
type Sixteen = MaybeUninit<[u8; 16]>;

/// Copy `len` values: 16 to 64 bytes by four moves that overlap, anything else by a call.
///
/// A call costs more than the moves, and most text in an arena is of such a length.
///
/// # Safety
///
/// As [`NonNull::copy_to_nonoverlapping`].
#[inline(always)]
unsafe fn copy<T: Copy>(from: NonNull<T>, to: NonNull<T>, len: usize) {
    // The values exist, so this does not overflow.
    let bytes = len.wrapping_mul(size_of::<T>());
    if bytes.wrapping_sub(16) > 48 {
        // SAFETY: passed on.
        return unsafe { from.copy_to_nonoverlapping(to, len) };
    }
    let (from, to) = (from.cast::<Sixteen>(), to.cast::<Sixteen>());
    // The last move ends where the values do. A third of its offset, no more than 16 and nearly a
    // third, spaces the others so that they leave no hole; a branch on the length would be guessed
    // wrong as often as lengths differ.
    let last = bytes - 16;
    let third = (last * 11) >> 5;
    for at in [0, third, 2 * third, last] {
        // SAFETY: `at` is at most `bytes - 16`.
        let from = unsafe { from.byte_add(at) };
        // SAFETY: as above.
        let to = unsafe { to.byte_add(at) };
        // SAFETY: 16 bytes from `at` on lie within the values; they may be uninitialised.
        let sixteen = unsafe { from.read_unaligned() };
        // SAFETY: as many lie within the block.
        unsafe { to.write_unaligned(sixteen) };
    }
}

/// Puts values into blocks.
pub(crate) trait Fill: Blocks + Sized {
    /// Hand out a block for a `T`, or panic.
    #[inline(always)]
    #[track_caller]
    fn uninit<T>(&self) -> &mut MaybeUninit<T> {
        let block = self.allocate_or_panic(Layout::new::<T>());
        // SAFETY: the block is aligned and large enough for a `T`, and nobody else's until the
        // borrow of the arena ends; `MaybeUninit` needs no value.
        unsafe { block.cast::<MaybeUninit<T>>().as_mut() }
    }

    /// Hand out a block for a `T`.
    #[inline(always)]
    fn try_uninit<T>(&self) -> Result<&mut MaybeUninit<T>, AllocError> {
        let block = self.allocate(Layout::new::<T>())?;
        // SAFETY: as in `uninit`.
        Ok(unsafe { block.cast::<MaybeUninit<T>>().as_mut() })
    }

    /// Hand out a block for `len` values.
    #[inline(always)]
    fn try_uninit_slice<T>(&self, len: usize) -> Result<&mut [MaybeUninit<T>], AllocError> {
        let block = self.allocate(array_layout::<T>(len)?)?;
        // SAFETY: as in `uninit`, for `len` values.
        Ok(unsafe { NonNull::slice_from_raw_parts(block.cast::<MaybeUninit<T>>(), len).as_mut() })
    }

    #[inline(always)]
    fn try_slice_copy<T: Copy>(&self, source: &[T]) -> Result<&mut [T], AllocError> {
        // A slice exists, so its layout does.
        let layout = Layout::for_value(source);
        let block = if align_of::<T>() <= Self::MIN_ALIGN {
            self.allocate_unasked(layout)?.cast::<T>()
        } else {
            self.allocate(layout)?.cast::<T>()
        };
        // SAFETY: the block is fresh, so it does not overlap the source, and has room for it.
        unsafe { copy(NonNull::from(source).cast(), block, source.len()) };
        // SAFETY: the values were just copied in; the block is nobody else's until the borrow of
        // the arena ends.
        Ok(unsafe { NonNull::slice_from_raw_parts(block, source.len()).as_mut() })
    }

    #[inline]
    fn try_str(&self, source: &str) -> Result<&mut str, AllocError> {
        let bytes = self.try_slice_copy(source.as_bytes())?;
        // SAFETY: a copy of valid UTF-8.
        Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
    }

    #[inline]
    fn try_slice_fill_with<T>(
        &self,
        len: usize,
        mut value_at: impl FnMut(usize) -> T,
    ) -> Result<&mut [T], AllocError> {
        let slots = self.try_uninit_slice::<T>(len)?;
        for (index, slot) in slots.iter_mut().enumerate() {
            slot.write(value_at(index));
        }
        // SAFETY: every slot was written.
        Ok(unsafe { slots.assume_init_mut() })
    }

    #[inline]
    fn try_from_iter<T>(&self, values: impl Iterator<Item = T>) -> Result<&mut [T], AllocError> {
        let mut growing = Growing::new(self, values.size_hint().0)?;
        for value in values {
            growing.push(value)?;
        }
        growing.finish()
    }

    fn try_fmt(&self, text: fmt::Arguments<'_>) -> Result<&mut str, AllocError> {
        if let Some(text) = text.as_str() {
            return self.try_str(text);
        }
        let mut writer = Writer {
            bytes: Growing::new(self, 0)?,
            refused: None,
        };
        let written = writer.write_fmt(text);
        match (written, writer.refused) {
            (_, Some(error)) => return Err(error),
            (Err(fmt::Error), None) => return Err(AllocError::Format),
            (Ok(()), None) => {}
        }
        let bytes = writer.bytes.finish()?;
        // SAFETY: only `write_str` has added bytes, whole strings at a time.
        Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
    }
}

impl<B: Blocks> Fill for B {}

impl<const MIN_ALIGN: usize> RawArena<MIN_ALIGN> {
    /// Put a value into the arena and owe its destructor.
    ///
    /// # Safety
    ///
    /// The value may be dropped whenever its block is given up, and on any thread that the arena can
    /// reach.
    #[inline]
    pub(crate) unsafe fn try_finalised<T>(&self, value: T) -> Result<&mut T, AllocError> {
        let block = self.allocate(Layout::new::<Finalised<T>>())?.cast();
        // SAFETY: the block is new, and made for this; the rest is the caller's promise.
        let mut value = unsafe { self.owe(block, value) };
        // SAFETY: the value is in place, and nobody else's until the borrow of the arena ends.
        Ok(unsafe { value.as_mut() })
    }
}

/// A slice that grows at the end of the arena: in place, as long as nobody else allocates.
struct Growing<'r, T, B: Blocks> {
    arena: &'r B,
    /// A block for `capacity` values, of which the first `len` are there.
    block: NonNull<T>,
    len: usize,
    capacity: usize,
}

impl<'r, T, B: Blocks> Growing<'r, T, B> {
    fn new(arena: &'r B, capacity: usize) -> Result<Self, AllocError> {
        let block = arena.allocate(array_layout::<T>(capacity)?)?.cast();
        Ok(Self {
            arena,
            block,
            len: 0,
            capacity,
        })
    }

    fn layout(&self) -> Layout {
        array_layout::<T>(self.capacity).expect("the block is there, so its layout is")
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), AllocError> {
        if self.len == self.capacity {
            self.make_room(1)?;
        }
        // SAFETY: `len < capacity`, so this is a slot of the block.
        let slot = unsafe { self.block.add(self.len) };
        // SAFETY: the slot is ours and holds nothing.
        unsafe { slot.write(value) };
        self.len += 1;
        Ok(())
    }

    /// Make room for `more` values behind `len`.
    fn make_room(&mut self, more: usize) -> Result<(), AllocError> {
        let too_large = AllocError::TooLarge {
            count: usize::MAX,
            element_size: size_of::<T>(),
        };
        let needed = self.len.checked_add(more).ok_or(too_large)?;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.max(self.capacity.saturating_mul(2)).max(8);
        let exact = array_layout::<T>(needed)?;
        let (layout, capacity) =
            array_layout::<T>(capacity).map_or((exact, needed), |layout| (layout, capacity));
        // SAFETY: the block was handed out for the old layout, and the new one is not smaller.
        let grown = unsafe { self.arena.grow(self.block.cast(), self.layout(), layout) };
        let (grown, capacity) = match grown {
            Ok(grown) => (grown, capacity),
            // Short of memory, twice the room is a luxury.
            // SAFETY: as above; nothing has happened yet.
            Err(_) => (
                unsafe { self.arena.grow(self.block.cast(), self.layout(), exact)? },
                needed,
            ),
        };
        self.block = grown.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// Return what is there, and the rest of the block to the arena.
    fn finish(self) -> Result<&'r mut [T], AllocError> {
        let fitting = array_layout::<T>(self.len)?;
        // SAFETY: the block was handed out for this layout, and `len <= capacity`.
        let block = unsafe {
            self.arena
                .shrink(self.block.cast(), self.layout(), fitting)?
        };
        let slice = NonNull::slice_from_raw_parts(block.cast::<T>(), self.len);
        core::mem::forget(self);
        // SAFETY: the first `len` values were written; the block is nobody else's until the borrow
        // of the arena ends.
        Ok(unsafe { &mut *slice.as_ptr() })
    }
}

impl<T, B: Blocks> Drop for Growing<'_, T, B> {
    fn drop(&mut self) {
        // SAFETY: unfinished (a panic, or no room), so nobody has seen the block.
        unsafe { self.arena.deallocate(self.block.cast(), self.layout()) }
    }
}

struct Writer<'r, B: Blocks> {
    bytes: Growing<'r, u8, B>,
    /// Why the arena refused, which `fmt::Error` cannot say.
    refused: Option<AllocError>,
}

impl<B: Blocks> Write for Writer<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Err(error) = self.bytes.make_room(text.len()) {
            self.refused = Some(error);
            return Err(fmt::Error);
        }
        // SAFETY: there is room for the text behind `len`.
        let end = unsafe { self.bytes.block.add(self.bytes.len) };
        // SAFETY: as above; text in a fresh block cannot be the text being formatted.
        unsafe { end.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        self.bytes.len += text.len();
        Ok(())
    }
}

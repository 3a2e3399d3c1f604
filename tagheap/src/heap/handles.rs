//! Blocks by handle: the safe API.

use core::ptr::NonNull;

use crate::engine::{Freed, SlotState};
use crate::error::{Damage, Error, What};
use crate::fit::HEADER;
use crate::handle::Handle;
use crate::header::{Header, damage};
use crate::heap::TagHeap;
use crate::pin::{Pinned, PinnedMut};
use crate::spot::Spot;
use crate::tag::Tag;

impl TagHeap<'_> {
    /// Allocate a block and return its handle.
    ///
    /// A request for 0 bytes is one for 1. What the bytes are is not said: what is left of older blocks.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`], [`Error::NoHandle`].
    pub fn alloc(&self, size: usize, tag: Tag) -> Result<Handle, Error> {
        self.alloc_by_log(size, 0, tag)
    }

    /// Allocate a block whose payload is aligned to `align` bytes, wherever it goes.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); [`Error::BadAlign`].
    pub fn alloc_aligned(&self, size: usize, align: usize, tag: Tag) -> Result<Handle, Error> {
        self.idle()?;
        self.alloc_by_log(size, self.align_log(align)?, tag)
    }

    #[inline(always)]
    fn alloc_by_log(&self, size: usize, align_log: u32, tag: Tag) -> Result<Handle, Error> {
        self.idle()?;
        let slot = self.core.next_slot()?.ok_or_else(|| self.no_handle())?;
        let at = self.place(size, align_log, tag, slot)?;
        let generation = self.core.take_slot(slot, at.at());
        Ok(Handle::new(self.core.control.heap, slot, generation))
    }

    /// Free a block; its handle, and every copy of it, is stale from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`], [`Error::OtherHeap`], [`Error::Pinned`]; [`Error::Smashed`], and the block
    /// stays.
    pub fn free(&self, handle: Handle) -> Result<Freed, Error> {
        let (at, header, _) = self.named(handle)?;
        self.core.fetch_near(at);
        self.core.fetch_around(at, &header);
        self.release(at, &header)
    }

    /// Resize a block with the bytes it has. The handle stays good, wherever the block goes.
    ///
    /// While it is pinned a block can grow in place, and nothing else.
    ///
    /// # Errors
    ///
    /// As [`free`](Self::free), and [`Error::NoRoom`]; the block is as it was.
    pub fn realloc(&self, handle: Handle, size: usize) -> Result<(), Error> {
        let (at, header, _) = self.named(handle)?;
        self.resize(at, &header, size).map(drop)
    }

    /// Hold a block where it is, to read its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`], [`Error::OtherHeap`]; [`Error::Pinned`] if somebody has it for writing.
    pub fn pin(&self, handle: Handle) -> Result<Pinned<'_>, Error> {
        let (at, header, state) = self.named(handle)?;
        let bytes = self.bytes(at.at(), &header)?;
        self.hold(handle, at.at(), state, false)?;
        // SAFETY: the slot was just pinned to be read.
        Ok(unsafe { Pinned::new(self, handle.slot, bytes) })
    }

    /// Hold a block where it is, to write its bytes.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin); [`Error::Pinned`] if somebody has it at all.
    pub fn pin_mut(&self, handle: Handle) -> Result<PinnedMut<'_>, Error> {
        let (at, header, state) = self.named(handle)?;
        let bytes = self.bytes(at.at(), &header)?;
        self.hold(handle, at.at(), state, true)?;
        // SAFETY: the slot was just pinned for this guard alone.
        Ok(unsafe { PinnedMut::new(self, handle.slot, bytes) })
    }

    /// Read a block's bytes. The heap can be used meanwhile, and the block stays where it is.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin).
    pub fn with<R>(&self, handle: Handle, read: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let pinned = self.pin(handle)?;
        Ok(read(&pinned))
    }

    /// Write a block's bytes. The heap can be used meanwhile, and the block stays where it is.
    ///
    /// # Errors
    ///
    /// As [`pin_mut`](Self::pin_mut).
    pub fn with_mut<R>(
        &self,
        handle: Handle,
        write: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, Error> {
        let mut pinned = self.pin_mut(handle)?;
        Ok(write(&mut pinned))
    }

    /// Return where a block's payload is now, in bytes from the base.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`], [`Error::OtherHeap`].
    pub fn payload_of(&self, handle: Handle) -> Result<usize, Error> {
        let (at, ..) = self.named(handle)?;
        Ok(self.offset(at.at() + HEADER))
    }

    /// Return the bytes a block was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`], [`Error::OtherHeap`].
    pub fn size_of(&self, handle: Handle) -> Result<usize, Error> {
        let (at, header, _) = self.named(handle)?;
        Ok(self.core.requested(at.at(), &header)?)
    }

    #[cold]
    fn no_handle(&self) -> Error {
        let slots = self.core.control.geometry.handles as usize;
        Error::NoHandle { slots }
    }

    /// Find the block that a handle names.
    #[inline]
    pub(crate) fn named(&self, handle: Handle) -> Result<(Spot, Header, SlotState), Error> {
        self.idle()?;
        if handle.heap != self.core.control.heap {
            return Err(Error::OtherHeap);
        }
        let state = self.core.slot(handle.slot)?;
        let state = state.filter(|state| state.generation == handle.generation);
        let state = state.ok_or(Error::Stale)?;
        let no_block = || damage(state.at, What::Handle);
        let at = self.core.blocks.spot(state.at).ok_or_else(no_block)?;
        let header = self.core.blocks.read::<Damage>(at)?;
        if header.handle != handle.slot || header.is_free() {
            return Err(no_block().into());
        }
        Ok((at, header, state))
    }

    /// The bytes that a block was asked for.
    fn bytes(&self, at: u32, header: &Header) -> Result<NonNull<[u8]>, Error> {
        let requested = self.core.requested(at, header)?;
        Ok(NonNull::slice_from_raw_parts(self.payload(at), requested))
    }

    fn hold(
        &self,
        handle: Handle,
        at: u32,
        state: SlotState,
        exclusive: bool,
    ) -> Result<(), Error> {
        if self.core.pin(handle.slot, state, exclusive) {
            return Ok(());
        }
        let payload = self.offset(at + HEADER);
        Err(Error::Pinned { payload })
    }
}

//! Blocks by raw pointer: the API of old, with exact checks of what comes in.

use core::ptr::NonNull;

use crate::control::Core;
use crate::engine::{Freed, Resized};
use crate::error::Error;
use crate::fit::{DWORD, HEADER, HEADER_LEN};
use crate::header::{Header, NONE, Unsound};
use crate::heap::TagHeap;
use crate::spot::Spot;
use crate::tag::Tag;

impl TagHeap<'_> {
    /// Allocate a block and return the address of its payload, aligned to 4 bytes.
    ///
    /// A request for 0 bytes is one for 1. HEAD takes the lowest free block that fits and lies below all
    /// TAIL blocks, TAIL the highest above all HEAD blocks.
    ///
    /// The pointer is good for reads and writes until the block is freed or resized, by this call's
    /// owner or with its tag, and for a HEAD block until [`defrag`](Self::defrag) is told to move it.
    /// Bytes written through it must stay initialised: no padding, for the memory goes on to others.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`].
    pub fn alloc_raw(&self, size: usize, tag: Tag) -> Result<NonNull<u8>, Error> {
        self.idle()?;
        let at = self.place(size, 0, tag, NONE)?;
        Ok(self.payload(at.at()))
    }

    /// Allocate a block whose payload is aligned to `align` bytes. It stays so wherever it goes.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`]; [`Error::BadAlign`] if `align` is no power of two, or more than
    /// [`align_max`](Self::align_max).
    pub fn alloc_raw_aligned(
        &self,
        size: usize,
        align: usize,
        tag: Tag,
    ) -> Result<NonNull<u8>, Error> {
        self.idle()?;
        let at = self.place(size, self.align_log(align)?, tag, NONE)?;
        Ok(self.payload(at.at()))
    }

    /// Free the block whose payload this is.
    ///
    /// # Errors
    ///
    /// [`Error::Foreign`], [`Error::Interior`] and [`Error::DoubleFree`] for pointers that are no
    /// payload of a live block, exactly; [`Error::Pinned`]; [`Error::Smashed`], and the block stays.
    ///
    /// # Safety
    ///
    /// Nobody uses the pointer, or another one into the block, from now on.
    pub unsafe fn free_raw(&self, payload: NonNull<u8>) -> Result<Freed, Error> {
        self.idle()?;
        let (at, header) = self.block_of(payload)?;
        self.release(at, &header)
    }

    /// Resize the block whose payload this is, with the bytes it has, and return where it is now.
    ///
    /// A block that is large enough stays, and so does one that can grow into free space behind it;
    /// otherwise it is a new block with the same tag and align, and the old one is freed.
    ///
    /// # Errors
    ///
    /// As [`free_raw`](Self::free_raw), and [`Error::NoRoom`]; the block is as it was.
    ///
    /// # Safety
    ///
    /// Nobody uses the pointer from now on, unless it is what is returned or this fails; nor, when the
    /// block becomes smaller, the bytes it loses.
    pub unsafe fn realloc_raw(
        &self,
        payload: NonNull<u8>,
        size: usize,
    ) -> Result<NonNull<u8>, Error> {
        self.idle()?;
        let (at, header) = self.block_of(payload)?;
        let at = self.resize(at, &header, size)?;
        Ok(self.payload(at))
    }

    /// Return the offset of an address in the block area, in bytes from the base.
    #[must_use]
    pub fn offset_of(&self, address: *const u8) -> Option<usize> {
        let offset = address.addr().checked_sub(self.base().addr().get())?;
        (offset < self.capacity()).then_some(offset)
    }

    pub(crate) fn payload(&self, at: u32) -> NonNull<u8> {
        self.core.blocks.0.bytes(at + HEADER, 0)
    }

    /// Return an align as a power of two of dwords, if blocks can have it here.
    pub(crate) fn align_log(&self, align: usize) -> Result<u32, Error> {
        let most = self.align_max();
        if !align.is_power_of_two() || align > most {
            return Err(Error::BadAlign { align, most });
        }
        Ok(align.max(DWORD).trailing_zeros() - DWORD.trailing_zeros())
    }

    /// Allocate; returns the header's place. `handle` is the slot that its header is to name.
    #[inline(always)]
    pub(crate) fn place(
        &self,
        size: usize,
        align_log: u32,
        tag: Tag,
        handle: u32,
    ) -> Result<Spot, Error> {
        let Some(new) = self.core.new_block(tag, size.max(1), align_log, handle) else {
            return Err(self.full(size));
        };
        match self.core.make(new)? {
            Some(at) => {
                self.changed();
                Ok(at)
            }
            None => Err(self.full(size)),
        }
    }

    #[cold]
    fn full(&self, requested: usize) -> Error {
        Error::NoRoom {
            requested,
            largest_free: self.largest_free(),
        }
    }

    /// Find the live block whose payload an address is.
    #[inline(always)]
    fn block_of(&self, payload: NonNull<u8>) -> Result<(Spot, Header), Error> {
        match self.live_block(payload) {
            Some(block) => Ok(block),
            None => Err(self.no_block(payload)),
        }
    }

    #[inline(always)]
    fn live_block(&self, payload: NonNull<u8>) -> Option<(Spot, Header)> {
        let first = self.offset_of(payload.as_ptr())?.checked_sub(HEADER_LEN)?;
        let at = self.core.blocks.spot((first / DWORD) as u64)?;
        self.core.fetch_near(at);
        if !first.is_multiple_of(DWORD) || !self.core.starts_block(at) {
            return None;
        }
        let header = self.core.blocks.read::<Unsound>(at).ok()?;
        self.core.fetch_around(at, &header);
        (!header.is_free()).then_some((at, header))
    }

    /// Say why an address is no payload.
    #[cold]
    #[inline(never)]
    fn no_block(&self, payload: NonNull<u8>) -> Error {
        let Some(offset) = self.offset_of(payload.as_ptr()) else {
            return Error::Foreign;
        };
        match self.core.block_around((offset / DWORD) as u32) {
            Ok((_, header)) if header.is_free() => Error::DoubleFree { payload: offset },
            Ok((at, _)) => Error::Interior {
                payload: self.offset(at + HEADER),
            },
            Err(damage) => damage.into(),
        }
    }

    /// Free a live block that may be pinned.
    #[inline(always)]
    pub(crate) fn release(&self, at: Spot, header: &Header) -> Result<Freed, Error> {
        if is_pinned(&self.core, at.at(), header)? {
            let payload = self.offset(at.at() + HEADER);
            return Err(Error::Pinned { payload });
        }
        self.core.check_canary(at.at(), header)?;
        self.changed();
        Ok(self.core.release(at, header)?)
    }

    /// Resize a live block; returns the header's place.
    pub(crate) fn resize(&self, at: Spot, header: &Header, size: usize) -> Result<u32, Error> {
        let at = at.at();
        let requested = size.max(1);
        self.core.check_canary(at, header)?;
        let needed = self.core.needed(requested).ok_or_else(|| self.full(size))?;
        let pinned = is_pinned(&self.core, at, header)?;
        let payload = self.offset(at + HEADER);
        // A smaller block keeps notes where the guard's last bytes are.
        if pinned && requested < self.core.requested(at, header)? {
            return Err(Error::Pinned { payload });
        }
        self.changed();
        match self.core.resize(at, header, requested, needed)? {
            Resized::InPlace => Ok(at),
            Resized::NoRoomHere if pinned => Err(Error::Pinned { payload }),
            Resized::NoRoomHere => self.replace(at, header, requested),
        }
    }

    /// Make a larger block with the same tag, align, bytes and handle; free the old one.
    fn replace(&self, at: u32, header: &Header, requested: usize) -> Result<u32, Error> {
        let tag = header.tag().ok_or(Error::Stale)?;
        let new = self.place(requested, header.align_log(), tag, NONE)?.at();
        let core = &self.core;
        core.blocks.0.copy(at + HEADER, new + HEADER, header.size);
        core.set_canary(new, requested);
        // Making the new block may have changed the old one's links.
        let mut old = core.blocks.header(at)?;
        if old.handle != NONE {
            core.hand_over(at, &mut old, new)?;
        }
        core.release(core.blocks.known_spot(at), &old)?;
        Ok(new)
    }
}

/// Tell whether a block's bytes are in use by a guard.
#[inline]
pub(crate) fn is_pinned(core: &Core, at: u32, header: &Header) -> Result<bool, Error> {
    match header.handle {
        NONE => Ok(false),
        slot => Ok(core.slot_of_block(at, slot)?.is_pinned()),
    }
}

//! The heap as its users have it: who may call what, and when.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::control::{Control, Core, Geometry, LEAST_LEN, State};
use crate::error::{Error, Fault, OpenError};
use crate::fit::{DWORD, DWORDS_MAX, HEADER};
use crate::header::{ALIGN_LOG_MAX, NONE};
use crate::index::{Keep, with_index};
use crate::options::Options;
use crate::words::Words;

mod defrag;
mod handles;
mod raw;
mod tags;

pub use defrag::{DefragPlan, DefragReport};
pub use tags::{TagStats, TagsFreed};

/// A tagged heap over memory borrowed for `'m`.
///
/// Every method takes `&self`, and the heap is not `Sync`: it is shared within a thread, and goes from
/// thread to thread as a whole. A block's bytes are reached through its [`Handle`](crate::Handle) only
/// while they are pinned, so nothing that is called meanwhile can move or free them.
///
/// ```
/// use tagheap::{Options, Tag, TagHeap, Verdict};
///
/// let mut memory = vec![0; 64 * 1024];
/// let heap = TagHeap::create(&mut memory, &Options::new())?;
/// let cache = Tag::head(1)?;
///
/// let gone = heap.alloc(100, cache)?;
/// let kept = heap.alloc(100, cache)?;
/// heap.with_mut(kept, |bytes| bytes.fill(7))?;
/// heap.free(gone)?;
///
/// let report = heap.defrag(|offer| {
///     assert_eq!(offer.handle, Some(kept));
///     Verdict::Move
/// })?;
/// assert_eq!((report.moves, report.after.holes), (1, 0));
/// heap.with(kept, |bytes| assert_eq!(bytes, [7; 100]))?; // elsewhere, and the same
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TagHeap<'m> {
    pub(crate) core: Core,
    /// Set while a callback of the heap runs.
    busy: Cell<bool>,
    /// Guards that are held, or were forgotten.
    pub(crate) pins: Cell<usize>,
    /// Where the next step of defragmentation begins.
    cursor: Cell<u32>,
    /// Grows with each change of the blocks, so that a walk can notice.
    pub(crate) changes: Cell<u64>,
    memory: PhantomData<&'m mut [u8]>,
}

// SAFETY: the memory is borrowed exclusively, so it goes where the heap goes; guards hold a shared
// borrow of the heap, which is not `Sync`, so they stay in one thread and keep the heap there.
unsafe impl Send for TagHeap<'_> {}

impl<'m> TagHeap<'m> {
    /// Make a heap in a buffer: the control block first, then the blocks, as many as fit.
    ///
    /// # Errors
    ///
    /// The buffer is not aligned to 4 bytes, or too small or too large for a heap with these options.
    pub fn create(memory: &'m mut [u8], options: &Options) -> Result<Self, OpenError> {
        let geometry = Geometry::filling(memory.len(), options)?;
        let (control, blocks) = split(memory, &geometry)?;
        Ok(Self::over(control, blocks, geometry))
    }

    /// Make a heap in two buffers: one for the control block, one that holds nothing but blocks.
    ///
    /// [`Options::control_len`] tells how long the first must be. The second is used in whole dwords.
    ///
    /// ```
    /// use tagheap::{DEFAULT_LEN, Options, TagHeap};
    ///
    /// let options = Options::new();
    /// let mut control = vec![0; options.control_len(DEFAULT_LEN)];
    /// let mut blocks = vec![0; DEFAULT_LEN];
    /// let heap = TagHeap::create_apart(&mut control, &mut blocks, &options)?;
    /// assert_eq!(heap.drawing().to_string(), "FIRST [FREE 74988dw] LAST");
    /// # Ok::<(), tagheap::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Either buffer is not aligned to 4 bytes, or too small, or there are more blocks than offsets can
    /// address.
    pub fn create_apart(
        control: &'m mut [u8],
        blocks: &'m mut [u8],
        options: &Options,
    ) -> Result<Self, OpenError> {
        let len = blocks.len();
        if len < LEAST_LEN {
            let least = LEAST_LEN;
            return Err(OpenError::TooSmall { len, least });
        }
        let dwords = u32::try_from(len / DWORD).unwrap_or(u32::MAX);
        if dwords > DWORDS_MAX {
            let most = DWORDS_MAX as usize * DWORD;
            return Err(OpenError::TooLarge { len, most });
        }
        let geometry = Geometry::new(dwords, options);
        let control = words(control, geometry.control_dwords())?;
        let blocks = words(blocks, dwords)?;
        Ok(Self::over(control, blocks, geometry))
    }

    /// Make a heap in memory that nobody has written to; it is zeroed first.
    ///
    /// # Errors
    ///
    /// As [`TagHeap::create`].
    pub fn create_in_uninit(
        memory: &'m mut [MaybeUninit<u8>],
        options: &Options,
    ) -> Result<Self, OpenError> {
        memory.fill(MaybeUninit::new(0));
        let bytes: *mut [u8] = core::ptr::from_mut(memory) as *mut [u8];
        // SAFETY: every byte was just written, and the borrow is handed on.
        let memory = unsafe { &mut *bytes };
        Self::create(memory, options)
    }

    /// Open the heap that [`create`](Self::create) made in these bytes, here or at another address.
    ///
    /// Handles of that heap are good again. Pins are forgotten: their guards are gone.
    ///
    /// # Errors
    ///
    /// There is no heap, it is damaged, or an aligned block would not be at this address.
    pub fn open(memory: &'m mut [u8]) -> Result<Self, OpenError> {
        let geometry = Geometry::read(words_of(memory)?)?;
        let len = memory.len();
        let least = geometry.blocks_at() + geometry.dwords as usize * DWORD;
        if len < least {
            return Err(OpenError::TooSmall { len, least });
        }
        let (control, blocks) = split(memory, &geometry)?;
        Self::reopen(control, blocks, geometry)
    }

    /// Open the heap that [`create_apart`](Self::create_apart) made in these two buffers.
    ///
    /// # Errors
    ///
    /// As [`TagHeap::open`].
    pub fn open_apart(control: &'m mut [u8], blocks: &'m mut [u8]) -> Result<Self, OpenError> {
        let geometry = Geometry::read(words_of(control)?)?;
        let control = words(control, geometry.control_dwords())?;
        let blocks = words(blocks, geometry.dwords)?;
        Self::reopen(control, blocks, geometry)
    }

    fn over(control: Words, blocks: Words, geometry: Geometry) -> Self {
        let control = Control::create(control, geometry, fresh_number());
        let core = Core::new(control, blocks);
        let blocks = core.blocks;
        let (first, last) = (blocks.known_spot(0), blocks.known_spot(blocks.last()));
        let size = last.at() - HEADER;
        blocks.write_free(first, NONE, size);
        blocks.write_free(last, 0, 0);
        control.add_free(0, size);
        with_index!(core, I => I::begin(&core, first, size, last));
        Self::with_core(core)
    }

    fn reopen(control: Words, blocks: Words, geometry: Geometry) -> Result<Self, OpenError> {
        let core = Core::new(Control::open(control, geometry), blocks);
        core.validate()?;
        core.unpin_all();
        Ok(Self::with_core(core))
    }

    fn with_core(core: Core) -> Self {
        Self {
            core,
            busy: Cell::new(false),
            pins: Cell::new(0),
            cursor: Cell::new(0),
            changes: Cell::new(0),
            memory: PhantomData,
        }
    }

    /// Return the address of the first block; offsets count from here.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.core.blocks.0.bytes(0, 0)
    }

    /// Return the bytes of the block area, headers and the sentinel included.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.core.blocks.0.len() as usize * DWORD
    }

    /// Return the bytes of the index: at most 1/48 of [`capacity`](Self::capacity) from 64 KiB on.
    #[must_use]
    pub fn index_len(&self) -> usize {
        self.core.control.geometry.index_dwords() as usize * DWORD
    }

    /// Return the greatest align that a block can have here: that of [`base`](Self::base), up to 128 KiB.
    #[must_use]
    pub fn align_max(&self) -> usize {
        DWORD << self.align_log_max()
    }

    fn align_log_max(&self) -> u32 {
        let base = self.core.blocks.0.address() / DWORD;
        base.trailing_zeros().min(ALIGN_LOG_MAX)
    }

    /// Return the bytes in free blocks below the lowest TAIL block, headers not counted. O(1).
    #[must_use]
    pub fn count_free_head(&self) -> usize {
        self.core.control.get(State::FreeHead) as usize * DWORD
    }

    /// Return the bytes in all free blocks, headers not counted. O(1).
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.core.control.get(State::Free) as usize * DWORD
    }

    /// Return the bytes of the largest free block. O(1).
    #[must_use]
    pub fn largest_free(&self) -> usize {
        self.core.largest() as usize * DWORD
    }

    /// Return how many blocks are live. O(1).
    #[must_use]
    pub fn live(&self) -> usize {
        self.core.control.get(State::Live) as usize
    }

    /// Check the whole heap: the chain of blocks, the index, the tag lists, the handle table, and every
    /// canary. Nothing is followed before it is checked.
    ///
    /// # Errors
    ///
    /// What is wrong first, and where.
    pub fn validate(&self) -> Result<(), Fault> {
        self.core.validate()?;
        let (said, found) = (self.core.pins()?, self.pins.get());
        if said != found {
            let name = "the number of guards";
            return Err(Fault::Count { name, said, found });
        }
        Ok(())
    }

    /// Refuse a call from a callback of the heap.
    pub(crate) fn idle(&self) -> Result<(), Error> {
        if self.busy.get() {
            return Err(Error::Reentrant);
        }
        Ok(())
    }

    /// Refuse calls from now on until the result is dropped, also by a panic.
    pub(crate) fn occupy(&self) -> Result<Busy<'_>, Error> {
        self.idle()?;
        self.busy.set(true);
        Ok(Busy(&self.busy))
    }

    /// Note that blocks have changed.
    pub(crate) fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    /// Return where a dword of the block area is, in bytes from the base.
    pub(crate) fn offset(&self, dword: u32) -> usize {
        dword as usize * DWORD
    }
}

impl fmt::Debug for TagHeap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagHeap")
            .field("capacity", &self.capacity())
            .field("live", &self.live())
            .field("free", &self.free_bytes())
            .field("largest_free", &self.largest_free())
            .finish_non_exhaustive()
    }
}

/// Clears the busy flag when a callback is over, however it ends.
pub(crate) struct Busy<'h>(&'h Cell<bool>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// A number that no other heap of this process was created with, until four billion were.
fn fresh_number() -> u32 {
    static CREATED: AtomicU32 = AtomicU32::new(1);
    CREATED
        .fetch_add(1, Ordering::Relaxed)
        .wrapping_mul(0x9e37_79b9)
}

/// Cut memory into control block and block area.
fn split(memory: &mut [u8], geometry: &Geometry) -> Result<(Words, Words), OpenError> {
    let (control, blocks) = memory.split_at_mut(geometry.blocks_at());
    let control = words(control, geometry.control_dwords())?;
    Ok((control, words(blocks, geometry.dwords)?))
}

/// Take as many dwords as there are.
fn words_of(memory: &mut [u8]) -> Result<Words, OpenError> {
    let dwords = memory.len() / DWORD;
    words(memory, u32::try_from(dwords).unwrap_or(u32::MAX))
}

/// Take the first dwords of memory. The caller holds its borrow for as long as they are used.
fn words(memory: &mut [u8], dwords: u32) -> Result<Words, OpenError> {
    let address = memory.as_ptr().addr();
    if !address.is_multiple_of(DWORD) {
        let align = DWORD;
        return Err(OpenError::Misaligned { address, align });
    }
    let (len, least) = (memory.len(), dwords as usize * DWORD);
    if len < least {
        return Err(OpenError::TooSmall { len, least });
    }
    let base = NonNull::from(memory).cast();
    // SAFETY: the bytes are initialised, enough and aligned; whoever calls this keeps the exclusive
    // borrow, in the heap's lifetime or until the result is gone.
    Ok(unsafe { Words::new(base, dwords) })
}

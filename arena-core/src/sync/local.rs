//! A handle that owns a sub-block.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::block::SubBlock;
use super::shared::Shared;
use crate::blocks::Blocks;
use crate::boxed::ArenaBox;
use crate::error::AllocError;
use crate::fill::{Fill, assert_no_drop, or_fail};
use crate::methods::allocation_methods;
use crate::watch;

/// A thread's handle to a [`SyncArena`](super::SyncArena): it bumps in a sub-block of its own.
///
/// It can be sent to the thread that is to use it, and is used by one at a time. What it hands out
/// lives as long as the borrow of the arena, `'a`, also after the handle is gone; what is left of its
/// sub-block then is lost until the arena is reset.
pub struct LocalArena<'a> {
    /// In the arena itself, so that calls can refer to it for `'a`.
    engine: &'a Engine<'a>,
}

// SAFETY: the engine is this handle's alone, and goes with it; nothing else refers to it.
unsafe impl Send for LocalArena<'_> {}

/// What is behind a handle.
pub(crate) struct Engine<'a> {
    shared: &'a Shared,
    piece: SubBlock,
}

impl<'a> LocalArena<'a> {
    pub(super) fn of(shared: &'a Shared) -> Result<Self, AllocError> {
        let engine = Engine {
            shared,
            piece: SubBlock::empty(),
        };
        let layout = Layout::new::<Engine<'_>>();
        // From the cursor: the thread that asks may not be the one that is to use it.
        let block = shared.take(watch::padded(layout)?)?;
        watch::placed(shared.home(), block, layout.size());
        let block = block.cast::<Engine<'a>>();
        // SAFETY: the block is new, and made for an engine.
        unsafe { block.write(engine) };
        // SAFETY: written just now; it stays in place, and nobody else's, for `'a`.
        let engine = unsafe { block.as_ref() };
        Ok(Self { engine })
    }

    allocation_methods!([] self: &Self => 'a);

    #[inline(always)]
    pub(crate) fn raw(&self) -> &'a Engine<'a> {
        self.engine
    }
}

impl Engine<'_> {
    #[cold]
    #[inline(never)]
    fn place_slow(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if self.shared.is_large(layout) {
            return self.shared.take(layout);
        }
        match self.shared.take_sub_block() {
            Some((start, end)) => {
                self.piece.refill(start, end);
                self.piece
                    .place(layout)
                    .map_or_else(|| self.shared.take(layout), Ok)
            }
            // Too little is left for a sub-block, perhaps not for the block.
            None => self.shared.take(layout),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn place_slow_or_panic(&self, layout: Layout) -> NonNull<u8> {
        self.place_slow(layout)
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

// SAFETY: blocks are parts of sub-blocks that the cursor handed out to this engine, which one thread
// at a time uses; or they are taken from the cursor themselves.
unsafe impl Blocks for Engine<'_> {
    #[inline(always)]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.piece.place(layout) {
            Some(block) => Ok(block),
            None => self.place_slow(layout),
        }
    }

    #[inline(always)]
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8> {
        match self.piece.place(layout) {
            Some(block) => block,
            None => self.place_slow_or_panic(layout),
        }
    }

    #[inline]
    fn extend(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        self.piece.extend(block, old, new)
    }

    #[inline]
    unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize) {
        // SAFETY: passed on.
        unsafe { self.piece.cut(block, old, size) };
    }

    // As in the shared arena.
    fn dirty(&self, _: NonNull<u8>, len: usize) -> usize {
        len
    }

    #[inline(always)]
    fn home(&self) -> NonNull<u8> {
        self.shared.base()
    }
}

impl fmt::Debug for LocalArena<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalArena")
            .field("base", &self.engine.shared.base())
            .finish_non_exhaustive()
    }
}

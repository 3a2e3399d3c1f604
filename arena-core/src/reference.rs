//! An allocator that lives as long as what an arena or scope hands out.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use crate::arena::{Arena, RawArena};
use crate::blocks::Blocks;
use crate::error::AllocError;
use crate::scope::Scope;

/// The right to allocate from an arena, or from a scope, for as long as `'a`.
///
/// It is an `Allocator` that can be copied, for collections that live in a scope while scopes within
/// come and go: a reference to the scope would forbid those.
///
/// While a scope within is open, it is refused: its block would be rewound with that scope. So a
/// collection that belongs to the scope around must not grow then.
///
/// # Panics
///
/// Allocating, growing or moving a block while a scope within is open panics, and says so.
#[derive(Clone, Copy)]
pub struct ArenaRef<'a, const MIN_ALIGN: usize = 8> {
    raw: &'a RawArena<MIN_ALIGN>,
    /// How many scopes were open when it was made: the one it belongs to and those around.
    depth: u32,
}

impl<'a, const MIN_ALIGN: usize> ArenaRef<'a, MIN_ALIGN> {
    #[inline]
    pub(crate) fn to(raw: &'a RawArena<MIN_ALIGN>) -> Self {
        Self {
            raw,
            depth: raw.depth(),
        }
    }

    /// The arena, if its own scope is the innermost.
    #[inline]
    #[track_caller]
    fn open(&self) -> &'a RawArena<MIN_ALIGN> {
        if self.raw.depth() != self.depth {
            scope_within_is_open();
        }
        self.raw
    }
}

impl<'a, const MIN_ALIGN: usize, B> From<&'a Arena<MIN_ALIGN, B>> for ArenaRef<'a, MIN_ALIGN> {
    fn from(arena: &'a Arena<MIN_ALIGN, B>) -> Self {
        arena.allocator()
    }
}

impl<'s, const MIN_ALIGN: usize> From<&Scope<'s, '_, MIN_ALIGN>> for ArenaRef<'s, MIN_ALIGN> {
    fn from(scope: &Scope<'s, '_, MIN_ALIGN>) -> Self {
        scope.allocator()
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn scope_within_is_open() {
    panic!(
        "a scope within is open, and would take the block with it: let the collection grow before \
         or after, or use one of the inner scope"
    )
}

impl<const MIN_ALIGN: usize> fmt::Debug for ArenaRef<'_, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaRef").field("arena", self.raw).finish()
    }
}

impl<const MIN_ALIGN: usize> ArenaRef<'_, MIN_ALIGN> {
    /// What stands for the arena where the allocator traits are implemented: this, which asks first.
    #[inline]
    pub(crate) fn raw(&self) -> &Self {
        self
    }
}

// SAFETY: the blocks are the arena's, and no scope within is open that would take them.
unsafe impl<const MIN_ALIGN: usize> Blocks for ArenaRef<'_, MIN_ALIGN> {
    #[inline]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.open().place(layout)
    }

    #[inline]
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8> {
        self.open().place_or_panic(layout)
    }

    #[inline]
    fn extend(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        self.open().extend(block, old, new)
    }

    #[inline]
    unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize) {
        // With a scope within open, the newest block may be where that scope began: let it be.
        if self.raw.depth() == self.depth {
            // SAFETY: passed on.
            unsafe { self.raw.cut(block, old, size) }
        }
    }

    #[inline]
    unsafe fn clear(&self, at: NonNull<u8>, len: usize) {
        // SAFETY: passed on.
        unsafe { self.raw.clear(at, len) };
    }

    #[inline]
    fn dirty(&self, block: NonNull<u8>, len: usize) -> usize {
        self.raw.dirty(block, len)
    }

    #[inline(always)]
    fn home(&self) -> NonNull<u8> {
        self.raw.home()
    }
}

//! What all threads see of a shared arena.

use core::alloc::Layout;
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use super::cursor::{Cursor, MIN_ALIGN};
use super::slot;
use crate::blocks::Blocks;
use crate::error::AllocError;
use crate::region::{Region, RegionError, page_size};
use crate::watch;

/// The largest sub-block, in bytes.
const SUB_BLOCK_MAX: usize = 64 << 10;

/// A sub-block is at most this part of the arena, so that a small one serves several threads.
const SUB_BLOCK_SHARE: usize = 64;

/// A block larger than this part of a sub-block is taken from the cursor directly.
const LARGE_SHARE: usize = 4;

/// The region, and the cursor in it.
pub(crate) struct Shared {
    region: Region,
    /// The address at which the next sub-block or large block begins. Where two processes share the
    /// region, the one in its first bytes counts, and this does not.
    cursor: Cursor,
    /// The first byte that can be handed out.
    start: usize,
    /// The address behind the last byte that may be handed out.
    end: usize,
    /// Bytes of a sub-block; 0 if every block is taken from the cursor.
    sub_block: usize,
    /// Names this arena, between two resets, in the threads' slots. Never used twice.
    id: u64,
}

impl Shared {
    pub(super) fn over(region: Region, limit: usize) -> Self {
        let base = region.base().addr().get();
        let usable = region.len().min(limit);
        let processes = region.backing().is_shared();
        let header = if processes {
            mem::size_of::<Cursor>()
        } else {
            0
        };
        let sub_block = (usable / SUB_BLOCK_SHARE).min(SUB_BLOCK_MAX) / MIN_ALIGN * MIN_ALIGN;
        let shared = Self {
            cursor: Cursor::at(base),
            start: base + header,
            end: base + usable,
            // A child has a copy of the parent's sub-blocks: both would bump over the same bytes.
            sub_block: if processes { 0 } else { sub_block },
            id: next_id(),
            region,
        };
        watch::opened(shared.base(), shared.region.len());
        if processes {
            watch::touched(shared.base(), header);
            // SAFETY: the region is at least a page of memory that nobody else uses yet; a cursor
            // needs 8 bytes, aligned to 8.
            unsafe { shared.region.base().cast().write(Cursor::at(shared.start)) };
        }
        shared
    }

    fn cursor(&self) -> &Cursor {
        if self.start == self.region.base().addr().get() {
            &self.cursor
        } else {
            // SAFETY: written when the arena was made, and never handed out; every process changes
            // it by atomic operations only.
            unsafe { self.region.base().cast().as_ref() }
        }
    }

    /// Take a block from the cursor. `layout` is not empty.
    #[cold]
    #[inline(never)]
    pub(super) fn take(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let placed = self
            .cursor()
            .take(self.end, layout)
            .ok_or_else(|| self.exhausted(layout))?;
        let base = self.region.base().addr().get();
        if self.region.is_reserved() {
            // Steps need not meet at page ends: what two takers both commit is committed.
            let page = page_size();
            let from = (placed.start - base) / page * page;
            let until = (placed.end - base)
                .next_multiple_of(page)
                .min(self.region.len());
            if let Err(source) = self.region.commit(from..until) {
                self.cursor().untake(placed);
                return Err(AllocError::Commit {
                    size: layout.size(),
                    used: self.used(),
                    source,
                });
            }
        }
        // SAFETY: the placement lies within the region.
        Ok(unsafe { self.region.base().add(placed.start - base) })
    }

    /// Tell whether a block is better taken from the cursor than from a sub-block.
    #[inline(always)]
    pub(super) fn is_large(&self, layout: Layout) -> bool {
        layout.size().saturating_add(layout.align()) > self.sub_block / LARGE_SHARE
    }

    /// Take a sub-block: its start, and the address behind it.
    pub(super) fn take_sub_block(&self) -> Option<(*mut u8, usize)> {
        let layout = Layout::from_size_align(self.sub_block, MIN_ALIGN).ok()?;
        let start = self.take(layout).ok()?;
        Some((start.as_ptr(), start.addr().get() + self.sub_block))
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn reset(&mut self) {
        // Sub-blocks in the threads' slots are known by the id they were taken under.
        self.id = next_id();
        let taken = self.cursor().get() - self.start;
        let header = self.start - self.base().addr().get();
        // SAFETY: within the region.
        watch::rewound(self.base(), unsafe { self.base().add(header) }, taken);
        self.cursor().set(self.start);
    }

    pub(super) fn reset_and_decommit(&mut self, keep: usize) -> Result<(), RegionError> {
        self.reset();
        let len = self.region.len();
        let header = self.start - self.region.base().addr().get();
        let keep = keep.max(header).min(len).next_multiple_of(page_size());
        self.region.decommit(keep..len)
    }

    pub(super) fn used(&self) -> usize {
        self.cursor().get() - self.region.base().addr().get()
    }

    pub(super) fn capacity(&self) -> usize {
        self.end - self.region.base().addr().get()
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.region.base()
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    fn exhausted(&self, layout: Layout) -> AllocError {
        let capacity = self.region.len();
        AllocError::Exhausted {
            size: layout.size(),
            align: layout.align(),
            used: self.used(),
            limit: self.capacity(),
            capacity,
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn place_or_panic_in_slot(&self, layout: Layout) -> NonNull<u8> {
        slot::place(self, layout).unwrap_or_else(|error| panic!("{error}"))
    }
}

// SAFETY: blocks are parts of sub-blocks, which the cursor hands out once each, and in which one
// thread at a time bumps; or they are taken from the cursor themselves.
unsafe impl Blocks for Shared {
    #[inline(always)]
    fn place(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match slot::place_in_own(self, layout) {
            Some(block) => Ok(block),
            None => slot::place(self, layout),
        }
    }

    #[inline(always)]
    #[track_caller]
    fn place_or_panic(&self, layout: Layout) -> NonNull<u8> {
        match slot::place_in_own(self, layout) {
            Some(block) => block,
            None => self.place_or_panic_in_slot(layout),
        }
    }

    #[inline]
    fn extend(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        slot::with_own(self, |piece| piece?.extend(block, old, new))
    }

    #[inline]
    unsafe fn cut(&self, block: NonNull<u8>, old: usize, size: usize) {
        slot::with_own(self, |piece| {
            if let Some(piece) = piece {
                // SAFETY: passed on.
                unsafe { piece.cut(block, old, size) };
            }
        });
    }

    // Sub-blocks are cut and filled again without a note of what was written where.
    fn dirty(&self, _: NonNull<u8>, len: usize) -> usize {
        len
    }

    #[inline(always)]
    fn home(&self) -> NonNull<u8> {
        self.base()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        watch::closed(self.base(), self.used(), self.region.len());
    }
}

fn next_id() -> u64 {
    // 0 stands for no arena.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

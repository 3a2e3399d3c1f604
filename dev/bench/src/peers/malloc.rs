//! Any malloc, as a program uses it that owns its blocks one by one: it remembers each and frees
//! each. Remembering (a push onto a vector with room) and freeing are part of what is counted.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use api02::alloc::{AllocError, Allocator};

use crate::ability::{Copies, Layouts, Make, Rewinds, Short, Values};

/// Blocks of a malloc, and what is needed to free them.
pub(crate) struct Blocks<M: Malloc> {
    owned: RefCell<Vec<(NonNull<u8>, Layout)>>,
    malloc: PhantomData<M>,
}

/// A malloc, as a `GlobalAlloc` without state.
pub(crate) trait Malloc {
    type Global: GlobalAlloc;

    const GLOBAL: Self::Global;
}

// SAFETY: the blocks are owned, and a malloc frees them on any thread.
unsafe impl<M: Malloc> Send for Blocks<M> {}

impl<M: Malloc> Blocks<M> {
    fn with_room(blocks: usize) -> Self {
        Self {
            owned: RefCell::new(Vec::with_capacity(blocks)),
            malloc: PhantomData,
        }
    }

    #[inline(always)]
    fn take(&self, layout: Layout) -> NonNull<u8> {
        // SAFETY: no workload asks for blocks of no bytes.
        let block = unsafe { M::GLOBAL.alloc(layout) };
        let Some(block) = NonNull::new(block) else {
            std::alloc::handle_alloc_error(layout)
        };
        self.owned.borrow_mut().push((block, layout));
        block
    }

    #[inline(always)]
    fn free_down_to(&mut self, blocks: usize) {
        for (block, layout) in self.owned.get_mut().drain(blocks..) {
            // SAFETY: it came from this malloc with this layout, and leaves the list for good.
            unsafe { M::GLOBAL.dealloc(block.as_ptr(), layout) };
        }
    }
}

impl<M: Malloc> Make for Blocks<M> {
    /// The smallest blocks have 8 bytes or so.
    fn make(bytes: usize) -> Self {
        Self::with_room(bytes / 8)
    }

    #[inline(always)]
    fn free_each(&mut self) {
        self.free_down_to(0);
    }

    fn empty(&mut self) {}
}

impl<M: Malloc, T: Copy> Values<T> for Blocks<M> {
    #[inline(always)]
    fn value(&self, value: T) -> &T {
        let block = self.take(Layout::new::<T>()).cast::<T>();
        // SAFETY: the block is fresh and has the layout of a `T`.
        unsafe { block.write(value) };
        // SAFETY: written just now; blocks are freed with `&mut self` only.
        unsafe { block.as_ref() }
    }
}

impl<M: Malloc> Layouts for Blocks<M> {
    #[inline(always)]
    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.take(layout)
    }
}

impl<M: Malloc> Copies for Blocks<M> {
    #[inline(always)]
    fn bytes(&self, source: &[u8]) -> &[u8] {
        let block = self.take(Layout::for_value(source));
        // SAFETY: the block is fresh and as large as the source.
        unsafe {
            NonNull::from(source)
                .cast()
                .copy_to_nonoverlapping(block, source.len())
        };
        // SAFETY: written just now; blocks are freed with `&mut self` only.
        unsafe { NonNull::slice_from_raw_parts(block, source.len()).as_ref() }
    }

    #[inline(always)]
    fn text(&self, source: &str) -> &str {
        // SAFETY: a copy of valid UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.bytes(source.as_bytes())) }
    }
}

/// What a `Vec` of allocator-api2 asks.
#[derive(Clone, Copy)]
pub(crate) struct Asked<M>(pub(crate) PhantomData<M>);

// SAFETY: a malloc's blocks live until they are freed, whoever asks.
unsafe impl<M: Malloc> Allocator for Asked<M> {
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: a `Vec` asks for no empty block.
        let block = NonNull::new(unsafe { M::GLOBAL.alloc(layout) }).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline(always)]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { M::GLOBAL.dealloc(block.as_ptr(), layout) }
    }

    #[inline(always)]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on; a `Vec` keeps its alignment.
        let grown = unsafe { M::GLOBAL.realloc(block.as_ptr(), old, new.size()) };
        let grown = NonNull::new(grown).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(grown, new.size()))
    }
}

crate::ability::vecs!([M: Malloc] Blocks<M>, api02, self => Asked::<M>(PhantomData));

impl<M: Malloc> Rewinds for Blocks<M> {
    type Mark = usize;

    #[inline(always)]
    fn mark(&mut self) -> usize {
        self.owned.get_mut().len()
    }

    #[inline(always)]
    unsafe fn rewind(&mut self, mark: usize) {
        self.free_down_to(mark);
    }
}

impl<M: Malloc> Short for Blocks<M> {
    #[inline(always)]
    fn short() -> Self {
        Self::with_room(32)
    }

    #[inline(always)]
    fn end(&mut self) {
        self.free_each();
    }
}

//! tagheap passes the whole suite: a heap that moves its blocks.

use std::alloc::Layout;
use std::ptr::NonNull;

use tagheap::{Handle, Options, Tag, TagHeap, Verdict};
use tests::subject::{Contents, Promises, Ranges, Refused, Subject};

use crate::memory::{ALIGN, Memory};

/// What every heap here has; the suite fills it many times.
const LEN: usize = 256 * 1024;

/// A heap under test, all its blocks of one tag.
pub(crate) struct Tagged {
    heap: TagHeap<'static>,
    tag: Tag,
}

impl Tagged {
    fn new(tag: Tag, options: &Options) -> Self {
        let control = tests::forever(Box::new(Memory::new(options.control_len(LEN))));
        let blocks = tests::forever(Box::new(Memory::new(LEN)));
        let heap = TagHeap::create_apart(control.bytes(), blocks.bytes(), options).unwrap();
        Self { heap, tag }
    }
}

// SAFETY: every block lies in the block area, which is the declared range.
unsafe impl Subject for Tagged {
    type Handle = Handle;
    type Checkpoint = ();

    fn promises(&self) -> Promises {
        Promises {
            max_align: ALIGN,
            ..Promises::moving_heap(LEN / 4)
        }
    }

    fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<Handle, Refused> {
        let handle = self
            .heap
            .alloc_aligned(layout.size(), layout.align(), self.tag);
        let handle = handle.map_err(|_| Refused)?;
        if contents == Contents::Zeroed {
            let zeroed = self.heap.with_mut(handle, |bytes| bytes.fill(0));
            zeroed.map_err(|_| Refused)?;
        }
        Ok(handle)
    }

    unsafe fn free(&mut self, handle: Handle, _layout: Layout) {
        self.heap.free(handle).expect("the suite frees live blocks");
    }

    fn address(&self, handle: &Handle) -> NonNull<u8> {
        let place = self.heap.payload_of(*handle).expect("a live block");
        // SAFETY: the place is in the heap.
        unsafe { self.heap.base().add(place) }
    }

    unsafe fn grow(
        &mut self,
        handle: &Handle,
        old: Layout,
        new: Layout,
        contents: Contents,
    ) -> Result<Handle, Refused> {
        self.heap
            .realloc(*handle, new.size())
            .map_err(|_| Refused)?;
        if contents == Contents::Zeroed {
            let rest = self
                .heap
                .with_mut(*handle, |bytes| bytes[old.size()..].fill(0));
            rest.map_err(|_| Refused)?;
        }
        Ok(*handle)
    }

    unsafe fn shrink(
        &mut self,
        handle: &Handle,
        _old: Layout,
        new: Layout,
    ) -> Result<Handle, Refused> {
        self.heap
            .realloc(*handle, new.size())
            .map_err(|_| Refused)?;
        Ok(*handle)
    }

    fn defrag(&mut self) {
        self.heap.defrag(|_| Verdict::Move).expect("a sound heap");
    }

    fn ranges(&self) -> Ranges {
        let base = self.heap.base().addr().get();
        let range = base..base + self.heap.capacity();
        Ranges::Within(vec![range])
    }

    fn live(&self) -> Option<usize> {
        Some(self.heap.live())
    }

    fn check(&self) -> Result<(), String> {
        self.heap.validate().map_err(|fault| fault.to_string())
    }
}

fn options() -> Options {
    Options::new().handles(32 * 1024)
}

tests::conformance!(head, || Tagged::new(Tag::head(1).unwrap(), &options()));
tests::conformance!(tail, || Tagged::new(Tag::tail(1).unwrap(), &options()));
tests::conformance!(with_canaries, || {
    Tagged::new(Tag::head(1).unwrap(), &options().canaries(true))
});
tests::conformance!(without_a_table, || {
    Tagged::new(Tag::head(1).unwrap(), &options().table(false))
});

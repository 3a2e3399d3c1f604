//! The region itself grows: `mremap` may move its base, and then pointers and offsets part.

use super::BLOCK;
use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::{During, Line, Place, Stage, Symbol, Trouble, pages};
use arena_core::region::page_size;
use rustix::io::Errno;
use rustix::mm::{
    MapFlags, MprotectFlags, MremapFlags, ProtFlags, mmap_anonymous, mprotect, mremap, munmap,
};
use std::ptr;

/// A mapping that may move.
struct Mapping {
    /// The start of `len` mapped bytes that nothing else refers to.
    base: *mut u8,
    len: usize,
}

impl Mapping {
    /// A mapping of one OS page, and right behind it another, so that the first has nowhere to grow.
    fn with_neighbour() -> Result<(Self, Self), Trouble> {
        let page = page_size();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let both = unsafe { mmap_anonymous(ptr::null_mut(), 2 * page, access, MapFlags::PRIVATE) };
        let base = both.during("mmap")?.cast::<u8>();
        // SAFETY: the second of two pages.
        let behind = unsafe { base.add(page) };
        let pair = (
            Self { base, len: page },
            Self {
                base: behind,
                len: page,
            },
        );
        // Other rights make it a mapping of its own for the kernel, as a stranger's would be.
        // SAFETY: the page is ours, and nobody uses it.
        unsafe { mprotect(behind.cast(), page, MprotectFlags::empty()) }.during("mprotect")?;
        Ok(pair)
    }

    // stamp: mremap
    /// Makes the mapping longer. With `MAYMOVE` its base may be another afterwards.
    fn grow(&mut self, len: usize, flags: MremapFlags) -> Result<(), Errno> {
        // SAFETY: the whole mapping, into which no reference exists; its old base is not used again.
        let base = unsafe { mremap(self.base.cast(), self.len, len, flags) }?;
        self.base = base.cast();
        self.len = len;
        Ok(())
    }
    // /stamp: mremap

    /// The block at an offset.
    fn block(&self, offset: usize) -> *mut [u8; BLOCK] {
        assert!(
            offset <= self.len - BLOCK,
            "offset {offset} of {}",
            self.len
        );
        // SAFETY: checked above.
        unsafe { self.base.add(offset) }.cast()
    }

    fn read(&self, offset: usize) -> String {
        // SAFETY: `block` lies within the mapping, which the kernel filled with zeros; no reference into it exists.
        c_string(&unsafe { self.block(offset).read_volatile() })
    }

    fn write(&mut self, offset: usize, text: &str) {
        let mut bytes = [0; BLOCK];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        // SAFETY: as in `read`.
        unsafe { self.block(offset).write_volatile(bytes) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole mapping; every pointer into it went with `self`.
        let unmapped = unsafe { munmap(self.base.cast(), self.len) };
        assert_eq!(unmapped, Ok(()), "munmap of a whole mapping cannot fail");
    }
}

/// A region of one page with a neighbour behind it must become two.
pub(super) fn story(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: the region itself must grow, and its neighbour stays");
    let (mut region, neighbour) = Mapping::with_neighbour()?;
    let (old, page) = (region.base.addr(), region.len);
    let before = |offset| Place::new("base", old, offset);
    stage.event(Symbol::Alloc, "map", page, before(0), "");
    stage.event(Symbol::Alloc, "map", page, before(page), "the neighbour");
    for (index, text) in TEXTS[..2].iter().enumerate() {
        region.write(index * BLOCK, text);
        stage.event(
            Symbol::Alloc,
            "alloc",
            BLOCK,
            before(index * BLOCK),
            quoted(text),
        );
    }

    let in_place = match region.grow(2 * page, MremapFlags::empty()) {
        Ok(()) => "granted".to_owned(),
        Err(Errno::NOMEM) => "ENOMEM".to_owned(),
        Err(error) => error.to_string(),
    };
    let note = format!("in place: {in_place}");
    let line = Line::new(Symbol::Refused, "mremap");
    stage.show(line.bytes(2 * page).at(before(0)).note(note));

    region
        .grow(2 * page, MremapFlags::MAYMOVE)
        .during("mremap")?;
    let moved = region.base.addr() != old;
    let after = |offset| Place::new("new", region.base.addr(), offset);
    let note = "MREMAP_MAYMOVE: granted, at another base";
    stage.event(Symbol::Target, "mremap", 2 * page, after(0), note);
    let leads_somewhere = pages::is_mapped(old + BLOCK)?;
    let (symbol, note) = if leads_somewhere {
        (Symbol::Corrupted, "the pointer: something is mapped there")
    } else {
        (
            Symbol::Refused,
            "the pointer: nothing is mapped there any more",
        )
    };
    stage.event(symbol, "read", BLOCK, before(BLOCK), note);
    let read = region.read(BLOCK);
    let note = format!("the offset: {}", quoted(&read));
    stage.event(Symbol::Picture, "read", BLOCK, after(BLOCK), note);
    stage.event(Symbol::Unmap, "unmap", 2 * page, after(0), "");
    stage.event(Symbol::Unmap, "unmap", page, before(page), "the neighbour");
    drop(neighbour);

    stage.expect("grow_in_place", "ENOMEM".to_owned(), in_place);
    stage.expect("base_moved", true, moved);
    stage.expect("old_pointer_is_mapped", false, leads_somewhere);
    stage.expect("offset_reads", TEXTS[1].to_owned(), read);
    Ok(())
}

//! Every byte of a heap's image changed in turn: it is reported, or it was harmless.

use tagheap::{BlockState, Handle, Options, Tag, TagHeap, Verdict};

use crate::memory::Memory;

const LEN: usize = 2048;

const HANDLES: u32 = 20;

const TAG_SLOTS: u32 = 4;

fn head(number: u16) -> Tag {
    Tag::head(number).unwrap()
}

/// A heap with blocks of both sides, holes, handles in use and free, and large slack.
fn populate(heap: &TagHeap<'_>) -> Vec<Handle> {
    let mut handles = Vec::new();
    for n in 0..8 {
        handles.push(heap.alloc(20 + 7 * usize::from(n), head(n % 3)).unwrap());
        let tail = Tag::tail(n % 3).unwrap();
        handles.push(heap.alloc(10 + usize::from(n), tail).unwrap());
    }
    for index in [2, 3, 8, 9] {
        heap.free(handles[index]).unwrap();
    }
    heap.realloc(handles[14], 5).unwrap();
    heap.alloc_raw(30, head(1)).unwrap();
    handles
}

/// Use all there is, and say whether anything was reported.
fn use_up(heap: &TagHeap<'_>, handles: &[Handle]) -> bool {
    let mut reported = heap.validate().is_err();
    let drawing = heap.drawing().to_string();
    assert!(drawing.len() < 10_000, "a walk that does not end");
    reported |= heap.defrag_plan(|_| Verdict::Move).is_err();
    for (index, handle) in handles.iter().enumerate() {
        reported |= heap.with(*handle, |bytes| bytes.len()).is_err();
        reported |= heap.realloc(*handle, 5 + 13 * index).is_err();
    }
    reported |= heap.tag_stats(head(0)..=head(9)).is_err();
    reported |= heap.defrag(|_| Verdict::Move).is_err();
    for size in [1, 40, 200] {
        reported |= heap.alloc(size, head(4)).is_err();
        reported |= heap.alloc_raw(size, Tag::tail(4).unwrap()).is_err();
    }
    for handle in handles.iter().step_by(2) {
        reported |= heap.free(*handle).is_err();
    }
    reported |= heap.free_tags(head(0)..=head(9)).is_err();
    reported | heap.validate().is_err()
}

/// The bytes that a sound heap has in free blocks and payloads may be anything.
/// Without a table the first four of a free block's are metadata, too.
fn is_metadata(
    heap: &TagHeap<'_>,
    blocks_at: usize,
    table: bool,
) -> impl Fn(usize) -> bool + use<> {
    let len_of = |state| match state {
        BlockState::Free if !table => 28,
        _ => 24,
    };
    let headers: Vec<_> = heap
        .walk()
        .map(|block| blocks_at + block.offset..blocks_at + block.offset + len_of(block.state))
        .collect();
    move |byte| byte < blocks_at || headers.iter().any(|header| header.contains(&byte))
}

#[test]
fn any_changed_byte_is_reported_or_harmless() {
    for (canaries, table) in [(false, true), (true, true), (false, false), (true, false)] {
        let options = Options::new()
            .handles(HANDLES)
            .tag_slots(TAG_SLOTS)
            .canaries(canaries)
            .table(table);
        let mut memory = Memory::new(LEN);
        let first = memory.bytes().as_ptr().addr();
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let blocks_at = heap.base().addr().get() - first;
        let capacity = heap.capacity();
        let handles = populate(&heap);
        let is_metadata = is_metadata(&heap, blocks_at, table);
        let image = memory.bytes().to_vec();
        let mut silent = Vec::new();
        for byte in (0..LEN).filter(|byte| is_metadata(*byte)) {
            for flip in [1, 0x80, 0xff] {
                memory.bytes().copy_from_slice(&image);
                // Changed under an open heap.
                let heap = TagHeap::open(memory.bytes()).unwrap();
                let at = heap
                    .base()
                    .as_ptr()
                    .wrapping_add(byte)
                    .wrapping_sub(blocks_at);
                // SAFETY: within the memory that the heap was opened in; nobody has a reference to it.
                unsafe { *at ^= flip };
                if heap.validate().is_ok() {
                    silent.push(byte);
                }
                use_up(&heap, &handles);
                // Changed while nobody looked.
                memory.bytes().copy_from_slice(&image);
                memory.bytes()[byte] ^= flip;
                if let Ok(heap) = TagHeap::open(memory.bytes()) {
                    use_up(&heap, &handles);
                }
            }
        }
        silent.dedup();
        // What `validate` cannot know: slots that were never used, and up to three bytes that fill the
        // table of first blocks up to a dword; or, without a table, the state of the random numbers, of
        // which any is good.
        let table_at = options.control_len(capacity) - HANDLES as usize * 12;
        let unused_at = table_at + handles.len() * 12;
        let elsewhere: Vec<_> = silent.iter().filter(|byte| **byte < unused_at).collect();
        assert!(
            elsewhere.len() <= if table { 3 } else { 4 },
            "changed in silence: {elsewhere:?}"
        );
        let padding = table_at - TAG_SLOTS as usize * 4 - 4..table_at;
        assert!(elsewhere.iter().all(|byte| padding.contains(byte)));
        assert!(
            silent.iter().all(|byte| *byte < blocks_at),
            "a header changed in silence"
        );
    }
}

#[test]
fn a_tree_led_astray_is_reported_and_never_followed_for_long() {
    let mut memory = Memory::new(16 << 10);
    let options = Options::new().handles(160).table(false);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let handles: Vec<_> = (0..160)
        .map(|index| heap.alloc(16 + index % 40, head(index as u16 % 2)).unwrap())
        .collect();
    heap.free_tags(head(0)..=head(0)).unwrap();
    let free: Vec<_> = heap
        .walk()
        .filter(|block| block.state == BlockState::Free)
        .map(|block| block.offset)
        .collect();
    let last = heap.walk().last().unwrap().offset;
    let image = memory.bytes().to_vec();
    for (index, block) in free.iter().enumerate().step_by(3) {
        // Itself, its neighbours, some others, nothing, and what is no block.
        let others = [index, index + 1, index + 2, index / 2, 0, free.len() - 1];
        let astray = others.map(|other| free[other % free.len()] as u32 / 4);
        let last = last as u32 / 4;
        for dword in [3, 4, 5, 6] {
            for value in astray
                .into_iter()
                .chain([1, 7, last, u32::MAX, 0x7fff_ffff])
            {
                memory.bytes().copy_from_slice(&image);
                let heap = TagHeap::open(memory.bytes()).unwrap();
                let at = heap.base().as_ptr().wrapping_add(block + 4 * dword);
                // SAFETY: within the memory that the heap was opened in; nobody has a reference to it.
                let old = unsafe { at.cast::<[u8; 4]>().replace(value.to_le_bytes()) };
                if old == value.to_le_bytes() {
                    continue;
                }
                let said = heap.validate();
                assert!(said.is_err(), "{value:#x} in dword {dword} of {block}");
                use_up(&heap, &handles);
            }
        }
    }
}

#[test]
fn a_largest_block_that_is_not_there_is_reported() {
    let mut memory = Memory::new(LEN);
    let options = Options::new().handles(0).table(false);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let first = heap.base().as_ptr();
    // The free block's dword 5, and the check byte, which agrees.
    for byte in [20, 11] {
        // SAFETY: a byte of the first header, to which nobody has a reference.
        unsafe { *first.wrapping_add(byte) ^= 4 };
    }
    let said = heap.validate().unwrap_err().to_string();
    assert_eq!(said, "corrupt index of free blocks near base+0");
}

#[test]
fn a_tree_in_the_wrong_order_is_refused_before_anything_is_written() {
    let mut memory = Memory::new(LEN);
    let options = Options::new().handles(8).table(false);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let handles: Vec<_> = (0..8).map(|_| heap.alloc(16, head(1)).unwrap()).collect();
    for index in [1, 3] {
        heap.free(handles[index]).unwrap();
    }
    let image = memory.bytes().to_vec();
    let heap = TagHeap::open(memory.bytes()).unwrap();
    let first = heap.base().as_ptr();
    // Whichever of the three is the root: its children change places, so the nodes agree, and their order
    // is wrong.
    for block in heap.walk().filter(|block| block.state == BlockState::Free) {
        let links = first.wrapping_add(block.offset + 12).cast::<[[u8; 4]; 2]>();
        // SAFETY: dwords 3 and 4 of a header, to which nobody has a reference.
        unsafe { (*links).reverse() };
    }
    assert!(heap.validate().is_err());
    let (live, free) = (heap.live(), heap.free_bytes());
    // Beside the hole, so that it has to be found in the tree.
    let said = heap.free(handles[2]).unwrap_err().to_string();
    assert!(
        said.starts_with("corrupt index of free blocks near"),
        "{said}"
    );
    assert_eq!((heap.live(), heap.free_bytes()), (live, free));
    memory.bytes().copy_from_slice(&image);
    TagHeap::open(memory.bytes())
        .unwrap()
        .free(handles[2])
        .unwrap();
}

#[test]
fn what_defragmentation_looks_ahead_at_is_not_believed() {
    // Large enough that it goes ahead of the block that it moves, of which each second one is free.
    let mut memory = Memory::new(16 << 10);
    let heap = TagHeap::create(memory.bytes(), &Options::new().handles(0)).unwrap();
    for index in 0..16 {
        heap.alloc_raw(600, head(index % 2)).unwrap();
    }
    heap.free_tags(head(0)..=head(0)).unwrap();
    let blocks: Vec<_> = heap.walk().skip(1).collect();
    let image = memory.bytes().to_vec();
    for block in blocks {
        // A free block is on no list and has no handle: what it says of these nobody asks.
        for dword in 0..if block.is_live() { 6 } else { 3 } {
            for value in [0_u32, 1, 0x1000, 0x7fff_ffff, u32::MAX - 6, u32::MAX - 1] {
                memory.bytes().copy_from_slice(&image);
                let heap = TagHeap::open(memory.bytes()).unwrap();
                let at = heap.base().as_ptr().wrapping_add(block.offset + 4 * dword);
                // SAFETY: within the memory that the heap was opened in; nobody has a reference to it.
                let old = unsafe { at.cast::<[u8; 4]>().replace(value.to_le_bytes()) };
                if old == value.to_le_bytes() {
                    continue;
                }
                let done = heap.defrag(|_| Verdict::Move);
                assert!(done.is_err(), "{value:#x} in dword {dword} of {block:?}");
            }
        }
    }
}

/// A heap in two buffers with one block, and what stands in its slot of the handle table.
struct Apart {
    control: Memory,
    blocks: Memory,
    handle: Handle,
    slot: usize,
}

impl Apart {
    fn new() -> Self {
        let options = Options::new().handles(2);
        let mut control = Memory::new(options.control_len(LEN));
        let mut blocks = Memory::new(LEN);
        let slot = options.control_len(LEN) - 2 * 12;
        let heap = TagHeap::create_apart(control.bytes(), blocks.bytes(), &options).unwrap();
        let handle = heap.alloc(10, head(1)).unwrap();
        Self {
            control,
            blocks,
            handle,
            slot,
        }
    }

    /// Open it, and change bytes of the slot under it.
    fn changed(&mut self, changes: &[(usize, u8)]) -> TagHeap<'_> {
        let control = self.control.bytes();
        let slot = control[self.slot..].as_mut_ptr();
        let heap = TagHeap::open_apart(control, self.blocks.bytes()).unwrap();
        for (byte, flip) in changes {
            let at = slot.wrapping_add(*byte);
            // SAFETY: a byte of the control block, to which nobody has a reference.
            unsafe { *at ^= flip };
        }
        heap
    }
}

#[test]
fn a_changed_generation_makes_no_stale_handle_good() {
    let mut apart = Apart::new();
    let handle = apart.handle;
    let heap = apart.changed(&[(4, 1)]);
    let said = "corrupt handle table at slot 0";
    assert_eq!(heap.validate().unwrap_err().to_string(), said);
    assert_eq!(heap.free(handle).unwrap_err().to_string(), said);
    assert_eq!(heap.size_of(handle).unwrap_err().to_string(), said);
}

#[test]
fn a_slot_that_names_another_block_is_reported() {
    let mut apart = Apart::new();
    // The check byte agrees; the block does not.
    let heap = apart.changed(&[(0, 16), (11, 16)]);
    let said = heap.validate().unwrap_err().to_string();
    assert_eq!(said, "block at base+0 and the handle table disagree");
}

#[test]
fn pins_without_guards_are_reported() {
    let mut apart = Apart::new();
    let handle = apart.handle;
    // The check byte agrees; nobody has a guard.
    let heap = apart.changed(&[(8, 1), (11, 1)]);
    let said = heap.validate().unwrap_err().to_string();
    assert_eq!(
        said,
        "corrupt control block: the number of guards is 1, a walk finds 0"
    );
    assert!(heap.free(handle).is_err());
}

#[test]
fn guards_that_were_forgotten_are_counted() {
    let mut apart = Apart::new();
    let handle = apart.handle;
    let heap = apart.changed(&[]);
    std::mem::forget(heap.pin(handle).unwrap());
    heap.validate().unwrap();
    let guard = heap.pin(handle).unwrap();
    heap.validate().unwrap();
    drop(guard);
    heap.validate().unwrap();
}

#[test]
fn a_damaged_neighbour_is_not_coalesced_with() {
    // Behind the block of 12 bytes stands the header of a free one: its link back, and its size.
    for byte in [36, 40] {
        let mut apart = Apart::new();
        let handle = apart.handle;
        let heap = apart.changed(&[]);
        let at = heap.base().as_ptr().wrapping_add(byte);
        // SAFETY: a byte of a header, to which nobody has a reference.
        unsafe { *at ^= 4 };
        let said = heap.free(handle).unwrap_err().to_string();
        assert!(said.contains("base+36"), "{said}");
        assert_eq!(heap.live(), 1, "nothing has changed");
    }
}

#[test]
fn a_tag_that_cannot_be_given_leaves_the_block_on_its_list() {
    let options = Options::new().handles(2);
    let mut memory = Memory::new(LEN);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let [other, block] = [1, 2].map(|tag| heap.alloc(10, head(tag)).unwrap());
    // The first block of the new tag's list leads back to one before it.
    let link = heap.base().as_ptr().wrapping_add(12);
    // SAFETY: a byte of the first header, to which nobody has a reference.
    unsafe { *link ^= 1 };
    let said = heap.set_tag(block, head(1)).unwrap_err().to_string();
    assert_eq!(said, "corrupt tag list at base+0");
    // SAFETY: as above.
    unsafe { *link ^= 1 };
    heap.validate().unwrap();
    assert_eq!(heap.tag_of(block), Ok(head(2)));
    assert_eq!(heap.free_tags(head(2)..=head(2)).unwrap().blocks, 1);
    heap.set_tag(other, head(2)).unwrap();
    heap.validate().unwrap();
}

#[test]
fn a_block_grows_beside_damage_that_it_does_not_touch() {
    for table in [true, false] {
        let mut memory = Memory::new(LEN);
        let options = Options::new().handles(0).table(table);
        let heap = TagHeap::create(memory.bytes(), &options).unwrap();
        let [block, hole, other] = [64, 16, 16].map(|size| heap.alloc_raw(size, head(1)).unwrap());
        // SAFETY: nobody uses it again.
        unsafe { heap.free_raw(hole) }.unwrap();
        // The block behind the hole, of the same granule, says that it is larger than the heap.
        let size = other.as_ptr().wrapping_sub(24 - 4 - 2);
        // SAFETY: a byte of its header, to which nobody has a reference.
        unsafe { *size ^= 1 };
        // SAFETY: nobody uses the pointer again but as what is returned.
        assert_eq!(unsafe { heap.realloc_raw(block, 64 + 40) }, Ok(block));
        let said = heap.validate().unwrap_err().to_string();
        assert_eq!(said, "corrupt header at base+128: its check byte differs");
    }
}

/// A heap with two live blocks, and within the first one what the header of the second says, with the check byte that
/// it has there. Links of the forged block and of the second are as told, and the first leads to the forged one.
fn validate_forged_list(table: bool, forged_links: [u32; 2], real_links: [u32; 2]) -> String {
    let mut memory = Memory::new(LEN);
    let options = Options::new().handles(0).table(table);
    let heap = TagHeap::create(memory.bytes(), &options).unwrap();
    let [_, other] = [64, 16].map(|size| heap.alloc_raw(size, head(1)).unwrap());
    let write = |at: u32, dword: u32| {
        let at = heap.base().as_ptr().wrapping_add(4 * at as usize);
        // SAFETY: a dword of the block area, to which nobody has a reference.
        unsafe { at.cast::<u32>().write(dword) };
    };
    let header = other.as_ptr().cast::<[u32; 6]>().wrapping_sub(1);
    // SAFETY: the header of the second block, and nobody writes it meanwhile.
    let [_, size, meta, ..] = unsafe { header.read() };
    let check = (REAL ^ FORGED) << 24;
    let [before, behind] = forged_links;
    let forgery = [0, size, meta ^ check, before, behind, u32::MAX];
    for (at, dword) in (FORGED..).zip(forgery) {
        write(at, dword);
    }
    write(4, FORGED);
    for (at, dword) in (REAL + 3..).zip(real_links) {
        write(at, dword);
    }
    heap.validate().unwrap_err().to_string()
}

/// Where the two are.
const REAL: u32 = 16 + 6;
const FORGED: u32 = 8;

#[test]
fn a_block_on_a_list_that_is_none_is_reported() {
    for table in [true, false] {
        // In the place of the second, which leads to itself, so that each has the neighbours that it names.
        let said = validate_forged_list(table, [0, u32::MAX], [REAL, REAL]);
        assert_eq!(said, "corrupt tag list at base+32");
        // Between the two: one more than there are.
        let said = validate_forged_list(table, [0, REAL], [FORGED, u32::MAX]);
        assert_eq!(said, "corrupt tag list at base+88");
    }
}

//! Workloads from `.rep` files, synthetic and recorded: the same blocks as on the walker.

use std::fs;
use std::path::Path;
use std::ptr::NonNull;

use heap_view::rep::{Operation, Rep, synthetic};
use tagheap::walker::Walker;
use tagheap::{BlockState, Options, Tag, TagHeap};

use crate::memory::Memory;

/// What is compared in full after how many operations; each single one compares what it returns.
const CHECK_EACH: usize = 500;

/// Write a workload to a file, and read it again.
fn through_a_file(rep: &Rep) -> Rep {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), rep.to_string()).unwrap();
    let read = Rep::read(&fs::read(file.path()).unwrap()[..]).unwrap();
    assert_eq!(&read, rep);
    read
}

fn recorded(name: &str) -> Rep {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("traces")
        .join(name);
    Rep::read(&fs::read(path).unwrap()[..]).unwrap()
}

/// The most bytes that blocks take at a time, headers and rounding included.
fn room(rep: &Rep) -> usize {
    let mut sizes = vec![0; rep.ids as usize];
    let (mut held, mut most) = (0, 0);
    for operation in &rep.operations {
        let (id, new) = match *operation {
            Operation::Alloc { id, size } | Operation::Realloc { id, size } => (id, 28 + size),
            Operation::Free { id } => (id, 0),
        };
        let place = &mut sizes[id as usize];
        held = held + new - *place;
        *place = new;
        most = most.max(held);
    }
    most as usize
}

/// Both heaps, and where the block of each id is: on both at the same place.
struct Both<'m> {
    heap: TagHeap<'m>,
    walker: Walker,
    places: Vec<Option<usize>>,
}

impl Both<'_> {
    fn pointer(&self, place: usize) -> NonNull<u8> {
        let block = self.heap.base().as_ptr().wrapping_add(place);
        NonNull::new(block).unwrap()
    }

    fn offset(&self, block: NonNull<u8>) -> usize {
        self.heap.offset_of(block.as_ptr()).unwrap()
    }

    /// Perform one operation on both; every third id lives on the TAIL side.
    fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Alloc { id, size } => {
                let tag = if id % 3 == 0 {
                    Tag::tail(1)
                } else {
                    Tag::head(1)
                };
                let (size, tag) = (size as usize, tag.unwrap());
                let place = self.offset(self.heap.alloc_raw(size, tag).unwrap());
                assert_eq!(self.walker.alloc(size, 4, tag), Ok(place));
                self.places[id as usize] = Some(place);
            }
            Operation::Realloc { id, size } => {
                let old = self.places[id as usize].unwrap();
                // SAFETY: the block is live, and nobody uses it.
                let new = unsafe { self.heap.realloc_raw(self.pointer(old), size as usize) };
                let place = self.offset(new.unwrap());
                assert_eq!(self.walker.realloc(old, size as usize), Ok(place));
                self.places[id as usize] = Some(place);
            }
            Operation::Free { id } => self.free(id),
        }
    }

    fn free(&mut self, id: u32) {
        let place = self.places[id as usize].take().unwrap();
        // SAFETY: the block is live, and nobody uses it.
        let freed = unsafe { self.heap.free_raw(self.pointer(place)) };
        assert_eq!(freed, Ok(self.walker.free(place)));
    }

    /// Compare the chains, block by block.
    fn compare(&self) {
        self.heap.validate().unwrap();
        let seen = self.heap.walk().map(|block| {
            let requested = match block.state {
                BlockState::Live { requested, .. } => requested,
                BlockState::Free | BlockState::Last => 0,
            };
            (block.offset, block.tag_bits(), block.size, requested)
        });
        assert_eq!(seen.collect::<Vec<_>>(), self.walker.chain());
    }
}

fn replay(rep: &Rep) {
    for table in [true, false] {
        replay_on(rep, &Options::new().table(table));
    }
}

fn replay_on(rep: &Rep, options: &Options) {
    let len = 2 * room(rep) + 4096;
    let mut control = Memory::new(options.control_len(len));
    let mut blocks = Memory::new(len);
    let heap = TagHeap::create_apart(control.bytes(), blocks.bytes(), options).unwrap();
    let pristine = heap.drawing().to_string();
    let mut both = Both {
        walker: Walker::new(len),
        heap,
        places: vec![None; rep.ids as usize],
    };
    for (step, operation) in rep.operations.iter().enumerate() {
        both.perform(*operation);
        if step % CHECK_EACH == 0 {
            both.compare();
        }
    }
    both.compare();
    for id in (0..rep.ids)
        .filter(|id| both.places[*id as usize].is_some())
        .collect::<Vec<_>>()
    {
        both.free(id);
    }
    assert_eq!(both.heap.drawing().to_string(), pristine);
}

#[test]
fn a_coalescing_trace_has_the_same_blocks_as_on_the_walker() {
    replay(&through_a_file(&synthetic::coalescing()));
}

#[test]
fn a_binary_trace_has_the_same_blocks_as_on_the_walker() {
    replay(&through_a_file(&synthetic::binary(64, 448, 512)));
    replay(&through_a_file(&synthetic::binary(16, 112, 128)));
}

#[test]
fn a_random_trace_has_the_same_blocks_as_on_the_walker() {
    replay(&through_a_file(&synthetic::random(3)));
}

#[test]
fn a_trace_of_growth_has_the_same_blocks_as_on_the_walker() {
    replay(&through_a_file(&synthetic::realloc_growth()));
}

#[test]
fn recorded_traces_have_the_same_blocks_as_on_the_walker() {
    for name in ["sqlite.rep", "awk.rep", "git-log.rep"] {
        let rep = recorded(name);
        assert!(rep.operations.len() > 300, "{name} is a real recording");
        replay(&rep);
    }
}

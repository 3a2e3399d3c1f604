//! Who can still reach which block: a conservative search for pointers, as leak checkers do it.
//!
//! A word that looks like a pointer into a block is taken for one. Search begins at the roots, and goes
//! on through the blocks found. So a block that is called lost is lost, unless its pointer is hidden
//! (compressed, xored, on another machine); one that is called reachable may be lost all the same.

use std::collections::HashMap;
use std::mem::size_of_val;

use crate::memory::Memory;
use crate::record::{Origin, Record};

mod process;
#[cfg(test)]
mod tests;

/// How a live block can still be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// No pointer to it was found.
    DefinitelyLost,
    /// Only lost blocks lead to it.
    IndirectlyLost,
    /// Only pointers into its middle were found, or blocks reached in that way lead to it.
    PossiblyLost,
    /// A chain of pointers leads to it.
    StillReachable,
    /// It is live, and nobody has searched.
    Live,
}

impl Class {
    /// All classes, the worst first.
    pub const ALL: [Self; 5] = [
        Self::DefinitelyLost,
        Self::IndirectlyLost,
        Self::PossiblyLost,
        Self::StillReachable,
        Self::Live,
    ];

    /// Return the class in the words of leak checkers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DefinitelyLost => "definitely lost",
            Self::IndirectlyLost => "indirectly lost",
            Self::PossiblyLost => "possibly lost",
            Self::StillReachable => "still reachable",
            Self::Live => "live",
        }
    }
}

/// Where a search for pointers begins.
///
/// The memory is read through `/proc/self/mem`, so a range that is not mapped is skipped, not
/// touched.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Address and length of each range.
    ranges: Vec<(usize, usize)>,
    searched: bool,
}

impl Roots {
    /// Begin with none: nothing is searched, live blocks are live.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Search a value, wherever it is now: a pointer, a struct of pointers, an array.
    #[must_use]
    pub fn value<T: ?Sized>(self, value: &T) -> Self {
        let address = std::ptr::from_ref(value).cast::<u8>().addr();
        self.range(address, size_of_val(value))
    }

    /// Search a range of addresses.
    #[must_use]
    pub fn range(mut self, address: usize, len: usize) -> Self {
        self.searched = true;
        self.ranges.push((address, len));
        self
    }

    /// Search nothing, and call every live block lost that none of the other roots reaches.
    #[must_use]
    pub fn none(mut self) -> Self {
        self.searched = true;
        self
    }

    /// Search what the process has: its globals, the stacks of the threads that are known to the
    /// tracer and of this one, from the caller's frame on, and this one's registers. (Those of other threads are not to be had.)
    #[must_use]
    #[inline(never)]
    pub fn of_process(self) -> Self {
        let registers = process::registers();
        let here = std::hint::black_box(&registers).as_ptr().addr();
        self.of_process_from(here)
    }

    /// Search what the process has, and of this thread's stack what lies above an address.
    pub(crate) fn of_process_from(mut self, here: usize) -> Self {
        self.searched = true;
        self.ranges.extend(process::ranges(here));
        self
    }
}

/// Sort live blocks by how the roots reach them.
pub(crate) fn classify(live: &[Record], roots: &Roots) -> Vec<(Class, Record)> {
    if !roots.searched {
        return live.iter().map(|record| (Class::Live, *record)).collect();
    }
    let Some(memory) = Memory::of_this_process() else {
        return live.iter().map(|record| (Class::Live, *record)).collect();
    };
    let mut search = Search::over(live, memory);
    for &(address, len) in &roots.ranges {
        search.mark_from(address, len, Class::StillReachable);
    }
    search.drain();
    search.lose_the_rest();
    search
        .blocks
        .into_iter()
        .zip(search.found)
        .map(|(block, class)| (class, block))
        .collect()
}

/// A search over blocks in the order of their addresses.
struct Search {
    blocks: Vec<Record>,
    /// What is known of each; `Live` stands for "not found yet".
    found: Vec<Class>,
    /// Blocks whose contents are still to be searched.
    open: Vec<usize>,
    memory: Memory,
}

impl Search {
    fn over(live: &[Record], memory: Memory) -> Self {
        let mut blocks = live.to_vec();
        blocks.sort_unstable_by_key(Record::start);
        Self {
            found: vec![Class::Live; blocks.len()],
            blocks,
            open: Vec::new(),
            memory,
        }
    }

    /// Mark what the words of a range lead to, coming from something of this class.
    fn mark_from(&mut self, address: usize, len: usize, class: Class) {
        let Self {
            blocks,
            found,
            open,
            memory,
        } = self;
        memory.words(address, len, |word| {
            let Some((index, is_start)) = block_at(blocks, word) else {
                return;
            };
            let class = match class {
                Class::StillReachable if !is_start => Class::PossiblyLost,
                class => class,
            };
            let known = found[index];
            if known == Class::Live || class > known {
                found[index] = class;
                open.push(index);
            }
        });
    }

    /// Go on from the blocks found until nothing new comes.
    fn drain(&mut self) {
        while let Some(index) = self.open.pop() {
            let (block, class) = (self.blocks[index], self.found[index]);
            self.mark_from(block.start(), block.size, class);
        }
    }

    /// What was not found is lost: definitely if no other lost block leads to it, or if it comes first
    /// in a ring of them.
    fn lose_the_rest(&mut self) {
        for first in 0..self.blocks.len() {
            if self.found[first] != Class::Live {
                continue;
            }
            self.found[first] = Class::DefinitelyLost;
            let mut open = vec![first];
            let mut seen = HashMap::from([(first, ())]);
            while let Some(index) = open.pop() {
                let Self {
                    blocks,
                    found,
                    memory,
                    ..
                } = &mut *self;
                memory.words(blocks[index].start(), blocks[index].size, |word| {
                    let Some((next, _)) = block_at(blocks, word) else {
                        return;
                    };
                    let lost = matches!(found[next], Class::Live | Class::DefinitelyLost);
                    if lost && seen.insert(next, ()).is_none() {
                        found[next] = Class::IndirectlyLost;
                        open.push(next);
                    }
                });
            }
        }
    }
}

/// The block that an address leads into, of blocks in the order of their addresses, and whether to its
/// start.
fn block_at(blocks: &[Record], address: usize) -> Option<(usize, bool)> {
    let index = blocks
        .partition_point(|block| block.start() <= address)
        .checked_sub(1)?;
    let block = &blocks[index];
    // A block of no bytes is reached by its own address only.
    (address < block.end().max(block.start() + 1)).then_some((index, address == block.start()))
}

/// Blocks of one class from one site.
#[derive(Debug, Clone)]
pub struct Leak {
    /// How they can be reached.
    pub class: Class,
    /// How many.
    pub blocks: usize,
    /// The bytes asked for, together.
    pub bytes: usize,
    /// The number of the first of them.
    pub first: u64,
    pub(crate) origin: Origin,
}

impl Leak {
    /// Return the line that allocated them, if the compiler passed it on.
    pub fn allocated_at(&self) -> Option<&'static std::panic::Location<'static>> {
        self.origin.place
    }

    /// Return the site as the report has it.
    pub fn site(&self) -> String {
        crate::fault::Site(self.origin).to_string()
    }
}

/// Group blocks by class and site: the worst class first, in it the largest group.
pub(crate) fn grouped(blocks: &[(Class, Record)]) -> Vec<Leak> {
    let mut groups: HashMap<_, Leak> = HashMap::new();
    for &(class, block) in blocks {
        let origin = block.allocated();
        let place = origin
            .place
            .map(|place| (place.file(), place.line(), place.column()));
        let group = groups.entry((class, place, origin.stack)).or_insert(Leak {
            class,
            blocks: 0,
            bytes: 0,
            first: block.id,
            origin,
        });
        group.blocks += 1;
        group.bytes += block.size;
        group.first = group.first.min(block.id);
    }
    let mut leaks: Vec<Leak> = groups.into_values().collect();
    leaks.sort_by_key(|leak| (leak.class, std::cmp::Reverse(leak.bytes), leak.first));
    leaks
}

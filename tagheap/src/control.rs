//! The control block: everything about a heap that is not in its block area.
//!
//! ```text
//!  constants | state | maximum tree | first blocks | tag directory | handle table
//! ```
//!
//! In a heap without a table the two dwords of [`Links`] stand for the third and the fourth.
//!
//! It is position-independent, as the blocks are: dwords from the base, never an address.

use crate::error::{Damage, OpenError, What};
use crate::fit::{DWORD, HEADER, HEADER_LEN};
use crate::header::{Blocks, NONE, damage};
use crate::index::{Links, Tree};
use crate::options::Options;
use crate::words::Words;

/// "TAGH", little-endian.
const MAGIC: u32 = 0x4847_4154;

/// Grows with each change of the layout.
const VERSION: u32 = 5;

/// The constants, by their dword.
const AT_MAGIC: u32 = 0;
const AT_VERSION: u32 = 1;
const AT_HEAP: u32 = 2;
const AT_DWORDS: u32 = 3;
const AT_TAG_SLOTS: u32 = 4;
const AT_HANDLES: u32 = 5;
const AT_FLAGS: u32 = 6;
const AT_BASE_ALIGN: u32 = 7;
/// Folds the dwords before it.
const AT_SUM: u32 = 8;

/// The flags.
const CANARIES: u32 = 1;
const NO_TABLE: u32 = 2;

/// The state, by its dword. Every block area walk must find the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The lowest TAIL block, or LASTBLOCK.
    LowestTail = 9,
    /// The highest HEAD block, or NONE.
    HighestHead,
    /// Dwords of payload in free blocks.
    Free,
    /// The same below the lowest TAIL block.
    FreeHead,
    /// Free blocks; the sentinel is none.
    FreeBlocks,
    /// Live blocks.
    Live,
    /// The first slot of the free list of handles, or NONE.
    FreeHandle,
    /// Slots of the handle table that were ever used.
    UsedHandles,
}

const FIXED: u32 = State::UsedHandles as u32 + 1;

/// Dwords in a slot of the handle table.
pub(crate) const SLOT: u32 = 3;

/// The least length of the block area: a block of 16 bytes with its header, and the sentinel.
pub(crate) const LEAST_LEN: usize = 2 * HEADER_LEN + 16;

/// Where the parts of a control block are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) dwords: u32,
    pub(crate) tag_slots: u32,
    pub(crate) handles: u32,
    pub(crate) base_align: u32,
    pub(crate) canaries: bool,
    /// Whether there is a table of granules.
    pub(crate) table: bool,
    /// Without granules in a heap that has no table.
    pub(crate) tree: Tree,
    /// The dword at which the table of first blocks begins, four granules to a dword.
    pub(crate) starts: u32,
    /// The dword at which the tag directory begins.
    pub(crate) tags: u32,
    /// The dword at which the handle table begins. The last of them is beyond what 32 bits say for
    /// the largest tables.
    pub(crate) slots: u32,
}

impl Geometry {
    pub(crate) fn new(dwords: u32, options: &Options) -> Self {
        let (tree, links) = if options.table {
            (Tree::new(FIXED, dwords), 0)
        } else {
            (Tree::none(FIXED), Links::DWORDS)
        };
        let starts = tree.end();
        let tags = starts + tree.granules().div_ceil(4) + links;
        Self {
            dwords,
            tag_slots: options.tag_slots,
            handles: options.handles,
            base_align: options.base_align,
            canaries: options.canaries,
            table: options.table,
            tree,
            starts,
            tags,
            slots: tags + options.tag_slots,
        }
    }

    /// Dwords of the whole control block.
    pub(crate) fn control_dwords(&self) -> u32 {
        (self.slots + SLOT * self.handles).max(self.tree.read_to())
    }

    pub(crate) fn control_len(&self) -> usize {
        self.control_dwords() as usize * DWORD
    }

    /// Dwords of the index, as far as it is in the control block.
    pub(crate) fn index_dwords(&self) -> u32 {
        self.tags - FIXED
    }

    fn flags(&self) -> u32 {
        let canaries = if self.canaries { CANARIES } else { 0 };
        let no_table = if self.table { 0 } else { NO_TABLE };
        canaries | no_table
    }

    /// Bytes before the block area, where both share one memory.
    pub(crate) fn blocks_at(&self) -> usize {
        self.control_len()
            .next_multiple_of(self.base_align as usize)
    }

    /// Find the largest heap with its control block for so many bytes.
    pub(crate) fn filling(len: usize, options: &Options) -> Result<Self, OpenError> {
        let most = crate::fit::DWORDS_MAX;
        let needed = |dwords: u32| {
            let geometry = Self::new(dwords, options);
            geometry.blocks_at() + dwords as usize * DWORD
        };
        let least = (LEAST_LEN / DWORD) as u32;
        if len < needed(least) {
            let least = needed(least);
            return Err(OpenError::TooSmall { len, least });
        }
        if len > needed(most) {
            let most = needed(most);
            return Err(OpenError::TooLarge { len, most });
        }
        let (mut fits, mut beyond) = (least, most);
        while beyond - fits > 1 {
            let middle = fits + (beyond - fits) / 2;
            if needed(middle) <= len {
                fits = middle;
            } else {
                beyond = middle;
            }
        }
        Ok(Self::new(fits, options))
    }

    /// Read the constants of an image.
    pub(crate) fn read(words: Words) -> Result<Self, OpenError> {
        if words.len() < FIXED || words.get(AT_MAGIC) != MAGIC || words.get(AT_VERSION) != VERSION {
            return Err(OpenError::NoHeap);
        }
        let base_align = words.get(AT_BASE_ALIGN) as usize;
        let options = Options::new()
            .tag_slots(words.get(AT_TAG_SLOTS))
            .handles(words.get(AT_HANDLES))
            .canaries(words.get(AT_FLAGS) & CANARIES != 0)
            .table(words.get(AT_FLAGS) & NO_TABLE == 0)
            .base_align(base_align);
        let dwords = words.get(AT_DWORDS);
        let options = options.filter(|_| {
            words.get(AT_SUM) == sum(words)
                && words.get(AT_FLAGS) <= CANARIES | NO_TABLE
                && dwords <= crate::fit::DWORDS_MAX
                && dwords as usize * DWORD >= LEAST_LEN
        });
        match options {
            Some(options) => Ok(Self::new(dwords, &options)),
            None => Err(damage(0, What::Control).into()),
        }
    }
}

/// Fold the constants, each at another rotation.
fn sum(words: Words) -> u32 {
    (0..AT_SUM).fold(0x1234_5678, |sum, at| sum.rotate_left(5) ^ words.get(at))
}

/// The control block of a heap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Control {
    /// At least as many dwords as the geometry says.
    pub(crate) words: Words,
    /// What the block area has, too.
    pub(crate) geometry: Geometry,
    /// The number that handles of this heap carry.
    pub(crate) heap: u32,
}

impl Control {
    /// Write a fresh control block, but for what depends on blocks.
    pub(crate) fn create(words: Words, geometry: Geometry, heap: u32) -> Self {
        assert!(words.len() >= geometry.control_dwords());
        words.clear(0, geometry.tags);
        for (at, value) in [
            (AT_MAGIC, MAGIC),
            (AT_VERSION, VERSION),
            (AT_HEAP, heap),
            (AT_DWORDS, geometry.dwords),
            (AT_TAG_SLOTS, geometry.tag_slots),
            (AT_HANDLES, geometry.handles),
            (AT_FLAGS, geometry.flags()),
            (AT_BASE_ALIGN, geometry.base_align),
        ] {
            words.set(at, value);
        }
        words.set(AT_SUM, sum(words));
        for slot in 0..geometry.tag_slots {
            words.set(geometry.tags + slot, NONE);
        }
        let control = Self {
            words,
            geometry,
            heap,
        };
        for granule in control.granules_to(geometry.dwords) {
            control.set_first_in(granule, None);
        }
        control.set(State::LowestTail, geometry.dwords - HEADER);
        control.set(State::HighestHead, NONE);
        control.set(State::FreeHandle, NONE);
        control
    }

    pub(crate) fn open(words: Words, geometry: Geometry) -> Self {
        assert!(words.len() >= geometry.control_dwords());
        let heap = words.get(AT_HEAP);
        Self {
            words,
            geometry,
            heap,
        }
    }

    /// Compare the constants with those that the heap was opened with.
    pub(crate) fn check_constants(&self) -> Result<(), Damage> {
        let same =
            Geometry::read(self.words) == Ok(self.geometry) && self.words.get(AT_HEAP) == self.heap;
        if same {
            Ok(())
        } else {
            Err(damage(0, What::Control))
        }
    }

    #[inline]
    pub(crate) fn get(&self, state: State) -> u32 {
        // SAFETY: these are no more dwords than a heap has that was made with its geometry.
        unsafe { self.words.get_unchecked(0, state as u32) }
    }

    #[inline]
    pub(crate) fn set(&self, state: State, value: u32) {
        // SAFETY: as for `get`.
        unsafe { self.words.set_unchecked(0, state as u32, value) };
    }

    #[inline]
    pub(crate) fn add(&self, state: State, value: u32) {
        self.set(state, self.get(state).wrapping_add(value));
    }
}

/// A heap without its owner: two runs of dwords, and what is known of them.
///
/// Its methods are in the modules of what they do. None of them calls out, none keeps a reference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Core {
    pub(crate) control: Control,
    pub(crate) blocks: Blocks,
}

impl Core {
    /// Put the two together.
    ///
    /// # Panics
    ///
    /// The block area is not what the control block is for.
    pub(crate) fn new(control: Control, blocks: Words) -> Self {
        assert_eq!(control.geometry.dwords, blocks.len());
        let blocks = Blocks(blocks);
        Self { control, blocks }
    }
}

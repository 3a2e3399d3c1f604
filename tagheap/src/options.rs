//! What is chosen when a heap is created.

use crate::control::Geometry;
use crate::fit::DWORDS_MAX;

/// The block area of the heap in the source: 75,000 dwords.
pub const DEFAULT_LEN: usize = 75_000 * crate::fit::DWORD;

/// What a heap is created with; all of it is kept in the heap's image.
///
/// ```
/// use tagheap::{Options, DEFAULT_LEN};
///
/// let options = Options::new().handles(64).tag_slots(32);
/// assert!(options.control_len(DEFAULT_LEN) < DEFAULT_LEN / 32);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub(crate) tag_slots: u32,
    pub(crate) handles: u32,
    pub(crate) base_align: u32,
    pub(crate) canaries: bool,
    pub(crate) table: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// Start from the defaults: 256 handles, 128 tag slots, blocks aligned to 16, no canaries, a
    /// table.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tag_slots: 128,
            handles: 256,
            base_align: 16,
            canaries: false,
            table: true,
        }
    }

    /// Set how many handles can be live at once, 12 bytes each.
    #[must_use]
    pub const fn handles(mut self, handles: u32) -> Self {
        self.handles = if handles < NO_SLOT { handles } else { NO_SLOT };
        self
    }

    /// Set how many tags have a list of their own, 4 bytes each, rounded up to a power of two: half of
    /// them for each side.
    ///
    /// With more tags than that, lists are shared, and freeing one tag walks past blocks of the others
    /// on its list: tags of one side that differ by a multiple of half this number share one.
    #[must_use]
    pub const fn tag_slots(mut self, slots: u32) -> Self {
        let slots = if slots < 0x8000 { slots } else { 0x8000 };
        self.tag_slots = (if slots < 2 { 2 } else { slots }).next_power_of_two();
        self
    }

    /// Put the blocks at a multiple of this many bytes from the start of the memory, a power of two
    /// from 4 to 128 KiB; `None` for any other number.
    ///
    /// Blocks can be aligned up to what the address of the first one is aligned to. This keeps the
    /// control block before them from spoiling it.
    #[must_use]
    pub const fn base_align(mut self, align: usize) -> Option<Self> {
        if !align.is_power_of_two() || align < 4 || align > 1 << 17 {
            return None;
        }
        self.base_align = align as u32;
        Some(self)
    }

    /// Put eight known bytes behind each payload, and look at them when it is freed, resized or moved, and
    /// when the heap is validated.
    ///
    /// A request takes 8 bytes more. An overflow is seen late, at the next look, but then it is said
    /// which block did it. Worth it while developing; pointless where only handles are used, for they
    /// cannot overflow.
    #[must_use]
    pub const fn canaries(mut self, on: bool) -> Self {
        self.canaries = on;
        self
    }

    /// Find free blocks by a table in the control block, at most 1/48 of the blocks; or without one, by a
    /// tree whose links are in the headers of free blocks.
    ///
    /// Blocks are placed alike. Without a table allocating takes as many steps as the tree is deep, about
    /// 1.5 log2 of the free blocks, and freeing without a free neighbour, too. To find out whether a raw pointer is the
    /// start of a payload takes a step for each live block up to the nearest free one; handles are free of
    /// that. For memory of which nothing can be spared.
    ///
    /// ```
    /// use tagheap::{DEFAULT_LEN, Options};
    ///
    /// let with = Options::new().handles(0);
    /// let without = with.table(false);
    /// assert_eq!(with.control_len(DEFAULT_LEN) - without.control_len(DEFAULT_LEN), 6168);
    /// ```
    #[must_use]
    pub const fn table(mut self, on: bool) -> Self {
        self.table = on;
        self
    }

    /// Return the bytes of the control block for a block area of so many bytes.
    #[must_use]
    pub fn control_len(&self, blocks_len: usize) -> usize {
        let dwords = (blocks_len / 4).min(DWORDS_MAX as usize) as u32;
        Geometry::new(dwords, self).control_len()
    }
}

/// More slots than can be: a table of 12 bytes each would be larger than any heap.
const NO_SLOT: u32 = 1 << 27;

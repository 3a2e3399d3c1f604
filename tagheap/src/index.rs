//! Finding a free block without a walk: what the engine asks of an index, and which there are.
//!
//! | | [`Table`] | [`Links`] |
//! |---|---|---|
//! | where | beside the blocks, 1/48 of them | in the headers of free blocks |
//! | first fit | six steps for a gigabyte | as deep as the tree is: about 1.5 log2 of the free blocks |
//! | is a block here? | nine headers at most | as many as there are up to the nearest free block |
//!
//! A heap has one of them for good, as its constants say. Both place blocks alike.

use crate::control::Core;
use crate::engine::{Carved, Found};
use crate::error::Damage;
use crate::fit::Fit;
use crate::header::{Around, Doubt, Header};
use crate::spot::Spot;

mod links;
mod table;

pub(crate) use links::Links;
pub(crate) use table::{GRANULE, Table, Tree};

/// What is asked of an index of the free blocks.
pub(crate) trait Find {
    /// The dwords of the largest free block.
    fn largest(core: &Core) -> u32;

    /// Find the lowest free block of so many dwords or more, and its size.
    fn lowest(core: &Core, need: u32) -> Result<Option<(Found, u32)>, Damage>;

    /// Find the lowest one below the bound into which an aligned block fits.
    fn lowest_aligned(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage>;

    /// Find the highest one from the bound on into which an aligned block fits.
    fn highest(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage>;

    /// Find the first free block that starts at `from` or above.
    fn free_from(core: &Core, from: u32) -> Result<Option<u32>, Damage>;

    /// Tell whether a block starts exactly here.
    fn starts_block(core: &Core, at: Spot) -> bool;

    /// Find the start of the block whose header or payload a dword of the area belongs to.
    fn start_around(core: &Core, dword: u32) -> Result<u32, Damage>;
}

/// A free block that is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Dwords that have to fit.
    pub(crate) need: u32,
    /// The align of the payload, in dwords.
    pub(crate) align: u32,
    /// Where the other side begins.
    pub(crate) bound: u32,
}

/// What an index is told of the free blocks.
///
/// The engine looks first, with `entry` and `look_for_place`: nothing is written before all has been looked
/// at. Then it writes headers, and then it says what became of the blocks.
pub(crate) trait Keep {
    /// What the index knows of a free block, kept while the block's header is written over.
    type Entry: Copy;

    /// There is one free block, and the last one.
    fn begin(core: &Core, first: Spot, size: u32, last: Spot);

    /// Look at what changes if this free block goes, or becomes another one between the same neighbours.
    fn entry<D: Doubt>(core: &Core, at: Spot) -> Result<Self::Entry, D>;

    /// Look at what changes if a free block comes to be here.
    fn look_for_place<D: Doubt>(core: &Core, at: Spot) -> Result<(), D>;

    /// A live block was carved from a free one.
    fn carved(core: &Core, entry: Self::Entry, carved: &Carved);

    /// A live block at `at` and the free ones around it, of these entries, are one, with this start and size.
    fn freed(
        core: &Core,
        at: Spot,
        whole: (Spot, u32),
        around: &Around,
        entries: Both<Self::Entry>,
    );

    /// Of these three the second, a free block, went to the live one below it, but for a rest.
    fn grown(core: &Core, entry: Self::Entry, blocks: [Spot; 3], rest: Option<(Spot, u32)>);

    /// A free block is not to be found from now on, though its header is where it was.
    fn lifted(core: &Core, entry: Self::Entry, at: Spot);

    /// Of these three the second, a free block, went to the one below, which is not to be found.
    fn absorbed(core: &Core, entry: Self::Entry, blocks: [Spot; 3]);

    /// A live block slid down, and free space that is not to be found up past it.
    fn slid(core: &Core, live: Slide, free: Slide, behind: Spot);

    /// A free block is to be found from now on.
    fn appeared(core: &Core, at: Spot, size: u32);
}

/// A block that went from one place to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slide {
    pub(crate) from: Spot,
    pub(crate) to: Spot,
}

/// What is known of the free blocks below and above another one, if they are free.
pub(crate) type Both<E> = [Option<E>; 2];

/// How an index is looked through.
pub(crate) trait Check {
    /// How far a walk over all blocks has come.
    type Walked: Default;

    /// Tell whether a free block's header is as the index has them.
    fn is_header(header: &Header) -> bool;

    /// A walk over all blocks, from the bottom up, came to this one.
    fn walk(core: &Core, walked: &mut Self::Walked, at: u32, header: &Header)
    -> Result<(), Damage>;

    /// It came to the end.
    fn walked(core: &Core, walked: Self::Walked) -> Result<(), Damage>;
}

/// Do something with the index that a heap has.
macro_rules! with_index {
    ($core:expr, $index:ident => $act:expr) => {
        if $core.control.geometry.table {
            type $index = crate::index::Table;
            $act
        } else {
            type $index = crate::index::Links;
            $act
        }
    };
}

pub(crate) use with_index;

impl Core {
    /// The dwords of the largest free block.
    pub(crate) fn largest(&self) -> u32 {
        with_index!(self, I => I::largest(self))
    }

    /// Find the block whose header or payload a dword of the area belongs to.
    pub(crate) fn block_around(&self, dword: u32) -> Result<(u32, Header), Damage> {
        let at = with_index!(self, I => I::start_around(self, dword))?;
        Ok((at, self.blocks.header(at)?))
    }

    /// Tell whether a block starts exactly here.
    #[inline(always)]
    pub(crate) fn starts_block(&self, at: Spot) -> bool {
        with_index!(self, I => I::starts_block(self, at))
    }

    /// A free block that was found, by places that were looked at.
    pub(crate) fn found(&self, at: u32, behind: u32, below: u32) -> Found {
        let [at, behind] = [at, behind].map(|at| self.blocks.known_spot(at));
        Found { at, behind, below }
    }
}

//! What the suite needs to know of an allocator, and what that allocator promises.
//!
//! The trait is small and asks little, so that three families fit: malloc and its kin,
//! arenas that reset and rewind, and heaps that move their blocks and name them by handle.

use std::alloc::Layout;
use std::fmt::Debug;
use std::ptr::NonNull;

pub use crate::shadow::Ranges;

/// What a new payload, or the new part of a grown one, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Anything.
    Uninit,
    /// Zeros.
    Zeroed,
}

/// A request was not served, and nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// The allocator under test.
///
/// The suite gives back each handle once at most, with the layout it was served for, and
/// uses no handle after that, nor after a reset or rewind that ended its block.
///
/// A bump arena that hands out offsets, tested in full:
///
/// ```
/// use std::alloc::Layout;
/// use std::cell::UnsafeCell;
/// use std::ptr::NonNull;
/// use tests::subject::{Contents, Promises, Ranges, Refused, Reset, Subject};
///
/// const LEN: usize = 1 << 16;
///
/// struct Bump {
///     memory: Box<[UnsafeCell<u8>]>,
///     used: usize,
/// }
///
/// // SAFETY: every block lies in `memory`, which is the declared range.
/// unsafe impl Subject for Bump {
///     type Handle = usize;
///     type Checkpoint = ();
///
///     fn promises(&self) -> Promises {
///         Promises { reset: Reset::Empties, ..Promises::arena(LEN / 2) }
///     }
///
///     fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<usize, Refused> {
///         let base = self.memory.as_ptr().addr();
///         let start = (base + self.used).next_multiple_of(layout.align()) - base;
///         let end = start.checked_add(layout.size()).filter(|end| *end <= LEN);
///         self.used = end.ok_or(Refused)?;
///         if contents == Contents::Zeroed {
///             self.memory[start..self.used].fill_with(UnsafeCell::default);
///         }
///         Ok(start)
///     }
///
///     unsafe fn free(&mut self, _offset: usize, _layout: Layout) {}
///
///     fn address(&self, offset: &usize) -> NonNull<u8> {
///         NonNull::from(&self.memory[*offset..]).cast()
///     }
///
///     fn reset(&mut self) {
///         self.used = 0;
///     }
///
///     fn ranges(&self) -> Ranges {
///         let base = self.memory.as_ptr().addr();
///         Ranges::Within(vec![base..base + LEN])
///     }
/// }
///
/// let dirty = || (0..LEN).map(|_| UnsafeCell::new(0xdd)).collect();
/// let make = || Bump { memory: dirty(), used: 0 };
/// tests::conformance::run(make).unwrap();
/// ```
///
/// # Safety
///
/// The suite writes to and reads from the payloads. It looks at address, length, alignment
/// and [`ranges`](Self::ranges) first, and touches nothing when these break a rule. For
/// every block that passes, `usable` bytes from `address` on must be valid for reads and
/// writes, as long as the block lives. A toy that misbehaves on purpose keeps to that by
/// misbehaving inside a buffer of its own and by declaring that buffer as its range.
pub unsafe trait Subject {
    /// Names a block: an address, or whatever a moving heap gives out.
    type Handle: Clone + Debug;
    /// A position to rewind to; `()` where there is none.
    type Checkpoint;

    /// Says what the suite may ask for and what it must get.
    fn promises(&self) -> Promises;

    /// Serves a request.
    ///
    /// # Errors
    ///
    /// [`Refused`] when there is no room; nothing has changed then.
    fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<Self::Handle, Refused>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `handle` names a live block, served last for `layout`.
    unsafe fn free(&mut self, handle: Self::Handle, layout: Layout);

    /// Returns where the payload of a block is now.
    fn address(&self, handle: &Self::Handle) -> NonNull<u8>;

    /// Returns how many bytes of the payload the caller may use: at least the size asked
    /// for.
    fn usable(&self, _handle: &Self::Handle, layout: Layout) -> usize {
        layout.size()
    }

    /// Makes a block larger, keeping its bytes; `contents` is for the new ones.
    ///
    /// Unless overridden: a new block, a copy, and the old one freed.
    ///
    /// # Errors
    ///
    /// [`Refused`] when there is no room; `handle` is still good then.
    ///
    /// # Safety
    ///
    /// `handle` names a live block, served last for `old`; `new` is not smaller.
    unsafe fn grow(
        &mut self,
        handle: &Self::Handle,
        old: Layout,
        new: Layout,
        contents: Contents,
    ) -> Result<Self::Handle, Refused> {
        let grown = self.alloc(new, contents)?;
        // SAFETY: the caller's word for the old block; the new one is live and as long.
        unsafe { replace(self, handle, old, &grown, old.size()) };
        Ok(grown)
    }

    /// Makes a block smaller, keeping the bytes that remain.
    ///
    /// Unless overridden: a new block, a copy, and the old one freed.
    ///
    /// # Errors
    ///
    /// [`Refused`] when it cannot be done; `handle` is still good then.
    ///
    /// # Safety
    ///
    /// `handle` names a live block, served last for `old`; `new` is not larger.
    unsafe fn shrink(
        &mut self,
        handle: &Self::Handle,
        old: Layout,
        new: Layout,
    ) -> Result<Self::Handle, Refused> {
        let shrunk = self.alloc(new, Contents::Uninit)?;
        // SAFETY: the caller's word for the old block; the new one is live and as long as
        // what is copied.
        unsafe { replace(self, handle, old, &shrunk, new.size()) };
        Ok(shrunk)
    }

    /// Ends the life of every block. Asked only of who promises [`Reset::Empties`].
    fn reset(&mut self) {
        unpromised("reset")
    }

    /// Remembers a position. Asked only of who promises to rewind.
    fn checkpoint(&mut self) -> Self::Checkpoint {
        unpromised("checkpoint")
    }

    /// Ends the life of every block born since `checkpoint`.
    ///
    /// A block that was grown or shrunk since then counts as born then.
    ///
    /// # Safety
    ///
    /// `checkpoint` is from this subject; no reset and no rewind to an older checkpoint
    /// came in between.
    unsafe fn rewind(&mut self, _checkpoint: Self::Checkpoint) {
        unpromised("rewind")
    }

    /// Moves blocks together. Asked only of who promises to move.
    fn defrag(&mut self) {
        unpromised("defrag")
    }

    /// Returns where blocks may lie; asked again after every request.
    fn ranges(&self) -> Ranges {
        Ranges::Undeclared
    }

    /// Returns how many blocks the subject itself believes are live, if it counts them.
    ///
    /// Zero-size blocks count where they are [`ZeroSize::Distinct`], else not.
    fn live(&self) -> Option<usize> {
        None
    }

    /// Validates the subject's own structure; called after every operation.
    ///
    /// # Errors
    ///
    /// What is wrong, in words, with both values.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Copies the first `len` bytes of a block to its successor and frees it.
///
/// # Safety
///
/// Both handles name live blocks of at least `len` bytes, the old one served for `old`.
unsafe fn replace<S: Subject + ?Sized>(
    subject: &mut S,
    handle: &S::Handle,
    old: Layout,
    successor: &S::Handle,
    len: usize,
) {
    let (from, to) = (subject.address(handle), subject.address(successor));
    // SAFETY: both are valid for `len` bytes. A faulty subject may have made them overlap,
    // which this copy allows.
    unsafe { to.copy_from(from, len) };
    // SAFETY: the caller's word.
    unsafe { subject.free(handle.clone(), old) };
}

pub(crate) fn unpromised(what: &str) -> ! {
    panic!("{what} was asked of a subject that does not implement it")
}

/// What an allocator promises: what the suite asks for, and holds it to.
///
/// Start from [`Promises::malloc`], [`Promises::arena`] or [`Promises::moving_heap`]:
///
/// ```
/// use tests::subject::{Promises, Rewind};
///
/// let promises = Promises { rewind: Rewind::AnyBlock, ..Promises::arena(1 << 20) };
/// assert_eq!(promises.max_align, 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promises {
    /// How much there is.
    pub capacity: Capacity,
    /// The largest align that is asked for.
    pub max_align: usize,
    /// What a request for zero bytes gets.
    pub zero_size: ZeroSize,
    /// What freeing is good for.
    pub free: Free,
    /// Whether everything can be dropped at once.
    pub reset: Reset,
    /// Whether positions can be remembered and gone back to.
    pub rewind: Rewind,
    /// Whether and when blocks change their address.
    pub moves: Moves,
    /// Whether grow and shrink may change the align.
    pub realign: Realign,
}

impl Promises {
    /// An allocator that takes memory from the system as needed, and reuses what is freed.
    pub const fn malloc() -> Self {
        Promises {
            capacity: Capacity::Open,
            max_align: 4096,
            zero_size: ZeroSize::Anywhere,
            free: Free::Reused,
            reset: Reset::Absent,
            rewind: Rewind::Absent,
            moves: Moves::Never,
            realign: Realign::Allowed,
        }
    }

    /// An arena with room for at least so many bytes, which ignores what is freed.
    ///
    /// It neither resets nor rewinds until these fields say so.
    pub const fn arena(room: usize) -> Self {
        Promises {
            capacity: Capacity::Fixed { room },
            free: Free::Ignored,
            ..Promises::malloc()
        }
    }

    /// A heap with room for at least so many bytes, which merges what is freed, and moves
    /// blocks when it is defragmented and at no other time.
    pub const fn moving_heap(room: usize) -> Self {
        Promises {
            capacity: Capacity::Fixed { room },
            max_align: 4,
            zero_size: ZeroSize::Distinct,
            free: Free::Coalesced,
            moves: Moves::OnDefrag,
            realign: Realign::Absent,
            ..Promises::malloc()
        }
    }
}

/// How much memory a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// A fixed amount, which the suite will exhaust.
    Fixed {
        /// What surely fits into a fresh (or reset) subject: a request is refused wrongly
        /// if all sizes and aligns up to and including it, with [`OVERHEAD_LEN`] for each
        /// request, do not exceed this. What is freed is not counted back.
        room: usize,
    },
    /// What the system gives; never exhausted by the suite, and never refused to it.
    Open,
}

/// Bytes of header, red zone and gap that a block may cost within the promised room.
pub const OVERHEAD_LEN: usize = 64;

/// What a request for zero bytes gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroSize {
    /// Is never made.
    NotAsked,
    /// Any aligned address; it belongs to nobody.
    Anywhere,
    /// A block like any other, at an address of its own.
    Distinct,
}

/// What freeing a block is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// Nothing is promised.
    Ignored,
    /// Its bytes serve later requests of the same layout.
    Reused,
    /// Likewise, and when all is freed, the largest block can be had again.
    Coalesced,
}

/// Whether a subject can drop all blocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It cannot.
    Absent,
    /// Afterwards it is as good as fresh.
    Empties,
}

/// Whether a subject can go back to a checkpoint, and what may happen since it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewind {
    /// It cannot.
    Absent,
    /// It can; blocks older than the newest checkpoint are not freed, grown or shrunk.
    OlderBlocksRest,
    /// It can, whatever is done to any block.
    AnyBlock,
}

/// Whether and when blocks change their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// While a block lives, it stays.
    Never,
    /// In a defrag only.
    OnDefrag,
    /// In any operation.
    Anytime,
}

/// Whether grow and shrink may ask for another align than the block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realign {
    /// The align stays.
    Absent,
    /// The align may change either way.
    Allowed,
}

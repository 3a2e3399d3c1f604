//! The driver: performs operations on a subject and judges each of them.
//!
//! After every operation the driver asks where the blocks are, tells the oracle, compares
//! the bytes, and lets the subject check itself. Nothing is written to a block before the
//! oracle has passed it.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::fmt;

use crate::edges;
use crate::fill;
use crate::program::{NewAlign, Op, Program};
use crate::shadow::ShadowOracle;
use crate::subject::{
    Capacity, Contents, Moves, OVERHEAD_LEN, Promises, Realign, Refused, Reset, Rewind, Subject,
    ZeroSize,
};
use crate::violation::{Block, BlockId, Violation};

/// When the bytes of blocks are compared with what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All blocks after every operation: a violation is seen at the step that made it.
    EveryOperation,
    /// Each block when it is grown, shrunk, freed or otherwise ends: for long programs.
    LifetimeEnds,
}

/// What a request led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A block.
    Served(BlockId),
    /// Nothing, and nothing has changed.
    Refused,
}

/// An operation as it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing was done yet.
    Start,
    /// A block was asked for.
    Alloc(Layout),
    /// This block was to grow to this.
    Grow(BlockId, Layout),
    /// This block was to shrink to this.
    Shrink(BlockId, Layout),
    /// This block was freed.
    Free(BlockId),
    /// A checkpoint was taken.
    Checkpoint,
    /// Blocks born since this one, itself included, were dropped.
    Rewind(BlockId),
    /// All blocks were dropped.
    Reset,
    /// Blocks were moved together.
    Defrag,
}

/// A violation, and the operation after which it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The operation.
    pub deed: Deed,
    /// What it broke; boxed, for it is large and the way of success should not be.
    pub violation: Box<Violation>,
}

struct Held<H> {
    handle: H,
    block: Block,
}

struct Scope<C> {
    checkpoint: C,
    /// Blocks of this id or a later one belong to the scope.
    mark: BlockId,
    /// What was asked for when the scope began.
    asked: usize,
}

/// A subject together with the oracle that judges it.
///
/// After an error the subject is in an unknown state and the driver good for nothing more.
pub struct Driver<S: Subject> {
    subject: S,
    promises: Promises,
    watch: Watch,
    oracle: ShadowOracle,
    /// Exactly the blocks that live; by id, which is by age.
    held: BTreeMap<BlockId, Held<S::Handle>>,
    /// Open checkpoints, outermost first; their marks do not decrease.
    scopes: Vec<Scope<S::Checkpoint>>,
    /// What was served since the subject was empty, overhead included.
    asked: usize,
    deed: Deed,
}

impl<S: Subject> Driver<S> {
    /// Takes a fresh subject.
    pub fn new(subject: S, watch: Watch) -> Self {
        Driver {
            promises: subject.promises(),
            subject,
            watch,
            oracle: ShadowOracle::new(),
            held: BTreeMap::new(),
            scopes: Vec::new(),
            asked: 0,
            deed: Deed::Start,
        }
    }

    /// Returns what the subject promised at the start.
    pub fn promises(&self) -> Promises {
        self.promises
    }

    /// Lends the subject, for what the trait does not show.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// Iterates over the live blocks, oldest first.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = Block> + '_ {
        self.held.values().map(|held| held.block)
    }

    /// Pairs a violation with the last operation.
    pub fn broken(&self, violation: Violation) -> Broken {
        Broken {
            deed: self.deed,
            violation: Box::new(violation),
        }
    }

    /// Asks for a block, after fitting the request to what the subject may be asked.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it; so for all operations below.
    pub fn alloc(&mut self, layout: Layout, contents: Contents) -> Result<Answer, Broken> {
        let layout = self.askable(layout);
        self.deed = Deed::Alloc(layout);
        let outcome = self.subject.alloc(layout, contents);
        self.judged(|driver| {
            let Ok(handle) = outcome else {
                return driver.refused(layout);
            };
            let block = driver.admit(handle, layout)?;
            if contents == Contents::Zeroed {
                driver.verify_zero(&block, 0)?;
            }
            driver.fill(&block);
            Ok(Answer::Served(block.id))
        })
    }

    /// Makes a live block larger by `extra` bytes; on success it goes on under a new id.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    ///
    /// # Panics
    ///
    /// If `id` names no live block; so for all operations below.
    pub fn grow(
        &mut self,
        id: BlockId,
        extra: usize,
        align: NewAlign,
        contents: Contents,
    ) -> Result<Answer, Broken> {
        let old = self.block(id);
        let size = old.layout.size().saturating_add(extra);
        let new = self.changed_layout(&old, size, align);
        self.deed = Deed::Grow(id, new);
        self.verify(&old)
            .map_err(|violation| self.broken(violation))?;
        let handle = self.held[&id].handle.clone();
        // SAFETY: `held` has live blocks only, with the layouts they were served for;
        // `new` adds to the size.
        let outcome = unsafe { self.subject.grow(&handle, old.layout, new, contents) };
        self.forget_if_served(&old, &outcome);
        self.judged(|driver| {
            let block = match driver.succeed(&old, new, outcome)? {
                Succession::Refused => return Ok(Answer::Refused),
                Succession::To(block) => block,
            };
            driver.verify_as(&block, &old, old.layout.size())?;
            if contents == Contents::Zeroed {
                // Slack of the old block may keep its bytes, as in `Allocator::grow_zeroed`.
                driver.verify_zero(&block, old.usable)?;
            }
            driver.fill(&block);
            Ok(Answer::Served(block.id))
        })
    }

    /// Makes a live block smaller; on success it goes on under a new id.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn shrink(&mut self, id: BlockId, to: usize, align: NewAlign) -> Result<Answer, Broken> {
        let old = self.block(id);
        let new = self.changed_layout(&old, to.min(old.layout.size()), align);
        self.deed = Deed::Shrink(id, new);
        self.verify(&old)
            .map_err(|violation| self.broken(violation))?;
        let handle = self.held[&id].handle.clone();
        // SAFETY: `held` has live blocks only, with the layouts they were served for;
        // `new` is not larger.
        let outcome = unsafe { self.subject.shrink(&handle, old.layout, new) };
        self.forget_if_served(&old, &outcome);
        self.judged(|driver| {
            let block = match driver.succeed(&old, new, outcome)? {
                Succession::Refused => return Ok(Answer::Refused),
                Succession::To(block) => block,
            };
            driver.verify_as(&block, &old, new.size())?;
            driver.fill(&block);
            Ok(Answer::Served(block.id))
        })
    }

    /// Frees a live block.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn free(&mut self, id: BlockId) -> Result<(), Broken> {
        let block = self.block(id);
        self.deed = Deed::Free(id);
        self.verify(&block)
            .map_err(|violation| self.broken(violation))?;
        if let Some(held) = self.forget(&block) {
            // SAFETY: it was held until now, and is no longer.
            unsafe { self.subject.free(held.handle, block.layout) };
        }
        self.judged(|_| Ok(()))
    }

    /// Frees every live block, oldest first.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn free_all(&mut self) -> Result<(), Broken> {
        while let Some((&id, _)) = self.held.first_key_value() {
            self.free(id)?;
        }
        // A heap that coalesces is as good as fresh now, but the others are not: what was
        // asked for counts until a reset.
        Ok(())
    }

    /// Takes a checkpoint inside those open.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn checkpoint(&mut self) -> Result<(), Broken> {
        self.deed = Deed::Checkpoint;
        let scope = Scope {
            checkpoint: self.subject.checkpoint(),
            mark: self.oracle.next_id(),
            asked: self.asked,
        };
        self.scopes.push(scope);
        self.judged(|_| Ok(()))
    }

    /// Rewinds to an open checkpoint, counted from the innermost; does nothing where there
    /// is none.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn rewind(&mut self, scope: usize) -> Result<(), Broken> {
        let Some(keep) = self.scopes.len().checked_sub(scope + 1) else {
            return Ok(());
        };
        let Some(scope) = self.scopes.drain(keep..).next() else {
            return Ok(());
        };
        self.deed = Deed::Rewind(scope.mark);
        self.verify_all()
            .map_err(|violation| self.broken(violation))?;
        self.oracle.retire_since(scope.mark);
        self.held.split_off(&scope.mark);
        self.asked = scope.asked;
        // SAFETY: checkpoints inside this one are forgotten by now, and a reset or an
        // outer rewind would have forgotten this one.
        unsafe { self.subject.rewind(scope.checkpoint) };
        self.judged(|_| Ok(()))
    }

    /// Drops every block and every checkpoint.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn reset(&mut self) -> Result<(), Broken> {
        self.deed = Deed::Reset;
        self.verify_all()
            .map_err(|violation| self.broken(violation))?;
        self.oracle.retire_all();
        self.held.clear();
        self.scopes.clear();
        self.asked = 0;
        self.subject.reset();
        self.judged(|_| Ok(()))
    }

    /// Lets the subject move its blocks.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn defrag(&mut self) -> Result<(), Broken> {
        self.deed = Deed::Defrag;
        self.verify_all()
            .map_err(|violation| self.broken(violation))?;
        self.subject.defrag();
        self.judged(|driver| driver.verify_all())
    }

    /// Performs one operation of a program, or passes it over: see [`Op`].
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn step(&mut self, op: Op) -> Result<(), Broken> {
        match op {
            Op::Alloc { layout, contents } => self.alloc(layout, contents).map(drop),
            Op::Grow {
                block,
                extra,
                align,
                contents,
            } => match self.pick(block) {
                Some(id) => self.grow(id, extra, align, contents).map(drop),
                None => Ok(()),
            },
            Op::Shrink { block, to, align } => match self.pick(block) {
                Some(id) => {
                    let to = to % (self.block(id).layout.size() + 1);
                    self.shrink(id, to, align).map(drop)
                }
                None => Ok(()),
            },
            Op::Free { block } => match self.pick(block) {
                Some(id) => self.free(id),
                None => Ok(()),
            },
            Op::Checkpoint if self.promises.rewind != Rewind::Absent => self.checkpoint(),
            Op::Rewind { scope } if !self.scopes.is_empty() => {
                self.rewind(scope % self.scopes.len())
            }
            Op::Reset if self.promises.reset != Reset::Absent => self.reset(),
            Op::Defrag if self.promises.moves != Moves::Never => self.defrag(),
            Op::Checkpoint | Op::Rewind { .. } | Op::Reset | Op::Defrag => Ok(()),
        }
    }

    /// Performs a whole program.
    ///
    /// # Errors
    ///
    /// The first rule that the subject breaks.
    pub fn run(&mut self, program: &Program) -> Result<(), Broken> {
        program.0.iter().try_for_each(|op| self.step(*op))
    }

    /// Frees what is left, with a last look at its bytes.
    ///
    /// # Errors
    ///
    /// Any rule that the subject breaks in doing it.
    pub fn finish(mut self) -> Result<(), Broken> {
        while !self.scopes.is_empty() {
            self.rewind(0)?;
        }
        self.free_all()
    }

    /// Chooses a live block that may be changed now.
    fn pick(&self, block: usize) -> Option<BlockId> {
        let index = block.checked_rem(self.held.len())?;
        let (&id, _) = self.held.iter().nth(index)?;
        match self.scopes.last() {
            Some(scope) if self.promises.rewind == Rewind::OlderBlocksRest => {
                (id >= scope.mark).then_some(id)
            }
            _ => Some(id),
        }
    }

    fn block(&self, id: BlockId) -> Block {
        match self.held.get(&id) {
            Some(held) => held.block,
            None => panic!("block {id} is not live"),
        }
    }

    fn askable(&self, layout: Layout) -> Layout {
        let least = usize::from(self.promises.zero_size == ZeroSize::NotAsked);
        let align = layout.align().min(self.promises.max_align);
        edges::layout(layout.size().max(least), align)
    }

    fn changed_layout(&self, old: &Block, size: usize, align: NewAlign) -> Layout {
        let align = match (align, self.promises.realign) {
            (NewAlign::To(align), Realign::Allowed) => align,
            _ => old.layout.align(),
        };
        // A larger align may lower the largest size, but never below a size in use.
        self.askable(edges::layout(size, align))
    }

    /// Judges what an operation did to everything else, around `verdict` on itself.
    fn judged<T>(
        &mut self,
        verdict: impl FnOnce(&mut Self) -> Result<T, Violation>,
    ) -> Result<T, Broken> {
        let judge = |driver: &mut Self| {
            driver.oracle.set_ranges(driver.subject.ranges());
            driver.follow_moves()?;
            let outcome = verdict(driver)?;
            if driver.watch == Watch::EveryOperation {
                driver.verify_all()?;
            }
            driver.compare_live()?;
            let report = driver.subject.check();
            report.map_err(|report| Violation::CheckFailed { report })?;
            Ok(outcome)
        };
        judge(self).map_err(|violation| self.broken(violation))
    }

    fn follow_moves(&mut self) -> Result<(), Violation> {
        let mut moves = Vec::new();
        for held in self.held.values_mut().filter(|held| held.block.usable > 0) {
            let now = self.subject.address(&held.handle).addr().get();
            if now != held.block.address {
                moves.push((held.block, now));
                held.block.address = now;
            }
        }
        let allowed = match self.promises.moves {
            Moves::Never => false,
            Moves::OnDefrag => self.deed == Deed::Defrag,
            Moves::Anytime => true,
        };
        match moves.first() {
            Some(&(block, to)) if !allowed => Err(Violation::Moved { block, to }),
            _ => self.oracle.relocate(&moves),
        }
    }

    fn compare_live(&self) -> Result<(), Violation> {
        let counts = |held: &&Held<S::Handle>| held.block.usable > 0;
        let oracle = self.held.values().filter(counts).count();
        match self.subject.live() {
            Some(subject) if subject != oracle => Err(Violation::LiveCount { subject, oracle }),
            _ => Ok(()),
        }
    }

    fn refused(&self, layout: Layout) -> Result<Answer, Violation> {
        let promised = match self.promises.capacity {
            Capacity::Fixed { room } => room,
            Capacity::Open => edges::IMPOSSIBLE_LEN,
        };
        let asked = match self.promises.capacity {
            Capacity::Fixed { .. } => self.asked,
            Capacity::Open => 0,
        };
        if asked.saturating_add(cost(layout)) <= promised {
            Err(Violation::Refused { layout, asked })
        } else {
            Ok(Answer::Refused)
        }
    }

    /// Lets the oracle judge a new block, and holds it.
    fn admit(&mut self, handle: S::Handle, layout: Layout) -> Result<Block, Violation> {
        let address = self.subject.address(&handle).addr().get();
        if layout.size() > edges::IMPOSSIBLE_LEN {
            return Err(Violation::ServedImpossible { layout, address });
        }
        let usable = match (layout.size(), self.promises.zero_size) {
            (0, ZeroSize::Distinct) => self.subject.usable(&handle, layout).max(1),
            (0, ZeroSize::Anywhere | ZeroSize::NotAsked) => 0,
            _ => self.subject.usable(&handle, layout),
        };
        let id = self.oracle.alloc_usable(address, layout, usable)?;
        let block = Block {
            id,
            address,
            layout,
            usable,
        };
        self.held.insert(id, Held { handle, block });
        self.asked = self.asked.saturating_add(cost(layout));
        Ok(block)
    }

    /// Judges what grow or shrink made of a block.
    fn succeed(
        &mut self,
        old: &Block,
        new: Layout,
        outcome: Result<S::Handle, Refused>,
    ) -> Result<Succession, Violation> {
        let Ok(handle) = outcome else {
            // The block must still be what it was, whenever it is looked at otherwise.
            self.verify(&self.block(old.id))?;
            return self.refused(new).map(|_| Succession::Refused);
        };
        self.admit(handle, new).map(Succession::To)
    }

    /// Drops a block whose successor was served: its handle must not be used again, not
    /// even to ask where it is.
    fn forget_if_served(&mut self, old: &Block, outcome: &Result<S::Handle, Refused>) {
        if outcome.is_ok() {
            self.forget(old);
        }
    }

    fn forget(&mut self, block: &Block) -> Option<Held<S::Handle>> {
        let held = self.held.remove(&block.id)?;
        self.oracle.retire(&held.block);
        Some(held)
    }

    fn fill(&mut self, block: &Block) {
        let payload = self.subject.address(&self.held[&block.id].handle);
        // SAFETY: the oracle has passed the block, and `Subject` vouches for what it passes.
        unsafe { fill::write(payload, block) };
    }

    fn verify_all(&self) -> Result<(), Violation> {
        self.held
            .values()
            .try_for_each(|held| self.verify(&held.block))
    }

    fn verify(&self, block: &Block) -> Result<(), Violation> {
        self.verify_as(block, block, block.layout.size())
    }

    /// Compares `len` bytes of a live block with what was written to `written`.
    fn verify_as(&self, block: &Block, written: &Block, len: usize) -> Result<(), Violation> {
        let payload = self.subject.address(&self.held[&block.id].handle);
        // SAFETY: the oracle has passed the block, `len` is not more than its size, and
        // the suite has written to it, or the subject has carried over what was written.
        unsafe { fill::verify(payload, written, len) }
    }

    fn verify_zero(&self, block: &Block, from: usize) -> Result<(), Violation> {
        let payload = self.subject.address(&self.held[&block.id].handle);
        let range = from.min(block.layout.size())..block.layout.size();
        // SAFETY: the oracle has passed the block, and the subject says it is zeroed.
        unsafe { fill::verify_zero(payload, block, range) }
    }
}

enum Succession {
    To(Block),
    Refused,
}

/// What a request takes from the promised room.
fn cost(layout: Layout) -> usize {
    layout
        .size()
        .saturating_add(layout.align())
        .saturating_add(OVERHEAD_LEN)
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = |layout: &Layout| {
            let (size, align) = (layout.size(), layout.align());
            format!("{size} bytes, align {align}")
        };
        match self {
            Deed::Start => f.write_str("start"),
            Deed::Alloc(layout) => write!(f, "alloc of {}", request(layout)),
            Deed::Grow(id, layout) => write!(f, "grow of block {id} to {}", request(layout)),
            Deed::Shrink(id, layout) => write!(f, "shrink of block {id} to {}", request(layout)),
            Deed::Free(id) => write!(f, "free of block {id}"),
            Deed::Checkpoint => f.write_str("checkpoint"),
            Deed::Rewind(id) => write!(f, "rewind to before block {id}"),
            Deed::Reset => f.write_str("reset"),
            Deed::Defrag => f.write_str("defrag"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}: {}", self.deed, self.violation)
    }
}

impl std::error::Error for Broken {}

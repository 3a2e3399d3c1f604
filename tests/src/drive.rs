//! The driver: performs operations on a subject and judges each of them.
//!
//! After every operation the driver asks where the blocks are, tells the oracle, compares
//! the bytes, and lets the subject check itself. Nothing is written to a block before the
//! oracle has passed it.

use std::alloc::Layout;
use std::collections::BTreeMap;

use crate::program::{NewAlign, Op, Program};
use crate::shadow::ShadowOracle;
use crate::subject::{Contents, Moves, Promises, Reset, Rewind, Subject};
use crate::violation::{Block, BlockId, Violation};

mod deed;
mod judge;

pub use deed::{Broken, Deed};
use judge::Succession;

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
}

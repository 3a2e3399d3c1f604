//! Full recovery: an emptied subject is as good as a fresh one.

use std::iter;

use super::refusal::BLOCKS;
use super::{Found, Outcome};
use crate::drive::{Answer, Driver, Watch};
use crate::edges;
use crate::program::{Op, Program};
use crate::subject::{Capacity, Contents, Free, Reset, Rewind, Subject};
use crate::violation::{BlockId, Emptied, Violation};

/// Programs run before each look at what has been recovered.
const PROGRAMS: u8 = 6;

/// Operations in each of them.
const OPS: usize = 80;

/// Fill-and-drain cycles: enough for each order of draining to follow each other one.
const CYCLES: usize = 9;

/// Where there is no capacity to exhaust, blocks of each size in a cycle, and the first
/// size.
const OPEN_BLOCKS: usize = 16;
const OPEN_SIZE: usize = 1000;

pub(super) fn freeing_everything_recovers_the_largest_block<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    if make().promises().free != Free::Coalesced {
        return Ok(Outcome::NotPromised("freed blocks need not coalesce"));
    }
    recovers(make, Emptied::ByFreeing)
}

pub(super) fn reset_recovers_the_largest_block<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    if make().promises().reset == Reset::Absent {
        return Ok(Outcome::NotPromised("there is no reset"));
    }
    recovers(make, Emptied::ByReset)
}

pub(super) fn rewind_recovers_the_largest_block<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    if make().promises().rewind == Rewind::Absent {
        return Ok(Outcome::NotPromised("there are no checkpoints"));
    }
    recovers(make, Emptied::ByRewind)
}

fn recovers<S: Subject>(make: &dyn Fn() -> S, how: Emptied) -> Result<Outcome, Found> {
    if make().promises().capacity == Capacity::Open {
        return Ok(Outcome::NotPromised(
            "an open capacity has no largest block",
        ));
    }
    let fresh = largest(make)?;
    let mut driver = Driver::new(make(), Watch::LifetimeEnds);
    for seed in 0..PROGRAMS {
        if how == Emptied::ByRewind {
            driver.checkpoint()?;
        }
        driver.run(&workload(seed))?;
        empty(&mut driver, how)?;
        if how == Emptied::ByRewind {
            driver.checkpoint()?;
        }
        expect_largest(&mut driver, fresh, how)?;
        empty(&mut driver, how)?;
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

pub(super) fn rewind_ends_the_blocks_of_its_scope_only<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    if make().promises().rewind == Rewind::Absent {
        return Ok(Outcome::NotPromised("there are no checkpoints"));
    }
    for scope in [0, 1, 2] {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for _ in 0..3 {
            for depth in 0..3 {
                driver.alloc(edges::layout(40 + depth, 8), Contents::Uninit)?;
                driver.checkpoint()?;
                driver.alloc(edges::layout(7, 1), Contents::Uninit)?;
            }
            driver.rewind(scope)?;
            // What came back is handed out again, and must not reach into older blocks.
            for size in [1, 24, 100] {
                driver.alloc(edges::layout(size, 8), Contents::Zeroed)?;
            }
        }
        driver.finish()?;
    }
    Ok(Outcome::Held)
}

pub(super) fn fill_and_drain_cycles_are_served_the_same<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let promises = make().promises();
    let ways = [
        (Emptied::ByFreeing, promises.free != Free::Ignored),
        (Emptied::ByReset, promises.reset == Reset::Empties),
        (Emptied::ByRewind, promises.rewind != Rewind::Absent),
    ];
    let size = match promises.capacity {
        Capacity::Fixed { .. } => (largest(make)? / BLOCKS).max(1),
        Capacity::Open => OPEN_SIZE,
    };
    let mut outcome = Outcome::NotPromised("nothing is ever recycled");
    for (how, promised) in ways {
        if promised {
            cycles(Driver::new(make(), Watch::LifetimeEnds), size, how)?;
            outcome = Outcome::Held;
        }
    }
    Ok(outcome)
}

fn cycles<S: Subject>(mut driver: Driver<S>, size: usize, how: Emptied) -> Result<(), Found> {
    let mut first = None;
    for cycle in 1..=CYCLES {
        if how == Emptied::ByRewind {
            driver.checkpoint()?;
        }
        let now = fill(&mut driver, size)?;
        let first = *first.get_or_insert(now);
        if now < first {
            let leak = Violation::Leak {
                cycle,
                first,
                now,
                emptied: how,
            };
            return Err(driver.broken(leak).into());
        }
        if how == Emptied::ByFreeing {
            for id in drain_order(&driver, cycle) {
                driver.free(id)?;
            }
        }
        empty(&mut driver, how)?;
    }
    driver.finish()?;
    Ok(())
}

/// Fills the subject with blocks of `size`, then of half that, down to single bytes, so
/// that not one byte can be missing without a difference; returns the bytes served.
fn fill<S: Subject>(driver: &mut Driver<S>, size: usize) -> Result<usize, Found> {
    let most = match driver.promises().capacity {
        Capacity::Fixed { .. } => usize::MAX,
        Capacity::Open => OPEN_BLOCKS,
    };
    let mut served = 0;
    for size in iter::successors(Some(size), |size| Some(size / 2)).take_while(|size| *size > 0) {
        for _ in 0..most {
            match driver.alloc(edges::layout(size, 1), Contents::Uninit)? {
                Answer::Served(_) => served += size,
                Answer::Refused => break,
            }
        }
    }
    Ok(served)
}

/// Oldest first, newest first, or every other one and then the rest, in turn.
fn drain_order<S: Subject>(driver: &Driver<S>, cycle: usize) -> Vec<BlockId> {
    let ids = driver.blocks().map(|block| block.id);
    match cycle % 3 {
        0 => ids.collect(),
        1 => ids.rev().collect(),
        _ => {
            let (mut order, rest): (Vec<_>, Vec<_>) = ids.partition(|id| id.0 % 2 == 0);
            order.extend(rest);
            order
        }
    }
}

/// Ends the life of every block, in the way given.
pub(super) fn empty<S: Subject>(driver: &mut Driver<S>, how: Emptied) -> Result<(), Found> {
    match how {
        Emptied::ByRefusing => {}
        Emptied::ByFreeing => driver.free_all()?,
        Emptied::ByReset => driver.reset()?,
        Emptied::ByRewind => driver.rewind(0)?,
    }
    Ok(())
}

/// Finds the largest request that a fresh subject serves.
pub(super) fn largest<S: Subject>(make: &dyn Fn() -> S) -> Result<usize, Found> {
    let (mut served, mut refused) = (0, edges::IMPOSSIBLE_LEN);
    while refused - served > 1 {
        let size = served + (refused - served) / 2;
        let mut driver = Driver::new(make(), Watch::LifetimeEnds);
        match driver.alloc(edges::layout(size, 1), Contents::Uninit)? {
            Answer::Served(_) => served = size,
            Answer::Refused => refused = size,
        }
        driver.finish()?;
    }
    Ok(served)
}

/// Asks an emptied subject for the largest block of a fresh one.
pub(super) fn expect_largest<S: Subject>(
    driver: &mut Driver<S>,
    fresh: usize,
    emptied: Emptied,
) -> Result<(), Found> {
    match driver.alloc(edges::layout(fresh, 1), Contents::Uninit)? {
        Answer::Served(_) => Ok(()),
        Answer::Refused => Err(driver
            .broken(Violation::LargestLost { fresh, emptied })
            .into()),
    }
}

/// A program that is the same in every run, without the operations that empty by another
/// way than the one looked at.
fn workload(seed: u8) -> Program {
    let mut state = u32::from(seed) * 2 + 1;
    let mut byte = || {
        // Knuth's linear congruential generator; the high bits are the good ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let bytes: Vec<u8> = (0..OPS * 4).map(|_| byte()).collect();
    let mut program = Program::from_bytes(&bytes);
    program
        .0
        .retain(|op| !matches!(op, Op::Reset | Op::Checkpoint | Op::Rewind { .. }));
    program
}

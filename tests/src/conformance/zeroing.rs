//! Zeroed memory, and blocks of zero bytes.

use super::recovery::empty;
use super::{Found, Outcome};
use crate::drive::{Answer, Driver, Watch};
use crate::edges;
use crate::program::NewAlign;
use crate::subject::{Contents, Free, Reset, Rewind, Subject, ZeroSize};
use crate::violation::Emptied;

/// Sizes of zeroed blocks and tails.
const SIZES: [usize; 6] = [1, 8, 24, 255, 1000, 4097];

/// How often memory is made dirty and handed out again.
const ROUNDS: usize = 3;

pub(super) fn zeroed_blocks_are_zero_in_recycled_memory<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for how in ways_to_recycle(&make()) {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for _ in 0..ROUNDS {
            start(&mut driver, how)?;
            for size in SIZES {
                driver.alloc(edges::layout(size, 8), Contents::Uninit)?;
            }
            empty(&mut driver, how)?;
            start(&mut driver, how)?;
            for size in SIZES {
                driver.alloc(edges::layout(size, 8), Contents::Zeroed)?;
            }
            empty(&mut driver, how)?;
        }
        driver.finish()?;
    }
    Ok(Outcome::Held)
}

pub(super) fn grow_zeroed_clears_the_tail_in_recycled_memory<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for how in ways_to_recycle(&make()) {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for _ in 0..ROUNDS {
            start(&mut driver, how)?;
            for size in SIZES {
                driver.alloc(edges::layout(2 * size, 8), Contents::Uninit)?;
            }
            empty(&mut driver, how)?;
            start(&mut driver, how)?;
            for size in SIZES {
                let block = driver.alloc(edges::layout(size, 8), Contents::Uninit)?;
                if let Answer::Served(id) = block {
                    driver.grow(id, size, NewAlign::Same, Contents::Zeroed)?;
                }
            }
            empty(&mut driver, how)?;
        }
        driver.finish()?;
    }
    Ok(Outcome::Held)
}

pub(super) fn zero_size_requests_get_what_is_promised<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut driver = Driver::new(make(), Watch::EveryOperation);
    if driver.promises().zero_size == ZeroSize::NotAsked {
        return Ok(Outcome::NotPromised("zero bytes are never asked for"));
    }
    for contents in [Contents::Uninit, Contents::Zeroed] {
        for align in edges::ALIGNS {
            driver.alloc(edges::layout(0, align), contents)?;
            let Answer::Served(id) = driver.alloc(edges::layout(0, align), contents)? else {
                continue;
            };
            let Answer::Served(id) = driver.grow(id, 0, NewAlign::Same, contents)? else {
                continue;
            };
            let Answer::Served(id) = driver.grow(id, 10, NewAlign::Same, contents)? else {
                continue;
            };
            driver.shrink(id, 0, NewAlign::Same)?;
        }
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

/// Memory is dirty again after any of these; [`Emptied::ByRefusing`] stands for fresh.
fn ways_to_recycle<S: Subject>(subject: &S) -> Vec<Emptied> {
    let promises = subject.promises();
    let mut ways = vec![Emptied::ByRefusing];
    if promises.free != Free::Ignored {
        ways.push(Emptied::ByFreeing);
    }
    if promises.reset == Reset::Empties {
        ways.push(Emptied::ByReset);
    }
    if promises.rewind != Rewind::Absent {
        ways.push(Emptied::ByRewind);
    }
    ways
}

fn start<S: Subject>(driver: &mut Driver<S>, how: Emptied) -> Result<(), Found> {
    if how == Emptied::ByRewind {
        driver.checkpoint()?;
    }
    Ok(())
}

//! What a subject does when it cannot serve.

use super::recovery::{expect_largest, largest};
use super::{Found, Outcome};
use crate::drive::{Answer, Driver, Watch};
use crate::edges;
use crate::program::NewAlign;
use crate::subject::{Capacity, Contents, Free, Subject};
use crate::violation::{Emptied, Violation};

/// Into so many blocks the capacity is divided when it is to be exhausted.
pub(super) const BLOCKS: usize = 48;

pub(super) fn impossible_requests_are_refused_at_no_cost<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut driver = Driver::new(make(), Watch::EveryOperation);
    ask_impossible(&mut driver)?;
    if let Capacity::Fixed { .. } = driver.promises().capacity {
        let fresh = largest(make)?;
        expect_largest(&mut driver, fresh, Emptied::ByRefusing)?;
    }
    driver.finish()?;

    let mut driver = Driver::new(make(), Watch::EveryOperation);
    for size in [1, 24, 1000] {
        driver.alloc(edges::layout(size, 8), Contents::Uninit)?;
        ask_impossible(&mut driver)?;
        let blocks: Vec<_> = driver.blocks().collect();
        for block in blocks {
            for extra in edges::IMPOSSIBLE_SIZES {
                driver.grow(block.id, extra, NewAlign::Same, Contents::Zeroed)?;
            }
        }
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

fn ask_impossible<S: Subject>(driver: &mut Driver<S>) -> Result<(), Found> {
    for size in edges::IMPOSSIBLE_SIZES {
        for align in [1, 8, 4096] {
            driver.alloc(edges::layout(size, align), Contents::Uninit)?;
            driver.alloc(edges::layout(size, align), Contents::Zeroed)?;
        }
    }
    Ok(())
}

pub(super) fn exhaustion_leaves_every_block_as_it_was<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut driver = Driver::new(make(), Watch::EveryOperation);
    if driver.promises().capacity == Capacity::Open {
        return Ok(Outcome::NotPromised("an open capacity is never exhausted"));
    }
    let size = (largest(make)? / BLOCKS).max(1);
    let layout = edges::layout(size, 1);
    while let Answer::Served(_) = driver.alloc(layout, Contents::Uninit)? {}
    let blocks: Vec<_> = driver.blocks().collect();
    for block in &blocks {
        // With no room for another block, one can grow in its slack only, or in the rest
        // behind the last; twice the size is more than either.
        driver.grow(block.id, size, NewAlign::Same, Contents::Uninit)?;
    }
    if driver.promises().free != Free::Ignored {
        let survivors: Vec<_> = driver.blocks().step_by(2).collect();
        for block in survivors {
            driver.free(block.id)?;
            let layout = block.layout;
            let Answer::Served(_) = driver.alloc(layout, Contents::Uninit)? else {
                return Err(driver.broken(Violation::NotReused { layout }).into());
            };
        }
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

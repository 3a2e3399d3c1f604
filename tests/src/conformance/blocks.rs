//! Where blocks lie, and that their bytes stay.

use super::{Found, Outcome};
use crate::drive::{Answer, Driver, Watch};
use crate::edges;
use crate::program::NewAlign;
use crate::subject::{Contents, Moves, Realign, Subject};

/// Sizes from which and to which blocks are grown and shrunk.
const STEPS: [usize; 9] = [1, 7, 8, 9, 24, 255, 256, 1000, 4097];

pub(super) fn blocks_lie_apart_aligned_and_in_range<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for align in edges::ALIGNS {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for size in edges::SIZES {
            driver.alloc(edges::layout(size, align), Contents::Uninit)?;
        }
        driver.finish()?;
    }
    Ok(Outcome::Held)
}

pub(super) fn align_is_honoured_behind_a_single_byte<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for size in [1, 3, 40] {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for align in edges::ALIGNS {
            driver.alloc(edges::layout(1, 1), Contents::Uninit)?;
            driver.alloc(edges::layout(size, align), Contents::Uninit)?;
        }
        driver.finish()?;
    }
    Ok(Outcome::Held)
}

pub(super) fn contents_survive_until_the_block_is_freed<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut driver = Driver::new(make(), Watch::EveryOperation);
    for round in 0..3 {
        for size in edges::SIZES {
            driver.alloc(edges::layout(size + round, 8), Contents::Uninit)?;
        }
        let every_third: Vec<_> = driver.blocks().skip(round).step_by(3).collect();
        for block in every_third {
            driver.free(block.id)?;
        }
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

pub(super) fn grow_keeps_every_byte_of_the_block<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for align in [8, 1, 64] {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for pair in STEPS.windows(2) {
            let extra = pair[1] - pair[0];
            let new_align = NewAlign::To(align);
            // Newest: it can grow where it is. Then with a neighbour: it cannot.
            for neighbours in [0, 1] {
                let block = driver.alloc(edges::layout(pair[0], 8), Contents::Uninit)?;
                for _ in 0..neighbours {
                    driver.alloc(edges::layout(16, 8), Contents::Uninit)?;
                }
                if let Answer::Served(id) = block {
                    driver.grow(id, extra, new_align, Contents::Uninit)?;
                }
            }
        }
        let promises = driver.promises();
        driver.finish()?;
        if promises.realign == Realign::Absent {
            break;
        }
    }
    Ok(Outcome::Held)
}

pub(super) fn shrink_keeps_the_bytes_that_remain<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    for align in [8, 1, 64] {
        let mut driver = Driver::new(make(), Watch::EveryOperation);
        for pair in STEPS.windows(2) {
            for neighbours in [0, 1] {
                let block = driver.alloc(edges::layout(pair[1], 8), Contents::Uninit)?;
                for _ in 0..neighbours {
                    driver.alloc(edges::layout(16, 8), Contents::Uninit)?;
                }
                if let Answer::Served(id) = block {
                    driver.shrink(id, pair[0], NewAlign::To(align))?;
                }
                // What shrinking has freed may be handed out now.
                driver.alloc(edges::layout(24, 8), Contents::Uninit)?;
            }
        }
        let promises = driver.promises();
        driver.finish()?;
        if promises.realign == Realign::Absent {
            break;
        }
    }
    Ok(Outcome::Held)
}

pub(super) fn defrag_moves_blocks_with_their_bytes<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut driver = Driver::new(make(), Watch::EveryOperation);
    if driver.promises().moves == Moves::Never {
        return Ok(Outcome::NotPromised("blocks never move"));
    }
    for step in [2, 3, 5] {
        for size in edges::SIZES {
            driver.alloc(edges::layout(size, 4), Contents::Uninit)?;
        }
        let holes: Vec<_> = driver.blocks().step_by(step).collect();
        for block in holes {
            driver.free(block.id)?;
        }
        driver.defrag()?;
        driver.defrag()?;
    }
    driver.finish()?;
    Ok(Outcome::Held)
}

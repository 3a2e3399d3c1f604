//! What the table tells.

use crate::control::{Core, State};
use crate::engine::Found;
use crate::error::{Damage, What};
use crate::fit::{Fit, Hole};
use crate::header::{Glance, damage};
use crate::index::table::{GRANULE, Table};
use crate::index::{Find, Wanted};
use crate::spot::Spot;

impl Find for Table {
    fn largest(core: &Core) -> u32 {
        core.control.largest()
    }

    #[inline(always)]
    fn lowest(core: &Core, need: u32) -> Result<Option<(Found, u32)>, Damage> {
        let Some(granule) = core.control.first_of_all(need)? else {
            return Ok(None);
        };
        let blocks = core.blocks;
        let mut below = 0;
        let mut next = blocks.spot(core.control.first_or_beyond(granule));
        while let Some(at) = next.filter(|at| at.granule() == granule) {
            let size = blocks.size(at);
            let behind = blocks.spot(at.end(size));
            let free = if blocks.is_free(at) { size } else { 0 };
            if free >= need
                && let Some(behind) = behind
            {
                let fits = at.at() < core.control.get(State::LowestTail);
                return Ok(fits.then_some((Found { at, behind, below }, size)));
            }
            below = below.max(free);
            next = behind;
        }
        Err(damage(granule.base(), What::Index))
    }

    fn lowest_aligned(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage> {
        let Wanted { need, align, bound } = wanted;
        let mut granule = core.control.first_of_all(need)?;
        while let Some(here) = granule {
            let mut below = 0;
            for block in core.in_granule(here) {
                let Glance {
                    at,
                    free: size,
                    next,
                } = block?;
                if at >= bound {
                    return Ok(None);
                }
                if size >= need
                    && let Some(fit) = (Hole { at, size }).lowest(need, align)
                {
                    return Ok(Some((core.found(at, next, below), fit)));
                }
                below = below.max(size);
            }
            granule = core.control.first_from(here.number() + 1, need)?;
        }
        Ok(None)
    }

    fn highest(core: &Core, wanted: Wanted) -> Result<Option<(Found, Fit)>, Damage> {
        let Wanted { need, align, bound } = wanted;
        let mut end = core.control.geometry.tree.granules();
        while let Some(here) = core.control.last_before(end, need)? {
            let mut best = None;
            let mut below = 0;
            for block in core.in_granule(here) {
                let Glance {
                    at,
                    free: size,
                    next,
                } = block?;
                if size >= need
                    && at >= bound
                    && let Some(fit) = (Hole { at, size }).highest(need, align)
                {
                    best = Some((core.found(at, next, below), fit));
                }
                below = below.max(size);
            }
            if best.is_some() || here.base() <= bound {
                return Ok(best);
            }
            end = here.number();
        }
        Ok(None)
    }

    fn free_from(core: &Core, from: u32) -> Result<Option<u32>, Damage> {
        let mut granule = core.control.first_from(from / GRANULE, 1)?;
        while let Some(here) = granule {
            for block in core.in_granule(here) {
                let Glance { at, free, .. } = block?;
                if at >= from && free > 0 {
                    return Ok(Some(at));
                }
            }
            granule = core.control.first_from(here.number() + 1, 1)?;
        }
        Ok(None)
    }

    #[inline(always)]
    fn starts_block(core: &Core, at: Spot) -> bool {
        let mut found = u64::from(core.control.first_or_beyond(at.granule()));
        while found < u64::from(at.at())
            && let Some(block) = core.blocks.spot(found)
        {
            found = block.end(core.blocks.size(block));
        }
        found == u64::from(at.at())
    }

    fn start_around(core: &Core, dword: u32) -> Result<u32, Damage> {
        // It starts in the nearest granule with a block that does not start above.
        let mut below = core.control.granules_to(dword).rev();
        let granule = below.find(|&granule| {
            let first = core.control.first_in(granule);
            first.is_some_and(|first| first <= dword)
        });
        let mut found = Err(damage(dword, What::Starts));
        for block in granule
            .into_iter()
            .flat_map(|granule| core.in_granule(granule))
        {
            let at = block?.at;
            if at > dword {
                break;
            }
            found = Ok(at);
        }
        found
    }
}

//! What the table is told, and how it is looked through.

use crate::control::Core;
use crate::engine::Carved;
use crate::error::{Damage, What};
use crate::fit::payload_of;
use crate::header::{Around, Doubt, Header, NONE, damage};
use crate::index::table::{GRANULE, NO_START, Table};
use crate::index::{Both, Check, Keep, Slide};
use crate::spot::Spot;

impl Keep for Table {
    /// The table says of a block what its header and the next ones say: nothing need be kept.
    type Entry = ();

    fn begin(core: &Core, first: Spot, size: u32, last: Spot) {
        core.control.set_first_in(first.granule(), Some(0));
        core.control.note_start(last, first);
        core.control.raise(first.granule(), size);
    }

    #[inline(always)]
    fn entry<D: Doubt>(_: &Core, _: Spot) -> Result<(), D> {
        Ok(())
    }

    #[inline(always)]
    fn look_for_place<D: Doubt>(_: &Core, _: Spot) -> Result<(), D> {
        Ok(())
    }

    #[inline(always)]
    fn carved(core: &Core, (): (), carved: &Carved) {
        let Carved {
            found,
            fit,
            at,
            cut,
        } = *carved;
        let control = &core.control;
        if fit.front != 0 {
            control.note_start(at, found.at);
        }
        let granule = found.at.granule();
        let mut largest = found.below.max(payload_of(fit.front));
        if let Some(cut) = cut {
            control.note_start(cut, at);
            // What there is now first: then what the levels above say need not go down and up again.
            let rest = payload_of(fit.rest);
            if cut.granule() == granule {
                largest = largest.max(rest);
            } else {
                control.raise(cut.granule(), rest);
            }
        }
        largest = largest.max(core.largest_from(found.behind, granule));
        control.set_largest_in(granule, largest);
    }

    #[inline(always)]
    fn freed(core: &Core, at: Spot, (start, size): (Spot, u32), around: &Around, _: Both<()>) {
        let Around { above, behind, .. } = *around;
        let control = &core.control;
        control.raise(start.granule(), size);
        control.forget_start(at, start, behind);
        control.forget_start(above.at, start, behind);
        let granule = above.at.granule();
        if above.is_free && granule != start.granule() {
            let largest = core.largest_from(behind, granule);
            control.set_largest_in(granule, largest);
        }
    }

    fn grown(core: &Core, (): (), [at, next, behind]: [Spot; 3], rest: Option<(Spot, u32)>) {
        core.control.forget_start(next, at, behind);
        if let Some((cut, size)) = rest {
            core.control.note_start(cut, at);
            core.control.raise(cut.granule(), size);
        }
        core.refresh_without(next.granule(), NONE);
    }

    fn lifted(core: &Core, (): (), at: Spot) {
        core.refresh_without(at.granule(), at.at());
    }

    fn absorbed(core: &Core, (): (), [below, at, behind]: [Spot; 3]) {
        core.control.forget_start(at, below, behind);
        core.refresh_without(at.granule(), below.at());
    }

    fn slid(core: &Core, live: Slide, free: Slide, behind: Spot) {
        core.control.forget_start(live.from, free.from, behind);
        core.control.note_start(live.to, free.from);
        core.control.note_start(free.to, live.to);
    }

    fn appeared(core: &Core, at: Spot, size: u32) {
        core.control.raise(at.granule(), size);
    }
}

/// What a walk knows of the granule it is in.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    number: u32,
    first: Option<u32>,
    largest: u32,
}

impl Check for Table {
    type Walked = Seen;

    fn is_header(header: &Header) -> bool {
        *header == Header::free(header.previous, header.size)
    }

    fn walk(core: &Core, seen: &mut Seen, at: u32, header: &Header) -> Result<(), Damage> {
        core.enter_granule(seen, at / GRANULE)?;
        seen.first.get_or_insert(at);
        if header.is_free() {
            seen.largest = seen.largest.max(header.size);
        }
        Ok(())
    }

    fn walked(core: &Core, mut seen: Seen) -> Result<(), Damage> {
        core.enter_granule(&mut seen, core.control.geometry.tree.granules())?;
        core.control.check_tree()
    }
}

impl Core {
    /// Compare a granule that was walked, and empty ones up to the next, with the table.
    fn enter_granule(&self, seen: &mut Seen, number: u32) -> Result<(), Damage> {
        while seen.number < number
            && let Some(granule) = self.control.granule(seen.number)
        {
            let next = Seen {
                number: seen.number + 1,
                ..Seen::default()
            };
            let here = core::mem::replace(seen, next);
            let first = here.first.unwrap_or(granule.base() + NO_START);
            if self.control.first_or_beyond(granule) != first {
                return Err(damage(granule.base(), What::Starts));
            }
            if self.control.largest_in(granule) != here.largest {
                return Err(damage(granule.base(), What::Index));
            }
        }
        Ok(())
    }
}

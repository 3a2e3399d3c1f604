//! Defragmentation on paper: the same walk and the same rules, and nothing is written.

use crate::control::{Core, State};
use crate::engine::compact::{Above, Compaction, Offer, Verdict};
use crate::error::Fault;
use crate::fit::{DWORD, HEADER};
use crate::header::Header;

/// What defragmentation would do, and what free space would be left on the HEAD side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) compaction: Compaction,
    /// Free blocks below the lowest TAIL block.
    pub(crate) free_blocks: u32,
    /// Dwords in them.
    pub(crate) free: u32,
    /// Dwords in the largest.
    pub(crate) largest: u32,
    /// Dwords in the one that ends at the lowest TAIL block, if there is one.
    pub(crate) between: Option<u32>,
}

impl Plan {
    fn rest(&mut self, size: u32) {
        self.free_blocks += 1;
        self.free += size;
        self.largest = self.largest.max(size);
    }
}

impl Core {
    pub(crate) fn plan(&self, decide: &mut dyn FnMut(&Offer) -> Verdict) -> Result<Plan, Fault> {
        let bound = self.control.get(State::LowestTail);
        let mut plan = Plan::default();
        let mut from = 0;
        while let Some((hole, header)) = self.free_from(from, bound)? {
            // The free space is from here up to `next`, a block that really is there.
            let mut bottom = hole;
            let (mut next, mut above) = self.blocks.after(hole, &header)?;
            loop {
                if next >= bound {
                    let size = next - bottom - HEADER;
                    plan.rest(size);
                    plan.between = Some(size);
                    return Ok(plan);
                }
                if above.is_free() {
                    (next, above) = self.blocks.after(next, &above)?;
                    continue;
                }
                let Some(to) = self.planned(&mut plan.compaction, bottom, (next, above), decide)?
                else {
                    plan.rest(next - bottom - HEADER);
                    from = next;
                    break;
                };
                if to != bottom {
                    plan.rest(to - bottom - HEADER);
                }
                bottom = to + HEADER + above.size;
                (next, above) = self.blocks.after(next, &above)?;
            }
        }
        Ok(plan)
    }

    /// Decide on one block. Returns where it would go, if anywhere.
    fn planned(
        &self,
        done: &mut Compaction,
        bottom: u32,
        (at, header): (u32, Header),
        decide: &mut dyn FnMut(&Offer) -> Verdict,
    ) -> Result<Option<u32>, Fault> {
        match self.look_above(bottom, at, &header)? {
            Above::Movable(to) if decide(&self.offer(at, &header, to)?) == Verdict::Move => {
                done.moves += 1;
                done.bytes += header.size as usize * DWORD;
                return Ok(Some(to));
            }
            Above::Movable(_) => done.vetoes += 1,
            Above::Pinned => done.pinned += 1,
            Above::Fixed => {}
        }
        Ok(None)
    }
}

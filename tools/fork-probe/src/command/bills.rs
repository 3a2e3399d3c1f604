//! Bills of every allocator there is, for the same work.

use crate::bill::{Allocator, Arena, Bill, Deed, Malloc, Workload};
use crate::{ForkProbe, ProbeError};

/// Makes an allocator with room for the work.
type Make = fn(&Workload) -> Result<Box<dyn Allocator>, ProbeError>;

const MAKERS: &[Make] = &[
    |_| Ok(Box::new(Malloc)),
    |work| Ok(Box::new(Arena::with_room_for(work)?)),
];

/// Draw up a bill for each deed and each allocator.
pub(super) fn draw_up(probe: &ForkProbe<'_>, work: &Workload) -> Result<Vec<Bill>, ProbeError> {
    let mut bills = Vec::new();
    for deed in Deed::ALL {
        // Each allocator is made, used and gone before the next, so that none sees another's pages.
        for make in MAKERS {
            let mut allocator = make(work)?;
            bills.push(probe.bill(&mut *allocator, deed, work)?);
        }
    }
    Ok(bills)
}

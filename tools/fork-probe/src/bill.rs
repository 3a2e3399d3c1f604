//! The bill: bytes that a child wrote, against bytes that the kernel copied for it.
//!
//! A process builds a tree in an allocator, and forks. The child mutates or frees some of the nodes, one
//! after the other, and looks after each which pages are its own now that were not before. A page in
//! which the child wrote user data had to be copied; the others were unshared by the allocator's own
//! writes: headers, free lists, bookkeeping.
//!
//! ```no_run
//! use fork_probe::ForkProbe;
//! use fork_probe::bill::{Arena, Deed, Workload};
//!
//! // In a process with one thread, which a test is not.
//! let work = Workload { blocks: 1000, deeds: 10, ..Workload::default() };
//! let mut arena = Arena::with_room_for(&work)?;
//! let bill = ForkProbe::new().bill(&mut arena, Deed::Mutate, &work)?;
//! assert_eq!(bill.pages_by_metadata(), 0);
//! # Ok::<(), fork_probe::ProbeError>(())
//! ```

mod allocators;
mod ledger;
mod record;
mod watch;
mod work;

use crate::error::ProbeError;
use crate::probe::ForkProbe;

pub use allocators::{Allocator, Arena, Malloc};
pub use ledger::{Bill, Cause, Item, Share};
pub use work::{Deed, Workload};

impl ForkProbe<'_> {
    /// Draw up the bill of one allocator.
    ///
    /// The calling process builds the tree, and must have no other thread: another one could hold the
    /// allocator's lock at the fork, and its writes would be counted as well.
    ///
    /// # Errors
    ///
    /// There are other threads, the allocator has no room for the tree, pagemap may not be read (there is
    /// no other source that tells which write copied which page), or the child did not come to its end.
    pub fn bill(
        &self,
        allocator: &mut dyn Allocator,
        deed: Deed,
        work: &Workload,
    ) -> Result<Bill, ProbeError> {
        watch::refuse_threads()?;
        let mut tree = work::Tree::build(allocator, work)?;
        let bill = watch::watch(self.patience(), allocator, &tree, deed, work);
        tree.free(allocator);
        bill
    }
}

//! Exports that existing viewers open.
//!
//! * [`dhat`]: JSON for DHAT's viewer, `dh_view.html` of valgrind.
//! * [`collapsed`]: stacks for flame graphs, `inferno-flamegraph` and its like.
//! * [`Rep`](crate::rep::Rep): `.rep` allocation traces, which are also read back and replayed.
//!
//! What a forked child inherits was allocated by its parent, and is not counted again.

mod changes;
mod collapsed;
mod dhat;

pub(crate) use changes::{What, changes};
pub use collapsed::{Weight, collapsed};
pub use dhat::dhat;

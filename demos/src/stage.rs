//! What the demos share: the stage they stand on.
//!
//! Bottom up: [`out`] writes lines, [`mod@line`] gives them their grammar, [`question`] asks before it tells, [`facts`]
//! keeps what was measured, [`record`] turns lines into events to be drawn, [`progress`] remembers what the reader has
//! seen, [`show`] holds these together as the [`Stage`] that a demo is handed.

pub mod bytes;
pub mod child;
pub mod facts;
pub mod line;
pub mod load;
pub mod options;
pub mod out;
pub mod pages;
pub mod paint;
pub mod procfs;
pub mod progress;
pub mod question;
pub mod record;
pub mod show;
pub mod trouble;
pub mod wrap;

pub use facts::Facts;
pub use line::{Line, Place, Symbol};
pub use options::Options;
pub use question::Question;
pub use record::Recording;
pub use show::{Demo, Stage, play};
pub use trouble::{During, Trouble};

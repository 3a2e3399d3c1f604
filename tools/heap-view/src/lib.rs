#![doc = include_str!("../README.md")]

#[cfg(feature = "command")]
pub mod command;
mod error;
mod event;
pub mod export;
pub mod history;
pub mod html;
pub mod json_lines;
pub mod map;
pub mod picture;
mod printable;
mod record;
pub mod rep;
pub mod replay;
mod snapshot;
pub mod svg;
mod trace;

pub use error::DrawError;
pub use event::{Action, BlockId, Event, Extent, LabelId, RegionId, SiteId, Violation};
pub use record::{Buffer, Sink};
pub use snapshot::{Snapshot, Span, State};
pub use trace::{Frame, Site, Trace};

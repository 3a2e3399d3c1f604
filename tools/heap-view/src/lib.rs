//! Events and snapshots of a heap as terminal maps, SVG, an HTML player and viewer formats.
//!
//! An allocator, a tracer or a demo records what happens as [`Event`]s; everything else is made from
//! that one stream.
//!
//! ```
//! use heap_view::{Action, BlockId, Event, Extent, RegionId, Trace, json_lines};
//!
//! let mut trace = Trace::new("a first heap");
//! let region = RegionId(0);
//! let heap = trace.label("heap");
//! let site = trace.here();
//! trace.record(Event::new(Action::Map { region, base: 0x7000, size: 4096 }).labelled(heap));
//! let to = Extent::new(0, 64);
//! trace.record(Event::new(Action::Alloc { region, block: BlockId(1), to, align: 8, tag: None }).from_site(site));
//!
//! let mut file = Vec::new();
//! json_lines::write(&trace, &mut file)?;
//! assert_eq!(json_lines::read(&file[..])?, trace);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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

//! One line of a file, and what it means.

use crate::event::{Action, BlockId, Event, Extent, LabelId, RegionId, SiteId, Violation};
use crate::snapshot::{Snapshot, Span, State};
use crate::trace::Frame;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::num::NonZeroU32;

/// All that a line can have, flat: `is` says which of it is meant.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) is: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) frames: Option<Vec<FrameLine<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) t: u64,
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub(super) thread: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) site: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) block: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub(super) before: u32,
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub(super) after: u32,
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub(super) align: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) violation: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) spans: Option<Vec<SpanLine<'a>>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) dropped: u64,
}

/// A span: first byte, bytes, state, label, tag.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpanLine<'a>(
    u64,
    u64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(default)] Option<NonZeroU32>,
    #[serde(default)] Option<u32>,
);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FrameLine<'a> {
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    function: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    file: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_zero_u32")]
    line: u32,
    #[serde(skip_serializing_if = "is_zero_u32")]
    column: u32,
}

// The signatures are serde's.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

impl<'a> From<&'a Frame> for FrameLine<'a> {
    fn from(frame: &'a Frame) -> Self {
        Self {
            function: Cow::Borrowed(&frame.function),
            file: Cow::Borrowed(&frame.file),
            line: frame.line,
            column: frame.column,
        }
    }
}

impl From<&FrameLine<'_>> for Frame {
    fn from(line: &FrameLine<'_>) -> Self {
        Self {
            function: line.function.clone().into_owned(),
            file: line.file.clone().into_owned(),
            line: line.line,
            column: line.column,
        }
    }
}

impl Line<'_> {
    /// A line that says what it is and nothing else.
    pub(super) fn that_is(is: &'static str) -> Self {
        Self {
            is: Cow::Borrowed(is),
            ..Self::default()
        }
    }

    /// An event as a line.
    pub(super) fn of_event(n: u64, event: &Event) -> Self {
        let mut line = Self {
            n: Some(n),
            t: event.time,
            thread: event.thread,
            site: event.site.map(|id| id.0),
            label: event.label.map(|id| id.0),
            ..Self::default()
        };
        line.set_action(&event.action);
        line
    }

    fn set_action(&mut self, action: &Action) {
        let is = match *action {
            Action::Map { region, base, size } => {
                (self.base, self.size) = (Some(base), Some(size));
                self.in_region(region, "map")
            }
            Action::Unmap { region } => self.in_region(region, "unmap"),
            Action::Alloc {
                region,
                block,
                to,
                align,
                tag,
            } => {
                self.set_extent(block, to);
                (self.align, self.tag) = (align, tag);
                self.in_region(region, "alloc")
            }
            Action::Refuse {
                region,
                size,
                align,
            } => {
                (self.size, self.align) = (Some(size), align);
                self.in_region(region, "refuse")
            }
            Action::Free { region, block } => {
                self.block = Some(block.0);
                self.in_region(region, "free")
            }
            Action::Realloc { region, block, to } => {
                self.set_extent(block, to);
                self.in_region(region, "realloc")
            }
            Action::Move { region, block, to } => {
                (self.block, self.to) = (Some(block.0), Some(to));
                self.in_region(region, "move")
            }
            Action::Rewind { region, to } => {
                self.to = Some(to);
                self.in_region(region, "rewind")
            }
            Action::Reset { region } => self.in_region(region, "reset"),
            Action::Write { region, at, size } => self.set_bytes(region, at, size, "write"),
            Action::Read { region, at, size } => self.set_bytes(region, at, size, "read"),
            Action::Fork { from, to } => {
                self.from = Some(from.0);
                self.in_region(to, "fork")
            }
            Action::Fault {
                violation,
                region,
                at,
                size,
                block,
            } => {
                self.violation = Some(Cow::Borrowed(violation.name()));
                self.block = block.map(|block| block.0);
                self.set_bytes(region, at, size, "fault")
            }
            Action::Note => "note",
        };
        self.is = Cow::Borrowed(is);
    }

    fn in_region(&mut self, region: RegionId, is: &'static str) -> &'static str {
        self.region = Some(region.0);
        is
    }

    fn set_bytes(
        &mut self,
        region: RegionId,
        at: u64,
        size: u64,
        is: &'static str,
    ) -> &'static str {
        (self.at, self.size) = (Some(at), Some(size));
        self.in_region(region, is)
    }

    fn set_extent(&mut self, block: BlockId, to: Extent) {
        self.block = Some(block.0);
        (self.at, self.size) = (Some(to.at), Some(to.size));
        (self.before, self.after) = (to.before, to.after);
    }

    /// A snapshot, taken after `n` events, as a line.
    pub(super) fn of_snapshot(n: u64, snapshot: &Snapshot) -> Self {
        let span = |span: &Span| {
            SpanLine(
                span.at,
                span.size,
                Cow::Borrowed(span.state.name()),
                span.label.map(|id| id.0),
                span.tag,
            )
        };
        Self {
            n: Some(n),
            label: snapshot.label.map(|id| id.0),
            region: Some(snapshot.region.0),
            spans: Some(snapshot.spans.iter().map(span).collect()),
            ..Self::that_is("snapshot")
        }
    }

    /// The event that this line is. Its site and label are numbers of the file.
    ///
    /// `Err` names what is missing or what the line is instead.
    pub(super) fn event(&self) -> Result<Event, Unread> {
        Ok(Event {
            action: self.action()?,
            time: self.t,
            thread: self.thread,
            site: self.site.map(SiteId),
            label: self.label.map(LabelId),
        })
    }

    fn action(&self) -> Result<Action, Unread> {
        let region = || self.region.map(RegionId).ok_or(Unread::Without("region"));
        let block = || self.block.map(BlockId).ok_or(Unread::Without("block"));
        let size = || self.size.ok_or(Unread::Without("size"));
        let at = || self.at.ok_or(Unread::Without("at"));
        let to = || self.to.ok_or(Unread::Without("to"));
        let extent = || Ok(Extent::new(at()?, size()?).within(self.before, self.after));
        Ok(match &*self.is {
            "map" => Action::Map {
                region: region()?,
                base: self.base.ok_or(Unread::Without("base"))?,
                size: size()?,
            },
            "unmap" => Action::Unmap { region: region()? },
            "alloc" => Action::Alloc {
                region: region()?,
                block: block()?,
                to: extent()?,
                align: self.align,
                tag: self.tag,
            },
            "refuse" => Action::Refuse {
                region: region()?,
                size: size()?,
                align: self.align,
            },
            "free" => Action::Free {
                region: region()?,
                block: block()?,
            },
            "realloc" => Action::Realloc {
                region: region()?,
                block: block()?,
                to: extent()?,
            },
            "move" => Action::Move {
                region: region()?,
                block: block()?,
                to: to()?,
            },
            "rewind" => Action::Rewind {
                region: region()?,
                to: to()?,
            },
            "reset" => Action::Reset { region: region()? },
            "write" => Action::Write {
                region: region()?,
                at: at()?,
                size: size()?,
            },
            "read" => Action::Read {
                region: region()?,
                at: at()?,
                size: size()?,
            },
            "fork" => Action::Fork {
                from: self.from.map(RegionId).ok_or(Unread::Without("from"))?,
                to: region()?,
            },
            "fault" => Action::Fault {
                violation: self.violation()?,
                region: region()?,
                at: at()?,
                size: size()?,
                block: self.block.map(BlockId),
            },
            "note" => Action::Note,
            "" => return Err(Unread::Without("is")),
            _ => return Err(Unread::UnknownKind),
        })
    }

    fn violation(&self) -> Result<Violation, Unread> {
        let name = self
            .violation
            .as_deref()
            .ok_or(Unread::Without("violation"))?;
        Violation::of_name(name).ok_or_else(|| Unread::UnknownName("violation", name.to_owned()))
    }

    /// The snapshot that this line is. Its labels are numbers of the file.
    pub(super) fn snapshot(&self) -> Result<Snapshot, Unread> {
        let spans = self.spans.as_ref().ok_or(Unread::Without("spans"))?;
        let spans = spans.iter().map(|SpanLine(at, size, state, label, tag)| {
            Ok(Span {
                at: *at,
                size: *size,
                state: State::of_name(state)
                    .ok_or_else(|| Unread::UnknownName("state", state.to_string()))?,
                label: label.map(LabelId),
                tag: *tag,
            })
        });
        Ok(Snapshot {
            region: self.region.map(RegionId).ok_or(Unread::Without("region"))?,
            label: self.label.map(LabelId),
            spans: spans.collect::<Result<_, _>>()?,
        })
    }
}

/// Why a line is no event.
#[derive(Debug)]
pub(super) enum Unread {
    /// It has no such field.
    Without(&'static str),
    /// Its kind is none of version 1.
    UnknownKind,
    /// A field has a value that is none of version 1.
    UnknownName(&'static str, String),
}

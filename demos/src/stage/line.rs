//! The one grammar of output: symbol, verb, size, arrow, base+offset, note.
//!
//! ```text
//! ✅ alloc      64 B → base+128   "This is not malloc"
//! │  │             │   │          └ note
//! │  │             │   └ place: base+offset, or the raw address on request
//! │  │             └ size: in bytes, or in whole MiB or GiB
//! │  └ verb
//! └ symbol, see the legend
//! ```

use super::paint::Paint;

/// What a line is about. [`Symbol::LEGEND`] says it to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol {
    /// A block was handed out, or a region taken.
    Alloc,
    /// Nobody can reach these bytes any more.
    Leak,
    /// A write went into a block that it was not for.
    Corrupted,
    /// What the heap looks like.
    Picture,
    /// A region goes back to the kernel.
    Unmap,
    /// The place that is aimed at, or the answer to the question.
    Target,
    /// Asked for and not given.
    Refused,
    /// An event with none of these meanings.
    Plain,
}

impl Symbol {
    /// The symbols and their meanings, for help texts.
    pub const LEGEND: &'static str = "✅ allocation  ⚠️ leak  🤡 corrupted neighbour  📦 picture of the heap  \
        🧹 unmapping  🎯 target  ❌ refused";

    fn text(self) -> &'static str {
        match self {
            Self::Alloc => "✅",
            Self::Leak => "⚠️",
            Self::Corrupted => "🤡",
            Self::Picture => "📦",
            Self::Unmap => "🧹",
            Self::Target => "🎯",
            Self::Refused => "❌",
            Self::Plain => "  ",
        }
    }
}

/// A place in memory: a named base and the offset from it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What the base is called in this story.
    pub name: &'static str,
    /// Where the base is in this run.
    pub base: usize,
    /// How far from the base.
    pub offset: usize,
}

/// One line of the story.
#[derive(Debug)]
pub struct Line {
    pub(super) symbol: Symbol,
    pub(super) verb: &'static str,
    pub(super) size: Option<usize>,
    pub(super) place: Option<Place>,
    pub(super) note: String,
}

impl Line {
    /// A line with a symbol and a verb.
    #[must_use]
    pub fn new(symbol: Symbol, verb: &'static str) -> Self {
        Self {
            symbol,
            verb,
            size: None,
            place: None,
            note: String::new(),
        }
    }

    /// Adds the size in bytes.
    #[must_use]
    pub fn bytes(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The line as text; `raw` asks for addresses in place of base+offset.
    #[must_use]
    pub fn render(&self, raw: bool, paint: Paint) -> String {
        let size = self.size.map(in_words).unwrap_or_default();
        let head = format!("{} {:<6} {size:>7}", self.symbol.text(), self.verb);
        let place = self.place.map(|place| place.render(raw));
        let width = if raw { RAW_WIDTH } else { PLACE_WIDTH };
        let line = match place {
            Some(place) if self.note.is_empty() => format!("{head} → {}", paint.cyan(&place)),
            Some(place) => {
                let gap = " ".repeat(width.saturating_sub(place.chars().count()));
                format!("{head} → {}{gap}  {}", paint.cyan(&place), self.note)
            }
            None => format!("{}  {}", head.trim_end(), self.note),
        };
        line.trim_end().to_owned()
    }
}

impl Place {
    /// The place this far from a base.
    #[must_use]
    pub fn new(name: &'static str, base: usize, offset: usize) -> Self {
        Self { name, base, offset }
    }

    fn render(self, raw: bool) -> String {
        let address = self.base.wrapping_add(self.offset);
        if raw {
            format!("{address:#014x} ({}+{})", self.name, self.offset)
        } else {
            format!("{}+{}", self.name, self.offset)
        }
    }
}

/// A size as it stands in a line: in bytes, or in whole MiB or GiB where that is exact.
#[must_use]
pub fn in_words(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    const GIB: usize = 1 << 30;
    match bytes {
        GIB.. if bytes.is_multiple_of(GIB) => format!("{} GiB", bytes / GIB),
        MIB.. if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ => format!("{bytes} B"),
    }
}

/// Room for the longest `name+offset` of a story, so that notes stand in a column.
const PLACE_WIDTH: usize = 9;

/// The same with the address of sixteen letters before it.
const RAW_WIDTH: usize = PLACE_WIDTH + 17;

#[cfg(test)]
mod tests;

//! A map for the terminal: a cell for every so many bytes.

use crate::error::DrawError;
use crate::history::History;
use crate::picture::{Drawn, Window, spans, windows};
use crate::printable::printable;
use crate::snapshot::State;
use crate::trace::Trace;
use std::collections::BTreeSet;
use std::fmt::Write;

/// How a map looks.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// How many columns the terminal has.
    pub columns: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

impl Default for Look {
    /// Eighty columns without colour.
    fn default() -> Self {
        Self {
            columns: 80,
            colour: false,
        }
    }
}

/// The most rows of one window.
const MOST_ROWS: u64 = 16;

/// Blocks are listed up to this many: as there are letters for them.
const MOST_LISTED: usize = 26;

/// Room for `+` and an offset before each row.
const GUTTER: usize = 12;

/// Draws the regions that are there at a moment.
///
/// # Errors
///
/// If an event does not fit those before it.
pub fn render(trace: &Trace, moment: usize, look: Look) -> Result<String, DrawError> {
    let history = History::of(trace)?;
    let mut map = Map {
        trace,
        history: &history,
        moment,
        look,
        seen: BTreeSet::new(),
        out: String::new(),
    };
    for window in windows(trace, &history) {
        if history.regions[window.ground].is_there_at(moment) {
            map.window(window);
        }
    }
    map.legend();
    Ok(map.out)
}

struct Map<'t> {
    trace: &'t Trace,
    history: &'t History,
    moment: usize,
    look: Look,
    /// The glyphs that need a word of explanation.
    seen: BTreeSet<usize>,
    out: String,
}

/// What a cell shows.
#[derive(Clone, Copy)]
struct Cell {
    glyph: char,
    /// The colour, as the terminal numbers it.
    colour: &'static str,
}

impl Map<'_> {
    fn window(&mut self, window: Window) {
        let cells = (self.look.columns.saturating_sub(GUTTER) / 8 * 8).clamp(8, 256) as u64;
        let mut per_cell = 1;
        while window.len().div_ceil(cells * per_cell) > MOST_ROWS {
            per_cell *= 2;
        }
        let spans = spans(self.trace, self.history, window, self.moment);
        self.headline(window, per_cell);
        let mut rest = &spans[..];
        let mut at = window.from;
        while at < window.to {
            let end = window.to.min(at.saturating_add(cells * per_cell));
            let row: Vec<Cell> = (at..end)
                .step_by(per_cell as usize)
                .map(|from| self.cell(&mut rest, from, end.min(from.saturating_add(per_cell))))
                .collect();
            let _ = write!(
                self.out,
                "{:>width$}  ",
                format!("+{at}"),
                width = GUTTER - 2
            );
            self.row(&row);
            at = end;
        }
        self.blocks(&spans);
    }

    fn headline(&mut self, window: Window, per_cell: u64) {
        let ground = &self.history.regions[window.ground];
        let label = ground.label.and_then(|id| self.trace.label_of(id));
        let name = label.map_or_else(
            || format!("region {}", ground.region.0),
            |name| printable(name).into_owned(),
        );
        let size = match ground.size {
            0 => String::new(),
            size => format!(" of {size}"),
        };
        let _ = writeln!(
            self.out,
            "{name}: bytes {}..{}{size}, {per_cell} a cell",
            window.from, window.to
        );
    }

    /// What most of the bytes of a cell are; what is wrong is shown in any case.
    fn cell(&mut self, rest: &mut &[Drawn], from: u64, to: u64) -> Cell {
        let mut live: Vec<usize> = Vec::new();
        let mut live_bytes = 0;
        let mut most = (0, State::Unused);
        let mut wrong = None;
        for drawn in rest.iter().take_while(|drawn| drawn.at < to) {
            let bytes = drawn.end.min(to) - drawn.at.max(from);
            match drawn.state {
                State::Live => {
                    live.push(drawn.placement.or(drawn.span).unwrap_or_default());
                    live_bytes += bytes;
                }
                State::Corrupted => wrong = Some(State::Corrupted),
                State::Leaked => wrong = wrong.or(Some(State::Leaked)),
                state if bytes > most.0 => most = (bytes, state),
                _ => {}
            }
        }
        let done = rest.iter().take_while(|drawn| drawn.end <= to).count();
        *rest = &rest[done..];
        if let Some(wrong) = wrong {
            return self.state(wrong);
        }
        if live_bytes < most.0 {
            return self.state(most.1);
        }
        match live[..] {
            [] => self.state(most.1),
            [row] => Cell {
                glyph: letter(row),
                colour: COLOURS[row % COLOURS.len()],
            },
            _ => self.density(live_bytes, to - from),
        }
    }

    fn state(&mut self, state: State) -> Cell {
        let (glyph, colour) = glyph(state);
        let place = State::ALL.iter().position(|&known| known == state);
        self.seen.extend(place);
        Cell { glyph, colour }
    }

    /// A cell of several blocks: how much of it is live.
    fn density(&mut self, live: u64, all: u64) -> Cell {
        self.seen.insert(State::ALL.len());
        let shade = (live * SHADES.len() as u64).div_ceil(all.max(1));
        let glyph = SHADES[shade.clamp(1, SHADES.len() as u64) as usize - 1];
        Cell {
            glyph,
            colour: COLOURS[0],
        }
    }

    fn row(&mut self, row: &[Cell]) {
        let mut last = "";
        for cell in row {
            if self.look.colour && cell.colour != last {
                let _ = write!(self.out, "\x1b[0;{}m", cell.colour);
                last = cell.colour;
            }
            self.out.push(cell.glyph);
        }
        if self.look.colour {
            self.out.push_str("\x1b[0m");
        }
        self.out.push('\n');
    }

    /// The live blocks, each with its letter, if they are few.
    fn blocks(&mut self, spans: &[Drawn]) {
        let live = spans.iter().filter(|drawn| drawn.state == State::Live);
        let mut rows: Vec<usize> = live.filter_map(|drawn| drawn.placement).collect();
        rows.dedup();
        if rows.len() > MOST_LISTED {
            return;
        }
        for row in rows {
            let placement = &self.history.placements[row];
            let label = placement.label.and_then(|id| self.trace.label_of(id));
            let label = label.map_or_else(String::new, |text| format!("  {text:?}"));
            let site = placement.site.and_then(|id| self.trace.site_of(id));
            let site = site.map_or_else(String::new, |site| {
                format!("  {}", printable(&site.to_string()))
            });
            let _ = writeln!(
                self.out,
                "{:>width$}  #{} {} B at +{}{label}{site}",
                letter(row),
                placement.block.0,
                placement.extent.size,
                placement.extent.at,
                width = GUTTER - 2
            );
        }
    }

    fn legend(&mut self) {
        let names: Vec<String> = self
            .seen
            .iter()
            .map(|&place| match State::ALL.get(place) {
                Some(&state) => format!("{} {}", glyph(state).0, state.name()),
                None => format!(
                    "{} several blocks, as full as this",
                    String::from_iter(SHADES)
                ),
            })
            .collect();
        if !names.is_empty() {
            let _ = writeln!(self.out, "{}", names.join("  "));
        }
    }
}

/// The colours of live blocks, in turn: neighbours differ.
const COLOURS: [&str; 6] = ["34", "32", "35", "36", "94", "92"];

/// How full a cell is.
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

fn letter(row: usize) -> char {
    char::from(b'A' + (row % MOST_LISTED) as u8)
}

fn glyph(state: State) -> (char, &'static str) {
    match state {
        State::Live => ('A', "34"),
        State::Margin => ('=', "90"),
        State::Freed => ('-', "90"),
        State::Unused => ('·', "90"),
        State::Quarantined => ('~', "35"),
        State::Pinned => ('^', "36"),
        State::Leaked => ('!', "1;33"),
        State::Corrupted => ('#', "1;31"),
    }
}

//! A drawing without a program in it: the memory at one moment, and every block over time.

use crate::error::DrawError;
use crate::history::History;
use crate::html::escaped;
use crate::picture::{Drawn, Window, fullest_moment, spans, windows};
use crate::snapshot::State;
use crate::trace::Trace;
use std::fmt::Write as _;
use std::io::Write;

mod time;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 16.0;
const INNER: f64 = WIDTH - LEFT - RIGHT;
const MOST_ROWS: u64 = 24;

/// A drawing is looked at as a whole: more than this is for the page.
const MOST_WINDOWS: usize = 40;

/// Steps of a story without memory.
const MOST_STEPS: usize = 60;

/// Colours of live blocks, in turn.
const PALETTE: [&str; 8] = [
    "#4e79a7", "#3f8537", "#95608a", "#2f8680", "#8b6246", "#4f6fc0", "#6b7f2a", "#b5527a",
];

/// Writes a drawing: each region as it is at a moment, and below it who lived where from when to when.
///
/// A region that is not there at that moment is shown as it was when it was fullest.
///
/// # Errors
///
/// If an event does not fit those before it, or the writer refuses.
pub fn write(trace: &Trace, moment: usize, mut out: impl Write) -> Result<(), DrawError> {
    let history = History::of(trace)?;
    let mut drawing = Drawing {
        trace,
        history: &history,
        moment,
        y: 24.0,
        body: String::new(),
    };
    drawing.head();
    let windows = windows(trace, &history);
    for &window in windows.iter().take(MOST_WINDOWS) {
        drawing.window(window);
    }
    drawing.rest(windows.len().saturating_sub(MOST_WINDOWS));
    if windows.is_empty() {
        drawing.steps();
    }
    drawing.legend();
    let height = drawing.y;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n{STYLE}{}</svg>\n",
        escaped(&trace.title),
        drawing.body
    )?;
    out.flush()?;
    Ok(())
}

const STYLE: &str = "<style>
svg { background: #fbfaf7; font: 12px system-ui, sans-serif; }
text { fill: #1d2330; } .faint { fill: #6b7280; } .on { fill: #fff; pointer-events: none; }
.unused { fill: #eceae3; } .freed { fill: #cfccc2; } .margin { fill: #8b8778; }
.quarantined { fill: #a78bda; } .pinned { fill: #0f8f7f; } .leaked { fill: #e8a200; }
.corrupted { fill: #d8262c; } .live { fill: #4e79a7; } .now { stroke: #1d2330; stroke-width: 1.5; } .write { fill: none; stroke: #1d2330; }
@media (prefers-color-scheme: dark) {
  svg { background: #14171d; } text { fill: #e8e6df; } .faint { fill: #9aa3b2; }
  .unused { fill: #232832; } .freed { fill: #3d4450; } .margin { fill: #7c8392; } .now, .write { stroke: #e8e6df; }
}
</style>
";

struct Drawing<'t> {
    trace: &'t Trace,
    history: &'t History,
    moment: usize,
    /// Where the next part begins.
    y: f64,
    body: String,
}

impl Drawing<'_> {
    fn head(&mut self) {
        let title = match self.trace.title.as_str() {
            "" => "a heap",
            title => title,
        };
        let bold = "style=\"font-size:16px;font-weight:600\"";
        self.text(16.0, bold, &escaped(title));
        self.y += 20.0;
        let bytes = match self.moment.checked_sub(1) {
            Some(event) => self.history.live_bytes.get(event).copied().unwrap_or(0),
            None => 0,
        };
        let said = format!(
            "after {} of {} events: {bytes} bytes live",
            self.moment,
            self.trace.events.len()
        );
        self.text(16.0, "class=\"faint\"", &said);
        self.y += 24.0;
    }

    fn text(&mut self, x: f64, how: &str, text: &str) {
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{:.1}\" {how}>{text}</text>",
            self.y
        );
    }

    fn window(&mut self, window: Window) {
        let ground = &self.history.regions[window.ground];
        let label = ground.label.and_then(|id| self.trace.label_of(id));
        let name = label.map_or_else(|| format!("region {}", ground.region.0), escaped);
        let size = match ground.size {
            0 => String::new(),
            size => format!(" of {size}"),
        };
        let (shown, when) = self.moment_of(window.ground);
        let said = format!("{name}: bytes {} to {}{size}{when}", window.from, window.to);
        self.text(16.0, "style=\"font-weight:600\"", &said);
        self.y += 8.0;
        self.rows(window, shown);
        self.y += 22.0;
        self.text(
            LEFT,
            "class=\"faint\"",
            "each block from the event that made it to the one that ended it →  ○ write",
        );
        self.y += 6.0;
        time::draw(self, window);
        self.y += 34.0;
    }

    /// The labels of the events, for a story that has no memory to show.
    fn steps(&mut self) {
        let labels = self.trace.events.iter().filter_map(|event| event.label);
        let labels: Vec<_> = labels.filter_map(|id| self.trace.label_of(id)).collect();
        for label in labels.iter().take(MOST_STEPS) {
            self.text(16.0, "", &escaped(label));
            self.y += 18.0;
        }
        if let Some(more @ 1..) = labels.len().checked_sub(MOST_STEPS) {
            self.text(16.0, "class=\"faint\"", &format!("and {more} more"));
            self.y += 18.0;
        }
        self.y += 12.0;
    }

    fn rest(&mut self, windows: usize) {
        if windows > 0 {
            let said = format!("and {windows} more, which the page has");
            self.text(16.0, "class=\"faint\"", &said);
            self.y += 34.0;
        }
    }

    /// The moment at which a region is shown: the one asked for, or its own fullest.
    fn moment_of(&self, row: usize) -> (usize, String) {
        let ground = &self.history.regions[row];
        if ground.is_there_at(self.moment) {
            return (self.moment, String::new());
        }
        // A pointer into a region that is gone may have been used.
        let marks = self.history.marks.iter().filter(|mark| mark.ground == row);
        let late = marks
            .map(|mark| mark.born + 1)
            .max()
            .filter(|&moment| !ground.is_there_at(moment));
        match late {
            Some(moment) => (moment, format!(", unmapped, after {moment} events")),
            None => {
                let moment = fullest_moment(self.history, row);
                (moment, format!(", after {moment} events"))
            }
        }
    }

    fn rows(&mut self, window: Window, moment: usize) {
        let mut per_row = 64;
        while window.len().div_ceil(per_row) > MOST_ROWS {
            per_row *= 2;
        }
        let rows = window.len().div_ceil(per_row);
        let height = (240.0 / rows as f64).clamp(10.0, 22.0).floor();
        let scale = INNER / per_row as f64;
        let every = if height < 14.0 { 2 } else { 1 };
        let spans = spans(self.trace, self.history, window, moment);
        let mut rest = &spans[..];
        for row in 0..rows {
            let from = window.from + row * per_row;
            let to = window.to.min(from.saturating_add(per_row));
            if row % every == 0 {
                let how = "class=\"faint\" text-anchor=\"end\"";
                self.y += height - 6.0;
                self.text(LEFT - 8.0, how, &format!("+{from}"));
                self.y -= height - 6.0;
            }
            let mut drawn_to = -1.0;
            for drawn in rest.iter().take_while(|drawn| drawn.at < to) {
                let x = (drawn.at.max(from) - from) as f64 * scale;
                let end = (drawn.end.min(to) - from) as f64 * scale;
                // What is narrower than half a pixel beside what is drawn already cannot be seen.
                if end - drawn_to < 0.5 && drawn.state != State::Corrupted {
                    continue;
                }
                self.span(drawn, (x, end), height, drawn.at >= from);
                drawn_to = end;
            }
            let done = rest.iter().take_while(|drawn| drawn.end <= to).count();
            rest = &rest[done..];
            self.y += height;
        }
    }

    /// One span of one row, from x to x; named where it begins.
    fn span(&mut self, drawn: &Drawn, (x, end): (f64, f64), height: f64, begins: bool) {
        let width = (end - x).max(0.5);
        let fill = match (drawn.state, drawn.placement) {
            (State::Live, Some(row)) => format!("style=\"fill:{}\"", self.colour(row)),
            (state, _) => format!("class=\"{}\"", state.name()),
        };
        let _ = write!(
            self.body,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" {fill}>",
            LEFT + x,
            self.y,
            if width > 3.0 { width - 1.0 } else { width },
            height - 1.0
        );
        let _ = match width < 2.0 && drawn.state != State::Corrupted {
            true => writeln!(self.body, "</rect>"),
            false => writeln!(self.body, "<title>{}</title></rect>", self.what(drawn)),
        };
        let name = self.name(drawn);
        let fits = name.chars().count() as f64 * 7.0 + 8.0 < width;
        if begins && drawn.state == State::Live && fits && height >= 14.0 {
            self.y += height - 6.0;
            self.text(LEFT + x + 4.0, "class=\"on\"", &escaped(&name));
            self.y -= height - 6.0;
        }
    }

    fn colour(&self, row: usize) -> &'static str {
        let block = self.history.placements[row].block.0;
        PALETTE[(block % PALETTE.len() as u64) as usize]
    }

    /// What a block holds, or its number.
    fn name(&self, drawn: &Drawn) -> String {
        let Some(row) = drawn.placement else {
            return String::new();
        };
        let placement = &self.history.placements[row];
        let label = placement.label.and_then(|id| self.trace.label_of(id));
        label.map_or_else(|| format!("#{}", placement.block.0), str::to_owned)
    }

    /// All that is known of a span, for who points at it.
    fn what(&self, drawn: &Drawn) -> String {
        let range = format!(
            "{}, bytes {} to {}",
            drawn.state.name(),
            drawn.at,
            drawn.end
        );
        match drawn.placement {
            Some(row) => format!("{range}: {}", self.block(row)),
            None => range,
        }
    }

    fn block(&self, row: usize) -> String {
        let placement = &self.history.placements[row];
        let label = placement.label.and_then(|id| self.trace.label_of(id));
        let label = label.map_or_else(String::new, |text| format!(" {text:?}"));
        let site = placement.site.and_then(|id| self.trace.site_of(id));
        let site = site.map_or_else(String::new, |site| format!(", {site}"));
        let tag = placement
            .tag
            .map_or_else(String::new, |tag| format!(", tag {tag}"));
        let (block, extent) = (placement.block.0, placement.extent);
        escaped(&format!(
            "block {block}, {} bytes at {}{tag}{label}{site}",
            extent.size, extent.at
        ))
    }

    fn legend(&mut self) {
        let mut x = 16.0;
        for state in State::ALL {
            let name = state.name();
            let y = self.y - 10.0;
            let _ = writeln!(
                self.body,
                "<rect x=\"{x}\" y=\"{y}\" width=\"11\" height=\"11\" class=\"{name}\"/>"
            );
            self.text(x + 16.0, "class=\"faint\"", name);
            x += 36.0 + 7.0 * name.len() as f64;
        }
        self.y += 16.0;
    }
}

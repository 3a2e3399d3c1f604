//! A single-file HTML player: scrub through the events, search, look at each block.
//!
//! The page needs no network and no build step: style, program and data are in it, and its content
//! policy forbids it to load anything. Offsets and sizes beyond 2⁵³ are rounded, as numbers of a
//! browser are.

use crate::error::DrawError;
use crate::history::History;
use crate::trace::Trace;
use std::io::{self, Write};

mod columns;

const PAGE: &str = include_str!("player/page.html");
const STYLE: &str = include_str!("player/style.css");

/// The program of the page, in the order in which its parts build on each other.
const SCRIPTS: [&str; 6] = [
    include_str!("player/data.js"),
    include_str!("player/words.js"),
    include_str!("player/maps.js"),
    include_str!("player/timeline.js"),
    include_str!("player/search.js"),
    include_str!("player/main.js"),
];

/// Writes the player of a recording.
///
/// # Errors
///
/// If an event does not fit those before it, or the writer refuses.
pub fn write(trace: &Trace, mut out: impl Write) -> Result<(), DrawError> {
    let history = History::of(trace)?;
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.write_all(before.as_bytes())?;
        match name {
            "title" => out.write_all(escaped(title(trace)).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => {
                for script in SCRIPTS {
                    out.write_all(script.as_bytes())?;
                }
            }
            "data" => columns::write(trace, &history, &mut ScriptSafe(&mut out))?,
            _ => unreachable!("the page has no {name:?}"),
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())?;
    out.flush()?;
    Ok(())
}

fn title(trace: &Trace) -> &str {
    if trace.title.is_empty() {
        "a heap"
    } else {
        &trace.title
    }
}

/// Text as it stands in HTML and SVG.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to say these, not even escaped.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}');
            }
            letter => out.push(letter),
        }
    }
    out
}

/// Passes JSON on so that a browser finds no `</script>` in it: `<` only stands in strings there.
struct ScriptSafe<W>(W);

impl<W: Write> Write for ScriptSafe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (index, part) in bytes.split(|&byte| byte == b'<').enumerate() {
            if index > 0 {
                self.0.write_all(b"\\u003c")?;
            }
            self.0.write_all(part)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

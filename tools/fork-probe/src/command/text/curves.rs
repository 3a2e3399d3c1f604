//! Fork's time as a table.

use std::fmt::Write;

use crate::command::json::kernel_version;
use crate::latency::{Curve, Latency, Spread};

/// A row for each size, a column for each kind of memory.
pub(in crate::command) fn latency(latency: &Latency) -> String {
    let runs = latency.bare.as_ref().map_or(0, |bare| bare.runs);
    let mut text = format!(
        "how long fork takes in the parent, on Linux {}\n\
         medians of {runs} runs, with the middle half of them\n\n",
        kernel_version()
    );
    if let Some(bare) = &latency.bare {
        let _ = writeln!(text, "this process alone: {}\n", spread(bare));
    }
    let _ = write!(text, "{:>8} ", "touched");
    for curve in &latency.curves {
        let _ = write!(text, "  {:<28}", curve.kind.name());
    }
    end_line(&mut text);
    let longest = latency.curves.iter().max_by_key(|curve| curve.points.len());
    for (index, point) in longest
        .iter()
        .flat_map(|curve| curve.points.iter().enumerate())
    {
        let _ = write!(text, "{:>4} MiB ", point.bytes >> 20);
        for curve in &latency.curves {
            let _ = write!(text, "  {:<28}", cell(curve, index));
        }
        end_line(&mut text);
    }
    text.push('\n');
    for curve in &latency.curves {
        if let Some(why) = &curve.stopped {
            let _ = writeln!(text, "{}: stops early: {why}", curve.kind.name());
        }
    }
    let _ = writeln!(
        text,
        "{}measured in {:.1} s",
        if latency.complete { "" } else { "partial: " },
        latency.nanoseconds as f64 / 1e9
    );
    text
}

fn cell(curve: &Curve, index: usize) -> String {
    curve.points.get(index).map_or("–".to_owned(), |point| {
        let small = point.huge.is_some_and(|huge| huge < point.bytes);
        let note = if curve.kind == crate::latency::Kind::Huge && small {
            "*"
        } else {
            ""
        };
        format!("{}{note}", spread(&point.fork))
    })
}

fn spread(spread: &Spread) -> String {
    format!(
        "{} ({}–{})",
        time(spread.median),
        time(spread.lower),
        time(spread.upper)
    )
}

/// Nanoseconds with three digits that matter.
pub(in crate::command) fn time(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0..1_000 => (nanoseconds as f64, "ns"),
        1_000..1_000_000 => (nanoseconds as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        _ => (nanoseconds as f64 / 1e9, "s"),
    };
    let digits = match value {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push('\n');
}

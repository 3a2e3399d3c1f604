//! The report for people.

use super::baseline::Baseline;
use crate::channel::rerun;
use crate::command::show;
use crate::sweep::{Group, Point, Shape, Swept, Verdict};
use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};

/// How many lines a list has before it is cut.
const LINES: usize = 12;

pub(super) fn report(swept: &Swept, baseline: &Baseline) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, swept, baseline);
    out
}

fn write(out: &mut String, swept: &Swept, baseline: &Baseline) -> fmt::Result {
    verdicts(out, &swept.points)?;
    for group in &swept.groups {
        write_group(out, group, baseline.lists(&group.key))?;
    }
    budgets(out, swept)?;
    confidence(out, swept)?;
    again(out, swept)?;
    let total = swept
        .points
        .iter()
        .filter(|point| !point.shape.once)
        .count();
    let new = swept
        .groups
        .iter()
        .filter(|group| !baseline.lists(&group.key))
        .count();
    writeln!(
        out,
        "\n{total} points of {} calls in {:.2?}: {} groups of crashes, hangs and leaks, {new} of them new",
        swept.selected,
        swept.took,
        swept.groups.len()
    )?;
    if swept.interrupted {
        writeln!(out, "interrupted: this is what was found so far")?;
    }
    Ok(())
}

fn shapes(points: &[Point]) -> Vec<Shape> {
    let shapes: BTreeSet<Shape> = points
        .iter()
        .map(|point| point.shape)
        .filter(|shape| !shape.once)
        .collect();
    shapes.into_iter().collect()
}

fn verdicts(out: &mut String, points: &[Point]) -> fmt::Result {
    let shapes = shapes(points);
    write!(out, "\n{:<12}", "")?;
    for shape in &shapes {
        write!(out, " {shape:>12}")?;
    }
    writeln!(out)?;
    for verdict in Verdict::ALL {
        let counts: Vec<usize> = shapes
            .iter()
            .map(|shape| {
                points
                    .iter()
                    .filter(|point| point.shape == *shape && point.verdict == verdict)
                    .count()
            })
            .collect();
        if counts.iter().any(|count| *count > 0) {
            write!(out, "{verdict:<12}")?;
            for count in counts {
                write!(out, " {count:>12}")?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn write_group(out: &mut String, group: &Group, known: bool) -> fmt::Result {
    let shapes: Vec<String> = group.shapes.iter().map(Shape::to_string).collect();
    let module = group
        .module
        .as_ref()
        .map(|module| format!(" in {module}"))
        .unwrap_or_default();
    let bytes = if group.lost_bytes > 0 {
        format!(", up to {} bytes lost", group.lost_bytes)
    } else {
        String::new()
    };
    let known = if known { ", in the baseline" } else { "" };
    writeln!(
        out,
        "\n{} ({}){module}: {} points ({}){bytes}{known}",
        group.verdict,
        group.ending,
        group.points,
        shapes.join(", ")
    )?;
    writeln!(out, "  at        {}", show::join(&group.stack))?;
    if group.stack != group.failed_at {
        writeln!(out, "  failed    {}", show::short(&group.failed_at))?;
    }
    if !group.reproducer.is_empty() {
        let confirmed = if group.confirmed {
            ""
        } else {
            "  # not the same when run from the start"
        };
        writeln!(out, "  reproduce {}{confirmed}", group.reproducer)?;
    }
    Ok(())
}

fn budgets(out: &mut String, swept: &Swept) -> fmt::Result {
    if swept.budgets.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nretry budgets:")?;
    for budget in swept.budgets.iter().take(LINES) {
        writeln!(out, "  {}  {}", show::short(&budget.stack), budget.words())?;
    }
    more(out, swept.budgets.len())
}

/// Points that one failure does not test and two do.
fn confidence(out: &mut String, swept: &Swept) -> fmt::Result {
    let of = |shape: Shape| -> HashMap<usize, Verdict> {
        let points = swept.points.iter().filter(|point| point.shape == shape);
        points
            .filter_map(|point| Some((point.call?, point.verdict)))
            .collect()
    };
    let (once, twice) = (of(Shape::consecutive(1)), of(Shape::consecutive(2)));
    let count = once
        .iter()
        .filter(|(call, verdict)| {
            **verdict == Verdict::Masked
                && twice.get(call).is_some_and(|then| *then != Verdict::Masked)
        })
        .count();
    if count == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "\nfalse confidence: {count} calls are masked when they fail once, and something else when they fail twice"
    )
}

fn again(out: &mut String, swept: &Swept) -> fmt::Result {
    let mut counts = [0_usize; 6];
    for point in &swept.points {
        counts[point.again as usize % 6] += 1;
    }
    let words = [
        (rerun::THREADS, "the program had more than one thread"),
        (
            rerun::FORKED,
            "the call is made in a process that the program forked",
        ),
        (rerun::SHARED, "a pipe, socket or writable file was open"),
        (rerun::REFUSED, "the system refused to fork"),
        (rerun::MAPPED, "writable memory was shared"),
    ];
    if swept.disturbed {
        return writeln!(
            out,
            "\nrun from the start: all, for forked children disturbed the program's own run"
        );
    }
    for (why, words) in words {
        if counts[why as usize] > 0 {
            writeln!(
                out,
                "\nrun from the start: {} points, for {words}",
                counts[why as usize]
            )?;
        }
    }
    Ok(())
}

fn more(out: &mut String, len: usize) -> fmt::Result {
    if len > LINES {
        writeln!(out, "  … and {} more (--json lists all)", len - LINES)?;
    }
    Ok(())
}

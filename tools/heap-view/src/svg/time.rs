//! Every block as a box: from left to right the events it lived through, from top to bottom its bytes.

use super::{Drawing, INNER, LEFT};
use crate::event::Action;
use crate::picture::Window;
use std::collections::HashSet;
use std::fmt::Write;

const HEIGHT: f64 = 120.0;

/// Boxes smaller than this are drawn once for each place, however many there are.
const GRAIN: f64 = 1.0;

pub(super) fn draw(drawing: &mut Drawing<'_>, window: Window) {
    let events = drawing.trace.events.len().max(1) as f64;
    let (x_scale, y_scale) = (INNER / events, HEIGHT / window.len().max(1) as f64);
    let ground = &drawing.history.regions[window.ground];
    let x_of = |event: usize| LEFT + event as f64 * x_scale;
    let end_of = |died: Option<usize>| died.map_or(LEFT + INNER, x_of);
    let top = drawing.y;
    let (from, to) = (x_of(ground.born), end_of(ground.died));
    let width = to - from;
    let _ = writeln!(
        drawing.body,
        "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" class=\"unused\"/>"
    );
    let mut taken = HashSet::new();
    for (row, placement) in drawing.history.placements.iter().enumerate() {
        let (start, end) = (placement.extent.start(), placement.extent.end());
        let (Some(start), Some(end)) = (start, end) else {
            continue;
        };
        if placement.ground != window.ground || start < window.from || start >= window.to {
            continue;
        }
        let x = x_of(placement.born);
        let y = top + (start - window.from) as f64 * y_scale;
        let width = end_of(placement.died.map(|(event, _)| event)) - x;
        let height = (end.min(window.to) - start) as f64 * y_scale;
        let is_small = width < GRAIN || height < GRAIN;
        let place = ((x / GRAIN) as i64, (y / GRAIN) as i64);
        if is_small && !taken.insert(place) {
            continue;
        }
        let colour = drawing.colour(row);
        let _ = write!(
            drawing.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" style=\"fill:{colour}\"",
            width.max(GRAIN / 2.0),
            height.max(GRAIN / 2.0)
        );
        // Nobody can point at what is smaller than a pixel.
        let _ = match is_small {
            true => writeln!(drawing.body, "/>"),
            false => {
                let what = drawing.block(row);
                writeln!(drawing.body, "><title>{what}</title></rect>")
            }
        };
    }
    draw_writes(drawing, window, (x_scale, y_scale));
    draw_marks(drawing, window, (x_scale, y_scale));
    let now = x_of(drawing.moment);
    let _ = writeln!(
        drawing.body,
        "<line x1=\"{now:.1}\" x2=\"{now:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" class=\"now\"/>",
        top - 3.0,
        top + HEIGHT + 3.0
    );
    drawing.y += HEIGHT;
}

fn draw_writes(drawing: &mut Drawing<'_>, window: Window, (x_scale, y_scale): (f64, f64)) {
    let mut taken = HashSet::new();
    for (index, event) in drawing.trace.events.iter().enumerate() {
        let Action::Write { region, at, size } = event.action else {
            continue;
        };
        let ground = drawing.history.ground_at(region, index);
        if ground != Some(window.ground) || !(window.from..window.to).contains(&at) {
            continue;
        }
        let x = LEFT + index as f64 * x_scale;
        let y = drawing.y + (at - window.from) as f64 * y_scale;
        if taken.insert((x as i64, y as i64)) {
            let _ = writeln!(
                drawing.body,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" class=\"write\"><title>write: {size} bytes at {at}</title></circle>"
            );
        }
    }
}

fn draw_marks(drawing: &mut Drawing<'_>, window: Window, (x_scale, y_scale): (f64, f64)) {
    let marks = drawing.history.marks.iter();
    for mark in marks.filter(|mark| mark.ground == window.ground) {
        let class = crate::picture::state_of(mark.violation).name();
        let x = LEFT + mark.born as f64 * x_scale;
        let offset = mark.at.clamp(window.from, window.to) - window.from;
        let y = drawing.y + offset as f64 * y_scale;
        let _ = writeln!(
            drawing.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"{class}\"><title>{}: {} bytes at {}</title></circle>",
            mark.violation.name(),
            mark.size,
            mark.at
        );
    }
}

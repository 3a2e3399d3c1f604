//! Fork's time as a chart, both axes logarithmic.

use super::svg::{Anchor, Svg};
use crate::command::json::kernel_version;
use crate::command::text::curves::time;
use crate::latency::Latency;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// The edges of the ground: left, top, right, bottom.
const GROUND: [f64; 4] = [70.0, 50.0, 560.0, 370.0];

/// From what is measured to where it is drawn.
struct Scale {
    bytes: [f64; 2],
    nanoseconds: [f64; 2],
}

impl Scale {
    fn over(latency: &Latency) -> Self {
        let points = || latency.curves.iter().flat_map(|curve| &curve.points);
        let most_bytes = points().map(|point| point.bytes).max().unwrap_or(4 << 20);
        let least = points()
            .map(|point| point.fork.lower)
            .min()
            .unwrap_or(1_000);
        let most = points()
            .map(|point| point.fork.upper)
            .max()
            .unwrap_or(1_000_000);
        Self {
            bytes: [20.0, (most_bytes.max(4 << 20) as f64).log2()],
            nanoseconds: [
                (least.max(1) as f64).log10().floor(),
                (most.max(10) as f64).log10().ceil(),
            ],
        }
    }

    fn x(&self, bytes: usize) -> f64 {
        let [left, _, right, _] = GROUND;
        let [from, to] = self.bytes;
        left + ((bytes as f64).log2() - from) / (to - from) * (right - left)
    }

    fn y(&self, nanoseconds: u64) -> f64 {
        let [_, top, _, bottom] = GROUND;
        let [from, to] = self.nanoseconds;
        bottom - ((nanoseconds.max(1) as f64).log10() - from) / (to - from) * (bottom - top)
    }
}

/// A line for each kind of memory, with the middle half of the runs as a bar.
pub(in crate::command) fn latency(latency: &Latency) -> String {
    let title = format!(
        "How long fork takes, by memory touched, Linux {}",
        kernel_version()
    );
    let mut svg = Svg::new(WIDTH, HEIGHT, &title);
    svg.text(10.0, 24.0, Anchor::Start, "title", &title);
    let scale = Scale::over(latency);
    axes(&mut svg, &scale, latency);
    for (index, curve) in latency.curves.iter().enumerate() {
        let (line, dot) = (format!("line{index}"), format!("dot{index}"));
        let at = |point: &crate::latency::Point| (scale.x(point.bytes), scale.y(point.fork.median));
        let places: Vec<_> = curve.points.iter().map(at).collect();
        svg.line(&line, &places);
        for point in &curve.points {
            let x = scale.x(point.bytes);
            svg.line(
                &line,
                &[
                    (x, scale.y(point.fork.lower)),
                    (x, scale.y(point.fork.upper)),
                ],
            );
            let what = format!(
                "{}, {} MiB: {}",
                curve.kind.name(),
                point.bytes >> 20,
                time(point.fork.median)
            );
            svg.dot(at(point), &dot, &what);
        }
        let y = GROUND[1] + 20.0 * index as f64 + 10.0;
        svg.dot((GROUND[2] + 25.0, y - 4.0), &dot, curve.kind.name());
        svg.text(GROUND[2] + 35.0, y, Anchor::Start, "", curve.kind.name());
    }
    svg.finish()
}

fn axes(svg: &mut Svg, scale: &Scale, latency: &Latency) {
    let [left, top, right, bottom] = GROUND;
    let [from, to] = scale.nanoseconds;
    for exponent in from as u32..=to as u32 {
        let value = 10_u64.pow(exponent);
        let y = scale.y(value);
        svg.line("grid", &[(left, y), (right, y)]);
        svg.text(left - 8.0, y + 4.0, Anchor::End, "faint", &time(value));
    }
    let longest = latency.curves.iter().max_by_key(|curve| curve.points.len());
    for point in longest.iter().flat_map(|curve| &curve.points) {
        let x = scale.x(point.bytes);
        svg.text(
            x,
            bottom + 18.0,
            Anchor::Middle,
            "faint",
            &format!("{} MiB", point.bytes >> 20),
        );
    }
    svg.line("axis", &[(left, top), (left, bottom), (right, bottom)]);
    svg.text(
        (left + right) / 2.0,
        bottom + 38.0,
        Anchor::Middle,
        "faint",
        "touched before the fork",
    );
}

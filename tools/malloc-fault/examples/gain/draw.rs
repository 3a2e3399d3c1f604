//! The picture of what was measured.

use serde_json::Value;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 370.0;

/// Run time to the right, from 1 to 100 ms, gain upward, from 1 to 100; both by tens.
pub(crate) fn draw(rows: &[Value]) -> String {
    let x = |ms: f64| LEFT + ms.max(1.0).log10() / 2.0 * (WIDTH - LEFT - 40.0);
    let y = |gain: f64| BOTTOM - gain.max(1.0).log10() / 2.0 * (BOTTOM - 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>Gain of a fork at each failure point against a run from the start, by the program's run time</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for mark in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        let (at, up) = (x(mark), y(mark));
        let _ = write!(
            svg,
            "<path d=\"M{at:.0} {BOTTOM}V40M{LEFT} {up:.0}H{right}\" stroke=\"#ddd\"/>\n\
             <text x=\"{at:.0}\" y=\"{below}\" text-anchor=\"middle\">{mark}</text>\n\
             <text x=\"{before}\" y=\"{middle:.0}\" text-anchor=\"end\">{mark}</text>\n",
            right = WIDTH - 40.0,
            below = BOTTOM + 18.0,
            before = LEFT - 8.0,
            middle = up + 4.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"24\">gain: times as fast as running every point from the start; one point at a time</text>\n\
         <text x=\"{middle}\" y=\"{under}\" text-anchor=\"middle\">one run of the program, in ms</text>\n",
        middle = WIDTH / 2.0,
        under = BOTTOM + 38.0
    );
    let number = |row: &Value, field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    let mut rows: Vec<&Value> = rows.iter().filter(|row| row["jobs"] == "1").collect();
    rows.sort_by(|a, b| number(a, "run_ms").total_cmp(&number(b, "run_ms")));
    let is_real = |row: &&Value| !name(row).contains(',');
    let real = rows.iter().copied().filter(is_real).count();
    let mut real_before = 0;
    for row in rows {
        let (at, up) = (x(number(row, "run_ms")), y(number(row, "gain")));
        // Made programs have their names above, real ones below at two heights, away from the middle.
        let (short, color, to, anchor) = match name(row).split_once(", ") {
            Some((_, steps)) => (
                steps.trim_end_matches(" between"),
                "#0072b2",
                up - 10.0,
                "end",
            ),
            None => {
                real_before += 1;
                let anchor = if 2 * real_before > real {
                    "start"
                } else {
                    "end"
                };
                let below = if real_before % 2 == 0 { 38.0 } else { 20.0 };
                (name(row), "#d55e00", up + below, anchor)
            }
        };
        let _ = write!(
            svg,
            "<circle cx=\"{at:.0}\" cy=\"{up:.0}\" r=\"5\" fill=\"{color}\"/>\n\
             <text x=\"{at:.0}\" y=\"{to:.0}\" text-anchor=\"{anchor}\">{short}: {gain}</text>\n",
            gain = number(row, "gain")
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn name(row: &Value) -> &str {
    row["name"].as_str().unwrap_or("")
}

//! A small writer of SVG.

use std::fmt::{Display, Write};

/// Colours that can be told apart without seeing colours, on light and on dark ground.
const STYLE: &str = "\
text{font:12px ui-monospace,monospace;fill:#1b1b1b}.title{font-size:15px;font-weight:600}\
.faint{fill:#666}.axis{stroke:#999;fill:none}.grid{stroke:#ddd;fill:none}.ground{fill:#fff}\
.shared{fill:#9ecae1;stroke:#4a90b8}.child{fill:#e6842a;stroke:#a85a10}.parent{fill:#31688e;stroke:#1d4460}\
.absent{fill:none;stroke:#999;stroke-dasharray:2 2}.zeroed{fill:#eee;stroke:#999}.unknown{fill:#f3d9fa;stroke:#999}\
.line0{stroke:#e6842a;fill:none;stroke-width:2}.line1{stroke:#31688e;fill:none;stroke-width:2}\
.line2{stroke:#35b779;fill:none;stroke-width:2}.line3{stroke:#8e44ad;fill:none;stroke-width:2}\
.line4{stroke:#c0392b;fill:none;stroke-width:2}\
.dot0{fill:#e6842a}.dot1{fill:#31688e}.dot2{fill:#35b779}.dot3{fill:#8e44ad}.dot4{fill:#c0392b}\
@media(prefers-color-scheme:dark){text{fill:#eee}.faint{fill:#aaa}.ground{fill:#1b1b1b}.grid{stroke:#444}}";

/// To which end of a text its position belongs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
pub(super) struct Svg(String);

impl Svg {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let title = escaped(title);
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n"
        ))
    }

    /// A rectangle of `[x, y, width, height]` that says what it is when pointed at.
    pub(super) fn rect(&mut self, [x, y, width, height]: [f64; 4], class: &str, what: &str) {
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"><title>{}</title></rect>",
            escaped(what)
        ));
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        ));
    }

    pub(super) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        self.put(format_args!(
            "<polyline class=\"{class}\" points=\"{}\"/>",
            points.join(" ")
        ));
    }

    /// A dot that says what it is when pointed at.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), class: &str, what: &str) {
        self.put(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{}</title></circle>",
            escaped(what)
        ));
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    fn put(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

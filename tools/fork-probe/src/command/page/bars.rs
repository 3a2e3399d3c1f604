//! The bill as bars: what user data made the kernel copy, and what metadata did.

use super::svg::{Anchor, Svg};
use crate::bill::{Bill, Workload};
use crate::command::json::kernel_version;
use crate::hazards::Amplification;

const LEFT: f64 = 190.0;
const LONGEST: f64 = 430.0;
const ROW: f64 = 30.0;
const TOP: f64 = 80.0;

/// Bytes copied by single-byte writes.
pub(in crate::command) fn amplification(seen: Option<&Amplification>) -> String {
    let title = format!(
        "Bytes copied for single bytes written, Linux {}",
        kernel_version()
    );
    let mut svg = Svg::new(LEFT + LONGEST + 260.0, TOP + 3.0 * ROW, &title);
    svg.text(10.0, 24.0, Anchor::Start, "title", &title);
    let bars = seen.map(|seen| {
        [
            ("OS pages, each", seen.os_pages),
            ("huge pages, each OS page", seen.huge_pages),
            ("huge pages, once each", seen.huge_pages_once),
        ]
    });
    for (index, (name, copies)) in bars.into_iter().flatten().enumerate() {
        let y = TOP - 30.0 + ROW * index as f64;
        let copied = copies.copied.unwrap_or(0);
        let width = LONGEST * copied as f64 / copies.inherited as f64;
        let figures = format!("{} written, {copied} copied", copies.written);
        svg.text(LEFT - 10.0, y + 14.0, Anchor::End, "", name);
        svg.rect([LEFT, y, width.max(1.0), 18.0], "child", &figures);
        svg.text(
            LEFT + width + 8.0,
            y + 14.0,
            Anchor::Start,
            "faint",
            &figures,
        );
    }
    svg.finish()
}

/// A bar for each bill.
pub(in crate::command) fn bills(work: &Workload, bills: &[Bill]) -> String {
    let title = format!(
        "Pages copied for {} deeds of 8 bytes in a tree of {} blocks, Linux {}",
        work.deeds,
        work.blocks,
        kernel_version()
    );
    let height = TOP + ROW * bills.len() as f64 + 20.0;
    let mut svg = Svg::new(LEFT + LONGEST + 140.0, height, &title);
    svg.text(10.0, 24.0, Anchor::Start, "title", &title);
    for (x, class, name) in [
        (10.0, "parent", "user data"),
        (130.0, "child", "metadata alone"),
    ] {
        svg.rect([x, 42.0, 12.0, 12.0], class, name);
        svg.text(x + 18.0, 52.0, Anchor::Start, "", name);
    }
    let most = bills
        .iter()
        .map(|bill| bill.items.len())
        .max()
        .unwrap_or(0)
        .max(1);
    let scale = |pages: usize| LONGEST * pages as f64 / most as f64;
    for (index, bill) in bills.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let name = format!("{}, {}", bill.allocator, bill.deed.name());
        svg.text(LEFT - 10.0, y + 14.0, Anchor::End, "", &name);
        let (data, metadata) = (bill.pages_by_user_data(), bill.pages_by_metadata());
        svg.rect(
            [LEFT, y, scale(data), 18.0],
            "parent",
            &format!("{name}: {data} pages by user data"),
        );
        let what = format!("{name}: {metadata} pages by metadata alone");
        svg.rect(
            [LEFT + scale(data), y, scale(metadata), 18.0],
            "child",
            &what,
        );
        let figures = format!("{data} + {metadata}");
        let end = LEFT + scale(data + metadata) + 8.0;
        svg.text(end, y + 14.0, Anchor::Start, "faint", &figures);
    }
    svg.finish()
}

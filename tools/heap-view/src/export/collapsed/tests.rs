//! Stacks by hand, and as inferno reads them.

use super::*;
use crate::event::{Action, BlockId, Event, Extent, RegionId};
use crate::trace::{Frame, Site};

const REGION: RegionId = RegionId(0);

fn site(trace: &mut Trace, functions: &[&str]) -> crate::SiteId {
    let frame = |function: &&str| Frame {
        function: (*function).to_owned(),
        ..Frame::default()
    };
    let frames = functions.iter().map(frame).collect();
    trace.site(Site { frames })
}

/// Two blocks from one stack, one from another, one from nowhere; the first is freed.
fn recording() -> Trace {
    let mut trace = Trace::new("stacks");
    let (region, base, size) = (REGION, 0, 0);
    trace.record(Event::new(Action::Map { region, base, size }));
    let inner = site(&mut trace, &["make<T; 3>", "work\nhard", "main"]);
    let outer = site(&mut trace, &["main"]);
    for (block, size, site) in [
        (1, 100, Some(inner)),
        (2, 50, Some(inner)),
        (3, 7, Some(outer)),
        (4, 1, None),
    ] {
        let alloc = Action::Alloc {
            region,
            block: BlockId(block),
            to: Extent::new(block * 1000, size),
            align: 8,
            tag: None,
        };
        let mut event = Event::new(alloc);
        event.site = site;
        trace.record(event);
    }
    let block = BlockId(1);
    trace.record(Event::new(Action::Free { region, block }));
    trace
}

fn stacks(trace: &Trace, weight: Weight) -> String {
    let mut out = Vec::new();
    collapsed(trace, weight, &mut out).expect("written");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_stack_is_a_line_outermost_first() {
    let trace = recording();
    let stack = "main;work hard;make<T: 3>";
    for (weight, counts) in [
        (Weight::Bytes, [7, 150, 1]),
        (Weight::Blocks, [1, 2, 1]),
        (Weight::LiveAt(2), [0, 100, 0]),
        (Weight::LiveAt(5), [7, 150, 1]),
        (Weight::LiveAt(6), [7, 50, 1]),
    ] {
        let lines = ["main", stack, "unknown"].into_iter().zip(counts);
        let lines = lines.filter(|(_, count)| *count > 0);
        let expected: String = lines
            .map(|(stack, count)| format!("{stack} {count}\n"))
            .collect();
        assert_eq!(stacks(&trace, weight), expected, "{weight:?}");
    }
}

#[test]
fn inferno_draws_every_stack() {
    let text = stacks(&recording(), Weight::Bytes);
    let mut options = inferno::flamegraph::Options::default();
    options.count_name = "bytes".to_owned();
    let mut graph = Vec::new();
    inferno::flamegraph::from_lines(&mut options, text.lines(), &mut graph).expect("a graph");
    let graph = String::from_utf8(graph).expect("text");
    // As inferno writes a frame: its name, what it counts, its share.
    for frame in [
        "make&lt;T: 3&gt; (150 bytes",
        "work hard (150 bytes",
        "main (157 bytes",
        "unknown (1 bytes",
        "all (158 bytes",
    ] {
        assert!(graph.contains(frame), "{frame} is missing in {graph}");
    }
}

//! What the tests of the pictures share: a recording as large as wanted.

// Each test target compiles this file for itself and uses a part of it.
#![allow(dead_code, reason = "no target uses all of it")]

pub(crate) mod browser;

use heap_view::{Action, BlockId, Event, Extent, Frame, RegionId, Site, Trace, Violation};
use std::path::PathBuf;

/// A heap of this many events: blocks of many sizes and lifetimes, placed first-fit in slots.
pub(crate) fn busy(events: usize) -> Trace {
    let mut trace = Trace::new("a busy heap");
    let region = RegionId(0);
    let heap = trace.label("heap");
    let sites: Vec<_> = (1..=200)
        .map(|line| {
            let frame = |function: &str, line| Frame {
                function: function.to_owned(),
                file: format!("src/part_{}.rs", line % 17),
                line,
                column: 9,
            };
            let frames = vec![
                frame(&format!("make_{line}"), line),
                frame("work", 7),
                frame("main", 3),
            ];
            trace.site(Site { frames })
        })
        .collect();
    let (base, size) = (0x7f00_0000_0000, 64 << 20);
    trace.record(Event::new(Action::Map { region, base, size }).labelled(heap));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let (mut live, mut holes, mut top) = (Vec::new(), Vec::new(), 0);
    for index in 1..events as u64 {
        let site = sites[draw(200) as usize];
        let near = |action| {
            let event = Event::new(action).at_time(index * 130);
            event.on_thread((index % 4) as u32).from_site(site)
        };
        let frees = !live.is_empty() && draw(100) < 46;
        if frees {
            let row = draw(live.len() as u64) as usize;
            let (block, slot) = live.swap_remove(row);
            holes.push(slot);
            trace.record(near(Action::Free { region, block }));
            continue;
        }
        let slot = holes.pop().unwrap_or_else(|| {
            top += 1;
            top - 1
        });
        let block = BlockId(index);
        live.push((block, slot));
        let alloc = Action::Alloc {
            region,
            block,
            to: Extent::new(slot * 512 + 16, 16 + draw(480)).within(16, 0),
            align: 16,
            tag: Some(draw(5) as u32),
        };
        trace.record(near(alloc));
    }
    trace
}

/// A small story in which something goes wrong, in two regions.
pub(crate) fn story() -> Trace {
    let mut trace = Trace::new("demo </script><b>09b</b> & \"more\"");
    let (region, other) = (RegionId(0), RegionId(1));
    let labels = ["base", "child", "First block ok.", "Second block too."];
    let [base, child, first, second] = labels.map(|text| trace.label(text));
    let frames = vec![Frame {
        function: "greet".to_owned(),
        file: "src/main.rs".to_owned(),
        line: 7,
        column: 20,
    }];
    let site = trace.site(Site { frames });
    let alloc = |region, block, at, size| Action::Alloc {
        region,
        block: BlockId(block),
        to: Extent::new(at, size),
        align: 1,
        tag: None,
    };
    let map = Action::Map {
        region,
        base: 0x7000,
        size: 256,
    };
    trace.record(Event::new(map).labelled(base));
    trace.record(
        Event::new(alloc(region, 1, 0, 32))
            .labelled(first)
            .from_site(site),
    );
    trace.record(
        Event::new(alloc(region, 2, 32, 32))
            .labelled(second)
            .from_site(site),
    );
    let fork = Action::Fork {
        from: region,
        to: other,
    };
    trace.record(Event::new(fork).labelled(child));
    trace.record(Event::new(alloc(other, 3, 64, 64)));
    let (at, size) = (20, 13);
    trace.record(Event::new(Action::Write { region, at, size }));
    let fault = Action::Fault {
        violation: Violation::Overflow,
        region,
        at: 32,
        size: 1,
        block: Some(BlockId(1)),
    };
    trace.record(Event::new(fault).from_site(site));
    trace.record(Event::new(Action::Unmap { region: other }));
    trace
}

/// Where this target's files go: a folder that no other test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a scratch directory");
    path
}

//! The figures of each point, by hand; the file, field by field.

use super::*;
use crate::event::{Action, BlockId, Event, Extent, RegionId};
use crate::trace::{Frame, Site};
use serde_json::{Value, json};

const REGION: RegionId = RegionId(0);

/// A recording in which each event comes ten nanoseconds after the one before.
struct Tape {
    trace: Trace,
    next: u64,
}

impl Tape {
    fn new() -> Self {
        let mut tape = Self {
            trace: Trace::new("tape"),
            next: 10,
        };
        let (region, base, size) = (REGION, 0, 0);
        tape.record(Action::Map { region, base, size }, "");
        tape
    }

    fn record(&mut self, action: Action, function: &str) {
        let mut event = Event::new(action).at_time(self.next);
        self.next += 10;
        if !function.is_empty() {
            let frame = |function: &str| Frame {
                function: function.to_owned(),
                ..Frame::default()
            };
            let frames = vec![frame(function), frame("main")];
            event.site = Some(self.trace.site(Site { frames }));
        }
        self.trace.record(event);
    }

    fn alloc(&mut self, block: u64, size: u64, function: &str) {
        let alloc = Action::Alloc {
            region: REGION,
            block: BlockId(block),
            to: Extent::new(block * 1000, size),
            align: 8,
            tag: None,
        };
        self.record(alloc, function);
    }

    fn free(&mut self, block: u64) {
        let (region, block) = (REGION, BlockId(block));
        self.record(Action::Free { region, block }, "");
    }

    fn realloc(&mut self, block: u64, size: u64) {
        let (region, block, to) = (REGION, BlockId(block), Extent::new(block * 1000, size));
        self.record(Action::Realloc { region, block, to }, "elsewhere");
    }

    fn file(&self) -> Value {
        let mut out = Vec::new();
        dhat(&self.trace, &mut out).expect("written");
        serde_json::from_slice(&out).expect("JSON")
    }
}

#[test]
fn each_site_is_a_point_with_its_figures() {
    let mut tape = Tape::new();
    tape.alloc(1, 100, "a"); // at 20
    tape.alloc(2, 50, "b"); // at 30
    tape.free(1); // at 40
    tape.alloc(3, 30, "a"); // at 50
    tape.realloc(3, 130); // at 60: 180 live, the most
    tape.realloc(3, 20); // at 70
    tape.alloc(4, 5, "a"); // at 80, the end
    let file = tape.file();
    assert_eq!((&file["tg"], &file["te"]), (&json!(60), &json!(80)));
    assert_eq!((&file["tu"], &file["Mtu"]), (&json!("ns"), &json!("ms")));
    assert_eq!(file["ftbl"], json!(["[root]", "a", "main", "b"]));
    let a = json!({
        "tb": 235, "tbk": 3, "tl": 20 + 30,
        "mb": 130, "mbk": 1, "gb": 130, "gbk": 1, "eb": 25, "ebk": 2,
        "fs": [1, 2],
    });
    let b = json!({
        "tb": 50, "tbk": 1, "tl": 50,
        "mb": 50, "mbk": 1, "gb": 50, "gbk": 1, "eb": 50, "ebk": 1,
        "fs": [3, 2],
    });
    assert_eq!(file["pps"], json!([a, b]));
}

#[test]
fn the_file_has_the_fields_of_version_2_and_no_other() {
    let file = Tape::new().file();
    let fields = file.as_object().expect("an object").keys();
    let expected = [
        "Mtu",
        "bkacc",
        "bklt",
        "cmd",
        "dhatFileVersion",
        "ftbl",
        "mode",
        "pid",
        "pps",
        "te",
        "tg",
        "tu",
        "tuth",
        "verb",
    ];
    assert_eq!(fields.collect::<Vec<_>>(), expected);
    assert_eq!(file["dhatFileVersion"], 2);
    assert_eq!(
        (&file["bklt"], &file["bkacc"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn without_a_clock_times_are_events() {
    let mut tape = Tape::new();
    tape.alloc(1, 100, "");
    for event in &mut tape.trace.events {
        event.time = 0;
    }
    let file = tape.file();
    assert_eq!(
        (&file["tu"], &file["te"], &file["tg"]),
        (&json!("events"), &json!(2), &json!(2))
    );
    assert_eq!(file["ftbl"], json!(["[root]", "unknown"]));
}

#[test]
fn clocks_that_disagree_do_not_run_back() {
    let mut tape = Tape::new();
    tape.alloc(1, 100, "a");
    tape.free(1);
    tape.trace.events[1].time = 500;
    let file = tape.file();
    assert_eq!(
        (&file["te"], &file["pps"][0]["tl"]),
        (&json!(500), &json!(0))
    );
}

#[test]
fn two_sites_that_read_the_same_are_one_point() {
    let mut tape = Tape::new();
    tape.alloc(1, 100, "");
    tape.alloc(2, 100, "");
    // Not known, and said to be unknown.
    let frames = vec![Frame::default()];
    tape.trace.events[2].site = Some(tape.trace.site(Site { frames }));
    let file = tape.file();
    assert_eq!(file["pps"].as_array().map(Vec::len), Some(1));
    assert_eq!(file["pps"][0]["tbk"], 2);
}

#[test]
fn what_a_child_inherits_is_not_allocated_again() {
    let mut tape = Tape::new();
    tape.alloc(1, 100, "a");
    let (from, to) = (REGION, RegionId(1));
    tape.record(Action::Fork { from, to }, "");
    let in_child = Action::Free {
        region: to,
        block: BlockId(1),
    };
    tape.record(in_child, "");
    let point = &tape.file()["pps"][0];
    assert_eq!((&point["tb"], &point["eb"]), (&json!(100), &json!(100)));
}

#[test]
fn rewinds_resets_and_moves_are_counted_as_what_they_are() {
    let (region, to) = (REGION, 2000);
    let mut tape = Tape::new();
    tape.alloc(1, 100, "a");
    tape.alloc(2, 50, "b");
    tape.record(Action::Rewind { region, to }, "");
    let block = BlockId(1);
    tape.record(Action::Move { region, block, to }, "");
    assert_eq!(tape.file()["pps"][0]["eb"], 100);
    assert_eq!(tape.file()["pps"][1]["eb"], 0);
    tape.record(Action::Reset { region }, "");
    let point = &tape.file()["pps"][0];
    assert_eq!(
        (&point["tb"], &point["tbk"], &point["eb"]),
        (&json!(100), &json!(1), &json!(0))
    );
}

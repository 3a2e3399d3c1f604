//! What is written is read again; what is damaged is said with its line.

use super::*;
use crate::event::{Action, BlockId, Event, Extent, RegionId, Violation};
use crate::snapshot::{Snapshot, Span, State};
use crate::trace::{Frame, Site, Trace};
use proptest::prelude::*;

const REGION: RegionId = RegionId(0);

/// One event of every kind, with every field that an event can have.
fn everything() -> Trace {
    let mut trace = Trace::new("every kind, \"quoted\" and 🤡");
    let label = trace.label("Hello\n\"arena\"");
    let site = trace.site(Site {
        frames: vec![
            Frame {
                function: "make".to_owned(),
                file: "src/a.rs".to_owned(),
                line: 3,
                column: 5,
            },
            Frame {
                function: "main".to_owned(),
                ..Frame::default()
            },
        ],
    });
    let (region, block) = (REGION, BlockId(1));
    let to = Extent::new(64, 32).within(16, 8);
    let (at, size) = (0, 1);
    let actions = [
        Action::Map {
            region,
            base: 0x7fff_ffff_f000,
            size: 4096,
        },
        Action::Alloc {
            region,
            block,
            to,
            align: 16,
            tag: Some(0x4001),
        },
        Action::Realloc { region, block, to },
        Action::Move {
            region,
            block,
            to: 128,
        },
        Action::Refuse {
            region,
            size: u64::MAX,
            align: 8,
        },
        Action::Write { region, at, size },
        Action::Read { region, at, size },
        Action::Fork {
            from: region,
            to: RegionId(1),
        },
        Action::Fault {
            violation: Violation::Overflow,
            region,
            at,
            size,
            block: Some(block),
        },
        Action::Note,
        Action::Free { region, block },
        Action::Rewind { region, to: 0 },
        Action::Reset { region },
        Action::Unmap { region },
    ];
    for (index, action) in actions.into_iter().enumerate() {
        let event = Event::new(action).at_time(index as u64 * 10).on_thread(2);
        trace.record(event.from_site(site).labelled(label));
        if index == 4 {
            let pinned = Span {
                label: Some(label),
                tag: Some(3),
                ..Span::new(0, 64, State::Pinned)
            };
            trace.snapshot(Snapshot {
                region,
                label: Some(label),
                spans: vec![pinned, Span::new(64, 8, State::Margin)],
            });
        }
    }
    trace.dropped = 3;
    trace
}

fn text_of(trace: &Trace) -> String {
    let mut file = Vec::new();
    write(trace, &mut file).expect("a Vec takes all");
    String::from_utf8(file).expect("JSON is UTF-8")
}

#[test]
fn every_kind_is_written_and_read_again() {
    let trace = everything();
    let text = text_of(&trace);
    assert_eq!(read(text.as_bytes()).expect("its own file"), trace);
    for violation in Violation::ALL {
        assert_eq!(Violation::of_name(violation.name()), Some(violation));
    }
    for state in State::ALL {
        assert_eq!(State::of_name(state.name()), Some(state));
    }
}

/// The format is a promise: these very bytes.
#[test]
fn the_lines_are_those_of_the_documentation() {
    let mut trace = Trace::new("demo 09a");
    let heap = trace.label("heap");
    let site = trace.site(Site {
        frames: vec![Frame {
            file: "src/main.rs".to_owned(),
            line: 3,
            column: 5,
            ..Frame::default()
        }],
    });
    let (region, block) = (REGION, BlockId(1));
    let map = Action::Map {
        region,
        base: 28672,
        size: 4096,
    };
    trace.record(Event::new(map).labelled(heap));
    let alloc = Action::Alloc {
        region,
        block,
        to: Extent::new(0, 64),
        align: 8,
        tag: None,
    };
    trace.record(Event::new(alloc).from_site(site));
    trace.snapshot(Snapshot {
        region,
        label: None,
        spans: vec![
            Span::new(0, 64, State::Live),
            Span::new(64, 4032, State::Unused),
        ],
    });
    trace.record(Event::new(Action::Free { region, block }));
    let source = include_str!("../json_lines.rs");
    let documented = source.lines().filter_map(|line| line.strip_prefix("//! "));
    let mut documented: Vec<_> = documented.filter(|line| line.starts_with('{')).collect();
    let text = text_of(&trace);
    let mut written: Vec<_> = text.lines().collect();
    // Tables may come at any time before they are used.
    documented.sort_unstable();
    written.sort_unstable();
    assert_eq!(written.len(), documented.len(), "{text}");
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    for (written, documented) in written.iter().zip(documented) {
        assert_eq!(parse(written), parse(documented));
    }
    let again = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! {"))
        .map(|line| format!("{{{line}\n"))
        .collect::<String>();
    assert_eq!(again, include_str!("../../tests/expected/recording.jsonl"));
    assert_eq!(
        read(again.as_bytes()).expect("the documented file").events,
        trace.events
    );
}

fn small() -> Trace {
    let mut trace = Trace::new("small");
    let (region, to) = (REGION, Extent::new(0, 8));
    let (base, size, align, tag) = (0, 64, 8, None);
    trace.record(Event::new(Action::Map { region, base, size }));
    for block in [1, 2, 3].map(BlockId) {
        let alloc = Action::Alloc {
            region,
            block,
            to,
            align,
            tag,
        };
        trace.record(Event::new(alloc));
    }
    let block = BlockId(2);
    trace.record(Event::new(Action::Free { region, block }));
    trace
}

/// The small file as lines: 0 is the first, 1 to 5 are events, 6 is the last.
fn lines() -> Vec<String> {
    text_of(&small()).lines().map(str::to_owned).collect()
}

fn salvaged(lines: &[String]) -> (usize, Vec<String>) {
    let text = lines.join("\n") + "\n";
    let salvaged = salvage(text.as_bytes()).expect("one of ours");
    let problems: Vec<_> = salvaged.problems.iter().map(ToString::to_string).collect();
    let strict = read(text.as_bytes()).map_err(|error| error.to_string());
    assert_eq!(strict.is_ok(), problems.is_empty());
    if let Err(error) = strict {
        assert_eq!(error, problems[0]);
    }
    (salvaged.trace.events.len(), problems)
}

#[test]
fn a_truncated_file_is_said_with_its_last_line() {
    let whole = text_of(&small());
    let body = whole.find('\n').expect("a first line") + 1;
    for cut in body..whole.len() - 1 {
        let salvaged = salvage(&whole.as_bytes()[..cut]).expect("one of ours");
        assert!(salvaged.is_only_cut_off());
        let [problem] = &salvaged.problems[..] else {
            panic!("cut at {cut}: {:?}", salvaged.problems);
        };
        let read = salvaged.trace.events.len();
        let begun = whole[..cut].lines().count();
        let said = format!(
            "line {begun}: the file was cut off here: its last line, {{\"is\":\"end\"}}, is missing; {read} events were read"
        );
        assert_eq!(problem.to_string(), said, "cut at {cut}");
        assert_eq!(salvaged.trace.events[..], small().events[..read]);
    }
}

#[test]
fn reordered_lines_are_said_and_put_back_in_order() {
    let mut lines = lines();
    lines.swap(2, 3);
    let (_, problems) = salvaged(&lines);
    let salvaged = salvage(lines.join("\n").as_bytes()).expect("one of ours");
    assert_eq!(salvaged.trace.events, small().events);
    let moved = |line, found, expected| {
        format!(
            "line {line}: event {found} where event {expected} was to come: lines are missing or were reordered"
        )
    };
    assert_eq!(problems, [moved(3, 2, 1), moved(4, 1, 3), moved(5, 3, 2)]);
}

#[test]
fn a_missing_line_is_said_where_it_is_missing() {
    let mut lines = lines();
    lines.remove(2);
    let (events, problems) = salvaged(&lines);
    assert_eq!(events, 4);
    assert_eq!(
        problems,
        [
            "line 3: event 2 where event 1 was to come: lines are missing or were reordered",
            "line 6: the last line counts 5 events; there are 4"
        ]
    );
}

#[test]
fn a_repeated_line_is_said_and_left_out() {
    let mut lines = lines();
    lines.insert(3, lines[2].clone());
    let (events, problems) = salvaged(&lines);
    assert_eq!(events, 5);
    assert_eq!(
        problems[0],
        "line 4: event 1 where event 2 was to come: lines are missing or were reordered"
    );
    assert_eq!(problems[1], "line 4: event 1 a second time");
}

#[test]
fn an_event_for_an_unknown_block_is_said_and_left_out() {
    let mut lines = lines();
    lines[5] = lines[5].replace("\"block\":2", "\"block\":99");
    let (events, problems) = salvaged(&lines);
    assert_eq!(events, 4);
    assert_eq!(
        problems,
        ["line 6: event 4 does not fit those before it: block 99 of region 0 was never handed out"]
    );
}

#[test]
fn a_damaged_line_is_said_with_what_is_wrong() {
    for (line, with, said) in [
        (
            "{\"is\":\"free\"",
            "nonsense",
            "line 6: not a line of an event file: expected ident at line 1 column 2",
        ),
        (
            "\"is\":\"free\"",
            "\"is\":\"fre\"",
            "line 6: version 1 has no \"fre\"",
        ),
        (
            "\"block\":2",
            "\"blok\":2",
            "line 6: not a line of an event file: unknown field `blok`",
        ),
        (",\"block\":2", "", "line 6: free without block"),
        ("\"n\":4,", "", "line 6: free without n"),
        (
            "\"region\":0",
            "\"region\":-1",
            "line 6: not a line of an event file: invalid value",
        ),
        (
            "\"region\":0",
            "\"region\":0,\"site\":4",
            "line 6: site 4 was not said before",
        ),
        (
            "\"region\":0",
            "\"region\":0,\"label\":4",
            "line 6: label 4 was not said before",
        ),
    ] {
        let mut lines = lines();
        lines[5] = lines[5].replace(line, with);
        let (_, problems) = salvaged(&lines);
        assert!(problems[0].starts_with(said), "{with}: {problems:?}");
    }
}

#[test]
fn rows_of_tables_snapshots_and_faults_are_checked_too() {
    for (line, said) in [
        (
            r#"{"is":"site","id":2,"frames":[{"file":"a"}]}"#,
            "line 3: site 2 where site 1 was to come",
        ),
        (
            r#"{"is":"site","id":1,"frames":[]}"#,
            "line 3: site without frames",
        ),
        (r#"{"is":"label","id":1}"#, "line 3: label without text"),
        (
            r#"{"is":"snapshot","n":1,"region":0,"spans":[[0,8,"live"],[4,8,"live"]]}"#,
            "line 3: span 1 begins before",
        ),
        (
            r#"{"is":"snapshot","n":1,"region":0,"spans":[[0,8,"lively"]]}"#,
            "line 3: version 1 has no state \"lively\"",
        ),
        (
            r#"{"is":"snapshot","n":1,"region":9,"spans":[]}"#,
            "line 3: region 9 was not said before",
        ),
        (
            r#"{"is":"fault","n":1,"violation":"sin","region":0,"at":0,"size":1}"#,
            "line 3: version 1 has no violation \"sin\"",
        ),
        (r#"{"is":"end","n":1}"#, "line 4: after the last line"),
    ] {
        let mut lines = lines();
        lines.insert(2, line.to_owned());
        let (_, problems) = salvaged(&lines);
        assert!(problems[0].starts_with(said), "{line}: {problems:?}");
    }
}

#[test]
fn a_foreign_file_is_refused_with_what_it_is() {
    for (bytes, found) in [
        (&b""[..], "it is empty"),
        (
            b"\x7fELF\x02\x01",
            "it begins with \"\\u{7f}ELF\\u{2}\\u{1}\"",
        ),
        (
            b"{\"is\":\"a log\"}\n",
            "it begins with \"{\\\"is\\\":\\\"a log\\\"}\"",
        ),
        (b"[]\n", "it begins with \"[]\""),
    ] {
        let refused = read(bytes).expect_err("foreign").to_string();
        let said =
            format!("line 1: not an event file of heap-view: {found}; such a file begins with ");
        assert!(refused.starts_with(&said), "{refused}");
    }
    let later = "{\"is\":\"heap-view events\",\"version\":2,\"new\":true}\n";
    let refused = read(later.as_bytes()).expect_err("a later version");
    assert_eq!(
        refused.to_string(),
        "line 1: version 2 of the format; this program reads version 1"
    );
}

#[test]
fn an_error_of_the_writer_is_handed_on() {
    let mut room = [0; 100];
    let error = write(&everything(), &mut room[..]).expect_err("too small");
    assert_eq!(error.kind(), std::io::ErrorKind::WriteZero);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..900, keep in any::<bool>()) {
        let mut file = text_of(&everything()).into_bytes();
        let at = at.min(file.len());
        if keep {
            file.truncate(at);
        }
        file.splice(at..at, bytes.drain(..));
        let _ = salvage(&file[..]);
    }

    #[test]
    fn what_is_salvaged_is_a_file_without_problems(line in 1_usize..30, other in 1_usize..30, how in 0..3) {
        let text = text_of(&everything());
        let mut lines: Vec<_> = text.lines().collect();
        let (line, other) = (line % lines.len(), other % lines.len());
        match how {
            0 => lines.swap(line, other),
            1 => drop(lines.remove(line)),
            _ => lines.insert(other, lines[line]),
        }
        if let Ok(salvaged) = salvage((lines.join("\n") + "\n").as_bytes()) {
            let again = text_of(&salvaged.trace);
            prop_assert_eq!(read(again.as_bytes()).expect("its own file"), salvaged.trace);
        }
    }
}

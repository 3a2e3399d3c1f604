//! The door to all demos: names, lists, everything at once, and the facts for machines.

#![cfg(target_os = "linux")]

mod common;

use common::{LAUNCHER, NUMBERED, assert_good, command, run, scratch, stderr, stdout};
use serde_json::Value;

#[test]
fn no_argument_and_no_terminal_prints_the_map_and_then_every_demo() {
    let output = run("tour", LAUNCHER, &[]);
    assert_good(&output);
    let text = stdout(&output);
    assert!(text.starts_with("Own the Heap: the demos\n"), "{text}");
    assert!(text.contains("  next  08 "), "{text}");
    let all = NUMBERED.len();
    let verdict = format!("\n{all} of {all} demos saw what their chapters say.\n");
    assert!(text.ends_with(&verdict), "{text}");
    for (number, program) in NUMBERED {
        let alone = stdout(&run(&format!("tour-{number}"), program, &[]));
        assert!(text.contains(&alone), "demo {number} is missing or differs");
    }
}

#[test]
fn progress_is_kept_from_run_to_run() {
    let state = scratch("progress");
    let list = || {
        let output = command(LAUNCHER, &state).arg("list").output();
        stdout(&output.expect("the list"))
    };
    assert!(list().contains("  next  08 "));
    let (_, first) = NUMBERED[0];
    assert_good(&command(first, &state).output().expect("demo 08"));
    assert!(list().contains("  done  08 "));
    assert!(list().contains("  next  09a "));
    assert_good(&command(LAUNCHER, &state).arg("all").output().expect("all"));
    assert_eq!(list().matches("  done  ").count(), NUMBERED.len());
    assert!(!list().contains("  next  "));
}

#[test]
fn facts_for_machines_leave_no_progress() {
    let state = scratch("json-progress");
    let output = command(LAUNCHER, &state).args(["all", "--json"]).output();
    assert_good(&output.expect("all"));
    assert!(!state.join("own-the-heap").exists());
}

#[test]
fn all_with_json_prints_one_object_a_line() {
    for arguments in [&["all", "--json"][..], &["--json"]] {
        let output = run("all-json", LAUNCHER, arguments);
        assert_good(&output);
        let text = stdout(&output);
        let objects: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let numbers: Vec<_> = objects.iter().map(|object| &object["demo"]).collect();
        assert_eq!(numbers, NUMBERED.map(|(number, _)| number));
        for object in &objects {
            assert_eq!(object["as_the_chapter_says"], true, "{object}");
            assert!(object["answer"].is_string(), "{object}");
        }
    }
}

#[test]
fn the_list_for_machines_names_every_demo() {
    let output = run("list-json", LAUNCHER, &["list", "--json"]);
    assert_good(&output);
    let rows = stdout(&output);
    assert_eq!(rows.lines().count(), NUMBERED.len());
    assert!(
        rows.lines()
            .all(|row| serde_json::from_str::<Value>(row).is_ok())
    );
}

#[test]
fn raw_addresses_are_shown_only_on_request() {
    for (number, program) in NUMBERED {
        let plain = stdout(&run(&format!("plain-{number}"), program, &[]));
        let raw = stdout(&run(&format!("raw-{number}"), program, &["--addresses"]));
        assert!(!has_address(&plain), "demo {number}");
        assert!(raw.contains("0x") && raw != plain, "demo {number}");
    }
}

/// Tags are written in hex too, but no address of a process has as few digits.
fn has_address(text: &str) -> bool {
    text.split("0x").skip(1).any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit);
        digits.count() > 8
    })
}

#[test]
fn every_program_has_a_help_text_with_the_legend() {
    for (name, program) in NUMBERED.into_iter().chain([("launcher", LAUNCHER)]) {
        let output = run(&format!("help-{name}"), program, &["--help"]);
        assert_good(&output);
        let text = stdout(&output);
        for word in ["--json", "--addresses", "--predict", "--help", "✅", "🧹"] {
            assert!(text.contains(word), "{name}: {word} is missing in {text}");
        }
        assert!(
            !text.contains("in-tour") && !text.contains("__child"),
            "{text}"
        );
    }
}

#[test]
fn the_binary_may_be_named_in_place_of_the_number() {
    for name in ["9a", "09A", "09a_arena_scope_local_mmap"] {
        assert_good(&run("by-name", LAUNCHER, &[name]));
    }
}

#[test]
fn an_unknown_demo_is_refused_with_what_is_known() {
    for (typed, hint) in [
        ("09d", "the nearest is 09c"),
        ("09", "there are 09a, 09b, 09c"),
        ("99", "the nearest is"),
        ("sweeps", "the nearest is"),
        ("", "the nearest is"),
    ] {
        let output = run("unknown", LAUNCHER, &[typed]);
        assert_eq!(output.status.code(), Some(2), "{typed:?}");
        assert!(output.stdout.is_empty());
        let text = stderr(&output);
        assert!(text.contains(hint), "{typed:?}: {text}");
        assert!(text.contains("08 09a 09b 09c 10"), "{typed:?}: {text}");
    }
}

#[test]
fn options_that_do_not_exist_or_do_not_go_together_are_refused() {
    for arguments in [
        &["09a", "--svg"][..],
        &["09a", "--json", "--predict"],
        &["a", "b"],
    ] {
        let output = run("usage", LAUNCHER, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_private_subcommand_refuses_a_demo_without_a_child() {
    for role in ["09a", "77", ""] {
        let output = run("role", LAUNCHER, &["__child", role]);
        assert_eq!(output.status.code(), Some(2), "{role:?}");
    }
}

//! The command, as a person runs it.

mod common;

use common::{busy, scratch, story};
use heap_view::{Trace, json_lines};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> Output {
    let output = command(arguments).output();
    output.expect("the command starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heap-view"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn recorded(folder: &Path, trace: &Trace) -> PathBuf {
    let path = folder.join("recording.jsonl");
    let mut file = Vec::new();
    json_lines::write(trace, &mut file).expect("written");
    fs::write(&path, file).expect("written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = stderr(&output);
    assert!(output.status.success() && said.is_empty(), "{said}");
    stdout(&output)
}

#[track_caller]
fn refused(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn every_picture_and_export_is_written() {
    let folder = scratch("command-all");
    let file = recorded(&folder, &story());
    let file = text(&file);
    let map = good(&["map", file, "--width", "80"]);
    assert!(
        map.starts_with("after 7 of 8 events\nbase: bytes 0..128 of 256, 1 a cell\n"),
        "{map}"
    );
    assert!(map.contains("#BBBB") && !map.contains('\x1b'));
    assert!(good(&["map", file, "--at", "2"]).starts_with("after 2 of 8 events\n"));
    assert!(good(&["svg", file]).starts_with("<svg "));
    assert!(good(&["html", file]).starts_with("<!DOCTYPE html>"));
    assert!(good(&["export", "dhat", file]).contains("\"dhatFileVersion\":2"));
    assert!(good(&["export", "collapsed", file]).contains("greet (src/main.rs:7:20) 64\n"));
    assert_eq!(
        good(&["export", "collapsed", file, "--weight", "end"])
            .lines()
            .count(),
        1
    );
    let rep = good(&["export", "rep", file]);
    assert_eq!(rep, "192\n3\n4\n1\na 0 32\na 1 32\na 2 64\nf 2\n");
    let check = "8 events, 0 snapshots: \"demo </script><b>09b</b> & \\\"more\\\"\"\n";
    assert_eq!(good(&["check", file]), check);
}

#[test]
fn output_goes_to_the_file_that_is_named() {
    let folder = scratch("command-output");
    let file = recorded(&folder, &story());
    let out = folder.join("out.svg");
    assert_eq!(good(&["svg", text(&file), "-o", text(&out)]), "");
    assert_eq!(
        fs::read_to_string(&out).expect("written"),
        good(&["svg", text(&file)])
    );
    for path in [text(&folder), "/dev/full"] {
        let said = refused(&["html", text(&file), "-o", path], 1);
        assert!(said.starts_with(&format!("heap-view: {path}: ")), "{said}");
    }
}

#[test]
fn a_workload_is_replayed_on_every_allocator() {
    let folder = scratch("command-replay");
    let file = recorded(&folder, &busy(5000));
    let rep = folder.join("busy.rep");
    good(&["export", "rep", text(&file), "-o", text(&rep)]);
    for workload in [text(&file), text(&rep)] {
        let said = good(&["replay", workload, "--heap", "8000000"]);
        let names: Vec<_> = said
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(
            names,
            ["malloc", "arena", "sync-arena", "tagheap"],
            "{said}"
        );
        assert!(
            said.lines()
                .all(|line| line.contains("4999 of 4999 operations")),
            "{said}"
        );
    }
    let said = good(&["replay", text(&rep), "--on", "tagheap,malloc", "--json"]);
    for (line, name) in said.lines().zip(["tagheap", "malloc"]) {
        let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(object["on"], name);
        assert_eq!(
            (&object["done"], &object["stopped"]),
            (&4999.into(), &serde_json::Value::Null)
        );
    }
    let said = refused(
        &["replay", text(&rep), "--on", "arena", "--heap", "70000"],
        1,
    );
    assert!(
        said.starts_with("heap-view: the replay stopped: arena: operation "),
        "{said}"
    );
    assert!(said.contains(" bytes refused: "), "{said}");
}

#[test]
fn a_damaged_recording_is_said_line_by_line_and_used_on_request() {
    let folder = scratch("command-damaged");
    let file = recorded(&folder, &story());
    let whole = fs::read_to_string(&file).expect("the recording");
    let file = text(&file);
    let damaged = whole.replace("\"is\":\"fork\"", "\"is\":\"frok\"");
    fs::write(file, &damaged).expect("written");
    let line = 1 + whole
        .lines()
        .position(|line| line.contains("\"fork\""))
        .expect("a fork");
    let said = refused(&["map", file], 1);
    let expected = format!("heap-view: {file}: line {line}: version 1 has no \"frok\"\n");
    assert!(said.starts_with(&expected), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(
        last.ends_with(
            "lines are wrong, the recording is not used; --salvage goes on with what is left of it"
        ),
        "{last}"
    );
    let output = run(&["map", file, "--salvage", "--at", "3"]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("line "), "salvaged without a word");
    assert!(stdout(&output).contains("base: bytes"));
}

#[test]
fn a_recording_that_was_cut_off_is_said_and_used() {
    let folder = scratch("command-cut");
    let file = recorded(&folder, &story());
    let whole = fs::read(&file).expect("the recording");
    fs::write(&file, &whole[..whole.len() * 3 / 4]).expect("written");
    let output = run(&["map", text(&file)]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains(": the file was cut off here: "),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).contains("base: bytes"));
}

#[test]
fn what_cannot_be_used_is_refused_with_what_it_is() {
    let folder = scratch("command-refused");
    let file = recorded(&folder, &story());
    let file = text(&file);
    let foreign = folder.join("foreign");
    fs::write(&foreign, "a log\n").expect("written");
    let foreign = text(&foreign);
    let said = refused(&["svg", foreign], 1);
    let expected = format!(
        "heap-view: {foreign}: line 1: not an event file of heap-view: it begins with \"a log\"; "
    );
    assert!(said.starts_with(&expected), "{said}");
    let none = folder.join("none.rep");
    let said = refused(&["replay", text(&none)], 1);
    assert!(
        said.starts_with(&format!("heap-view: {}: No such file", text(&none))),
        "{said}"
    );
    fs::write(&none, "1\n1\n1\n1\nq 0\n").expect("written");
    let said = refused(&["replay", text(&none)], 1);
    assert!(
        said.contains("none.rep: line 5: \"q 0\" is no operation"),
        "{said}"
    );
    let said = refused(&["map", file, "--at", "9"], 1);
    assert_eq!(
        said,
        "heap-view: there are 8 events: --at 9 is after the last\n"
    );
    for usage in [
        &["nonsense"][..],
        &[],
        &["map"],
        &["export", "pprof", file],
        &["map", file, "--width", "3"],
    ] {
        refused(usage, 2);
    }
}

#[test]
fn a_recording_may_come_through_a_pipe_and_its_picture_leave_through_one() {
    let mut recording = Vec::new();
    json_lines::write(&busy(5000), &mut recording).expect("written");
    let mut child = command(&["html", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // Nobody reads what it draws: no reason to complain.
    drop(child.stdout.take());
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&recording).expect("it reads");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn help_names_every_command() {
    let help = good(&["--help"]);
    for word in ["map", "svg", "html", "export", "replay", "check", "FILE"] {
        assert!(help.contains(word), "{help}");
    }
    for word in ["map", "svg", "html", "export", "replay", "check"] {
        assert!(
            good(&[word, "--help"]).contains("Usage: heap-view"),
            "{word}"
        );
    }
}

/// A recording with lines as a foreign program might write them.
fn foreign(folder: &Path, lines: &[&str], events: usize) -> PathBuf {
    let path = folder.join("foreign.jsonl");
    let head = r#"{"is":"heap-view events","version":1}"#;
    let text = format!(
        "{head}\n{}\n{{\"is\":\"end\",\"n\":{events}}}\n",
        lines.join("\n")
    );
    fs::write(&path, text).expect("written");
    path
}

#[test]
fn the_last_bytes_of_all_addresses_are_drawn() {
    let folder = scratch("command-last");
    let lines = [
        r#"{"is":"map","n":0,"region":1,"base":0,"size":0}"#,
        r#"{"is":"alloc","n":1,"region":1,"block":1,"at":18446744073709551515,"size":100}"#,
    ];
    let path = foreign(&folder, &lines, 2);
    let map = good(&["map", "--width", "80", text(&path)]);
    assert!(map.contains("#1 100 B at +18446744073709551515"), "{map}");
    assert_eq!(map.lines().count(), 6, "{map}");
    let svg = good(&["svg", text(&path)]);
    assert!(svg.contains("block 1, 100 bytes"), "{svg}");
}

#[test]
fn bytes_that_cannot_be_counted_are_refused_and_totals_are_not_cut() {
    let folder = scratch("command-sums");
    let half = r#""region":1,"at":0,"size":9223372036854775808"#;
    let map = r#"{"is":"map","n":0,"region":1,"base":0,"size":0}"#;
    let alloc = |n: u32| format!(r#"{{"is":"alloc","n":{n},"block":{n},{half}}}"#);
    let both = [alloc(1), alloc(2)];
    let path = foreign(&folder, &[map, &both[0], &both[1]], 3);
    let said = refused(&["map", text(&path)], 1);
    assert!(
        said.contains(
            "9223372036854775808 bytes more than the 9223372036854775808 that are live \
             are too many to be counted"
        ),
        "{said}"
    );
    let free = r#"{"is":"free","n":2,"region":1,"block":1}"#;
    let path = foreign(&folder, &[map, &both[0], free, &alloc(3)], 4);
    let stacks = good(&["export", "collapsed", text(&path)]);
    assert_eq!(stacks, "unknown 18446744073709551616\n");
}

#[test]
fn no_recording_commands_the_terminal() {
    let folder = scratch("command-escapes");
    let lines = [
        r#"{"is":"label","n":0,"id":1,"text":"\u001b]0;mine\u0007\nheap-view: all is well"}"#,
        r#"{"is":"site","n":0,"id":1,"frames":[{"function":"f\u001b[2J","file":"a\nb"}]}"#,
        r#"{"is":"map","n":0,"region":1,"base":0,"size":4096,"label":1}"#,
        r#"{"is":"alloc","n":1,"region":1,"block":1,"at":0,"size":100,"site":1}"#,
    ];
    let path = foreign(&folder, &lines, 2);
    let map = good(&["map", text(&path)]);
    assert!(!map.contains(['\u{1b}', '\u{7}']), "{map:?}");
    assert!(
        map.contains("0;mine") && !map.contains("\nheap-view:"),
        "{map:?}"
    );
    let path = foreign(&folder, &[r#"{"is":"\u001b[2J"}"#, r#"{"\u001b[2J":1}"#], 0);
    let said = refused(&["check", text(&path)], 1);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_workload_takes_room_for_the_ids_that_it_uses() {
    let folder = scratch("command-ids");
    let path = folder.join("few.rep");
    fs::write(
        &path,
        "100\n4294967295\n2\n1\na 4294967294 10\nf 4294967294\n",
    )
    .expect("written");
    let said = good(&["replay", "--on", "malloc", text(&path)]);
    assert!(said.contains("2 of 2 operations"), "{said}");
}

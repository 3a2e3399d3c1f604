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

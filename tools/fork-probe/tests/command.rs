//! The command, as it is run: reports, refusals, interrupts, and what it leaves behind.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fork-probe"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = output(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_bill_is_the_same_twice_and_each_page_is_accounted_for_by_two_sources() {
    let arguments = ["bill", "--json", "--blocks", "4000", "--deeds", "100"];
    let bills_of = |mut report: Value| {
        for bill in report["bill"]["bills"].as_array_mut().unwrap() {
            // Where the code lies in the page cache decides how many of these there are.
            bill.as_object_mut().unwrap().remove("faults");
        }
        report
    };
    let first = bills_of(json(&arguments));
    assert_eq!(first, bills_of(json(&arguments)));
    let bills = first["bill"]["bills"].as_array().unwrap();
    assert_eq!(bills.len(), 6, "three allocators, two deeds");
    for bill in bills {
        let items = bill["items"].as_array().unwrap();
        let own = items.len() as u64 + bill["new_pages"].as_u64().unwrap();
        assert_eq!(bill["private_by_smaps"].as_u64(), Some(own), "{bill}");
        assert_eq!(bill["bytes_written"], 800, "{bill}");
        let by_metadata = items
            .iter()
            .filter(|item| item["cause"] == "metadata")
            .count();
        let expected = match (
            bill["allocator"].as_str().unwrap(),
            bill["deed"].as_str().unwrap(),
        ) {
            // Nobody but the child writes, and it writes user data.
            (_, "mutate") | ("arena-core", "free") => 0..=0,
            // A free list links through the freed blocks, whose pages are not those of the links.
            (_, "free") => 1..=items.len() - 1,
            other => panic!("{other:?}"),
        };
        assert!(expected.contains(&by_metadata), "{by_metadata}: {bill}");
        let mut pages: Vec<_> = items
            .iter()
            .map(|item| (item["mapping"].to_string(), item["page"].as_u64()))
            .collect();
        pages.sort();
        pages.dedup();
        assert_eq!(pages.len(), items.len(), "no page is charged twice: {bill}");
    }
}

#[test]
fn mappings_of_files_whose_names_are_no_text_are_counted_like_others() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join(OsStr::from_bytes(b"fork-\xe9"));
    std::fs::copy(env!("CARGO_BIN_EXE_fork-probe"), &program).unwrap();
    for arguments in [&["matrix"][..], &["bill", "--blocks", "400"]] {
        let output = Command::new(&program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains("not seen"), "{said}");
    }
}

#[test]
fn every_report_is_text_json_and_a_picture() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("picture.svg");
    let reports: [&[&str]; 4] = [
        &["matrix", "--accounts"],
        &["hazards"],
        &["bill", "--blocks", "400"],
        &["latency", "--up-to", "4", "--runs", "2"],
    ];
    for arguments in reports {
        let svg = ["--svg", file.to_str().unwrap()];
        let output = output(&[arguments, &svg].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Linux"), "{text}");
        let picture = std::fs::read_to_string(&file).unwrap();
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
        assert_eq!(
            picture.matches("<text").count(),
            picture.matches("</text>").count()
        );
        let json = json(&[arguments, &["--json"]].concat());
        assert_eq!(json["tool"], "fork-probe");
        assert!(json[arguments[0]].is_object(), "{json}");
    }
}

#[test]
fn what_cannot_be_followed_is_refused_with_status_2() {
    let refused: [&[&str]; 6] = [
        &["nonsense"],
        &["matrix", "--pages", "0"],
        &["bill", "--blocks", "3"],
        &["latency", "--up-to", "0"],
        &["--deadline", "0"],
        &["--deadline", "nan"],
    ];
    for arguments in refused {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn what_cannot_be_done_is_said_with_status_1() {
    let file = "/nowhere/at/all.svg";
    let unwritable = output(&["matrix", "--svg", file]);
    assert_eq!(unwritable.status.code(), Some(1));
    let said = String::from_utf8(unwritable.stderr).unwrap();
    assert!(said.contains("cannot write /nowhere/at/all.svg"), "{said}");
    let too_many = output(&["bill", "--blocks", "400", "--deeds", "101"]);
    assert_eq!(too_many.status.code(), Some(1));
    let said = String::from_utf8(too_many.stdout).unwrap();
    assert!(
        said.contains("partial: a tree of 400 blocks with 101 deeds"),
        "{said}"
    );
}

/// The first child that a process has; none if it has ended.
fn child_of(program: &mut Child) -> Option<Pid> {
    let file = format!("/proc/{0}/task/{0}/children", program.id());
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if program.try_wait().unwrap().is_some() {
            return None;
        }
        let children = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(first) = children.split_whitespace().next() {
            return first.parse().ok().map(Pid::from_raw);
        }
        std::thread::yield_now();
    }
    panic!("the probe forked no child");
}

/// A matrix that takes a while, so that something can happen to it.
fn long_matrix() -> Child {
    let mut command = command(&["matrix", "--pages", "4096"]);
    // LeakSanitizer looks by a child of its own at the end, and waits for ever if somebody kills that.
    for name in ["ASAN_OPTIONS", "LSAN_OPTIONS"] {
        let options = std::env::var(name).unwrap_or_default();
        command.env(name, format!("{options}:detect_leaks=0"));
    }
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn said(program: &mut Child) -> String {
    let mut text = String::new();
    program
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn children_killed_from_outside_are_answers_and_the_report_is_partial() {
    let mut program = long_matrix();
    while let Some(child) = child_of(&mut program) {
        // It may have ended meanwhile; the next one is tried.
        let _ = kill(child, Signal::SIGKILL);
    }
    let text = said(&mut program);
    assert_eq!(program.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("SIGKILL (partial)"), "{text}");
    assert!(text.contains("\npartial: 36 mappings"), "{text}");
}

#[test]
fn an_interrupt_ends_with_a_partial_report_and_no_orphan() {
    let mut program = long_matrix();
    let child = child_of(&mut program).expect("a child");
    kill(Pid::from_raw(program.id().cast_signed()), Signal::SIGINT).unwrap();
    let text = said(&mut program);
    assert_eq!(program.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("\npartial: "), "{text}");
    assert!(!is_alive(child), "{text}");
}

#[test]
fn a_child_does_not_outlive_a_parent_that_is_killed() {
    let mut program = long_matrix();
    let child = loop {
        // One may end before it can be stopped; the next is tried.
        let child = child_of(&mut program).expect("a child");
        // It ignores interrupts once it is tied to its parent, and never before.
        assert!(wait_until(|| ignores_interrupts(child) || !is_alive(child)));
        // Stopped, it cannot notice by itself that nobody is left to answer.
        let _ = kill(child, Signal::SIGSTOP);
        assert!(wait_until(|| state(child) == Some('T') || !is_alive(child)));
        if is_alive(child) {
            break child;
        }
    };
    program.kill().unwrap();
    program.wait().unwrap();
    let ended = wait_until(|| !is_alive(child));
    if !ended {
        let _ = kill(child, Signal::SIGKILL);
    }
    assert!(ended, "{child} outlived its parent");
}

/// Wait for something, for a while; tell whether it came.
fn wait_until(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn ignores_interrupts(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (libc::SIGINT - 1) != 0)
}

/// Tell whether a process runs. One that has ended and waits for its new parent to notice does not.
fn is_alive(pid: Pid) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

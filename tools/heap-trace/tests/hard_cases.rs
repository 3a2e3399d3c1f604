//! Each hard case in a process of its own: `examples/hard_cases.rs`.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Cargo builds examples beside the tests' folder, before it runs tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .and_then(|deps| deps.parent())
        .unwrap()
        .join("examples")
        .join(name)
}

fn run(case: &str, words: &str) -> (Output, String) {
    let mut command = Command::new(program("hard_cases"));
    command
        .arg(case)
        .env("HEAP_TRACE", words)
        .env("RUST_BACKTRACE", "0");
    let output = command.output().expect("cargo test has built the examples");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[test]
fn a_handler_that_was_there_is_called_after_ours() {
    for case in ["chain", "chain_later"] {
        let (output, said) = run(case, "quiet");
        assert_eq!(output.status.code(), Some(42), "{said}");
        let ours = said.find("overflow: write 0 bytes past the end of block #0 (64 bytes)");
        let theirs = said.find("the program's own handler was called");
        assert!(ours.is_some() && ours < theirs, "{case}: {said}");
        assert!(said.contains("touched at "), "{said}");
    }
}

#[test]
fn a_fault_elsewhere_ends_the_process_as_ever() {
    let (output, said) = run("other_fault", "quiet");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert!(!said.contains("heap-trace"), "{said}");
}

#[test]
fn a_fault_is_told_once_and_soon_whatever_the_program_does_with_alarms() {
    for case in ["fault_without_alarms", "fault_among_ticks"] {
        let (output, said) = run(case, "quiet");
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{case}");
        let told = said.matches("overflow: write 0 bytes past the end of block #0 (64 bytes)");
        assert_eq!(told.count(), 1, "{case}: {said}");
    }
}

#[test]
fn a_signal_handler_may_allocate_in_the_middle_of_an_allocation() {
    let (output, said) = run("signal_in_allocator", "no-stacks");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("0 faults") && !said.contains("lost"),
        "{said}"
    );
}

#[test]
fn a_block_lost_when_a_thread_ends_is_lost() {
    let (output, said) = run("threads_that_end", "no-stacks");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("definitely lost: 984 bytes in 8 blocks"),
        "{said}"
    );
}

#[test]
fn a_forked_child_answers_for_its_own_blocks() {
    let (output, said) = run("fork", "no-stacks,reachable");
    assert!(output.status.success(), "{said}");
    // How they are lost depends on what the child's stack still has.
    assert_eq!(
        said.matches(": 77 bytes in 1 blocks, first #").count(),
        6,
        "{said}"
    );
    assert_eq!(
        said.matches("note: a forked process: ").count(),
        6,
        "{said}"
    );
    assert!(!said.contains("1000 bytes"), "{said}");
}

#[test]
fn a_check_fails_on_faults_that_are_no_longer_kept() {
    let (output, said) = run("more_faults_than_are_kept", "quiet,no-stacks");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("faults that were not kept: 1\n"), "{said}");
}

#[test]
fn a_forked_child_leaves_its_parents_report_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report");
    let words = format!("no-stacks,report={}", file.display());
    let (output, said) = run("fork", &words);
    assert!(output.status.success(), "{said}");
    let parents = std::fs::read_to_string(&file).unwrap();
    assert!(!parents.contains("77 bytes"), "{parents}");
    let children: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| *path != file)
        .collect();
    assert_eq!(children.len(), 6, "{children:?}");
    for child in children {
        let number = child.extension().unwrap().to_str().unwrap().to_owned();
        let report = std::fs::read_to_string(child).unwrap();
        let of = format!("heap-trace: process {number}: ");
        assert!(
            report.starts_with(&of) && report.contains("77 bytes"),
            "{report}"
        );
    }
}

#[test]
fn a_report_that_finds_no_room_is_told_to_standard_error() {
    let (output, said) = run("leak", "report=/dev/full");
    assert!(output.status.success());
    let lines = [
        "the report cannot be written to /dev/full: No space left on device",
        "definitely lost: 99 bytes",
    ];
    assert!(lines.iter().all(|line| said.contains(line)), "{said}");
    assert!(said.contains("hard_cases.rs:"), "the line: {said}");
}

#[test]
fn a_report_that_nobody_can_be_told_is_a_status() {
    let mut command = Command::new("sh");
    let line = format!("{} leak 2>/dev/full", program("hard_cases").display());
    command.args(["-c", &line]).env("HEAP_TRACE", "no-stacks");
    assert_eq!(command.status().unwrap().code(), Some(1));
}

#[test]
fn the_status_is_as_asked_if_something_is_wrong() {
    for (case, status) in [("leak", 9), ("signal_in_allocator", 0)] {
        let (output, said) = run(case, "exit=9,no-stacks");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
}

#[test]
fn thread_local_variables_lead_to_blocks_however_many_there_are() {
    for end in ["", "by another thread"] {
        let mut command = Command::new(program("hard_cases"));
        command
            .arg("in_thread_locals")
            .args((!end.is_empty()).then_some(end));
        let output = command.env("HEAP_TRACE", "no-stacks").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("0 faults"), "{said}");
        assert!(!said.contains("lost"), "{end}: {said}");
    }
}

#[test]
fn a_report_has_room_however_much_was_reported_before() {
    let (output, said) = run("much_to_report", "no-stacks");
    assert!(output.status.success(), "{said}");
    let lost = format!("definitely lost: {} bytes in 1 blocks", 300 << 20);
    assert!(said.contains(&lost), "{said}");
}

#[test]
fn what_tracers_allocate_is_not_taken_for_a_signal_handler() {
    let (output, said) = run("two_tracers", "stacks");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("0 faults") && !said.contains("signal"),
        "{said}"
    );
}

#[test]
fn streams_of_c_are_written_when_the_status_is_changed() {
    let (output, said) = run("stream_of_c", "exit=9,no-stacks");
    assert_eq!(output.status.code(), Some(9), "{said}");
    assert_eq!(output.stdout, b"written by C");
}

#[test]
fn words_that_mean_nothing_are_said() {
    let (_, said) = run("leak", "no-stacks,loud");
    assert!(
        said.contains("note: HEAP_TRACE: \"loud\" means nothing; known are off, canary, "),
        "{said}"
    );
}

#[test]
fn a_run_that_is_off_says_nothing() {
    for case in ["leak", "fork", "threads_that_end"] {
        let (output, said) = run(case, "off,exit=9");
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{case}");
    }
}

#[test]
fn what_is_still_reachable_is_counted_and_listed_when_asked() {
    let (_, counted) = run("leak", "no-stacks");
    let (_, listed) = run("leak", "no-stacks,reachable");
    assert!(counted.contains(" blocks (not listed)\n"), "{counted}");
    assert!(!counted.contains("\nstill reachable: "), "{counted}");
    assert!(listed.contains("\nstill reachable: "), "{listed}");
    assert!(!listed.contains("not listed"), "{listed}");
}

#[test]
fn a_program_whose_name_is_no_text_keeps_its_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::copy(program("hard_cases"), &copy).unwrap();
    let output = Command::new(&copy)
        .arg0("hard_cases")
        .arg("leak")
        .env("HEAP_TRACE", "no-stacks,reachable")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("definitely lost: 99 bytes"), "{said}");
    assert!(said.contains("\nstill reachable: "), "{said}");
}

#[cfg(feature = "json")]
#[test]
fn a_report_for_machines_is_one_object() {
    let (_, said) = run("leak", "json,no-stacks");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["classes"]["definitely lost"]["bytes"], 99);
}

#[test]
fn suppressions_are_read_from_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "site *hard_cases.rs:* because it is a test").unwrap();
    let (_, said) = run("leak", &format!("suppressions={}", file.path().display()));
    assert!(
        said.contains("it is a test") && !said.contains("definitely lost"),
        "{said}"
    );
}

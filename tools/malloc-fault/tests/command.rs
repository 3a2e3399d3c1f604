//! The command itself: what it refuses, how it ends, what it writes. Each test starts processes of its own.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

mod common;

use common::{ONE_CALL, assert_refused, command, compile, run, scratch, text};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

#[test]
fn plans_without_sense_are_refused() {
    assert_refused(&run(&["run", "--at", "0", "--", "ls"]), "call 0");
    assert_refused(
        &run(&["run", "--at", "1", "--count", "0", "--", "ls"]),
        "0 calls",
    );
    assert_refused(
        &run(&["run", "--schedule", "012", "--", "ls"]),
        "digits 0 and 1",
    );
    assert_refused(
        &run(&["run", "--plan", "frequency=1", "--", "ls"]),
        "none of at",
    );
    assert_refused(&run(&["sweep", "--sample", "0", "--", "ls"]), "no point");
    assert_refused(&run(&["sweep", "--shape", "round", "--", "ls"]), "no shape");
}

#[test]
fn a_reader_who_leaves_and_a_full_disk_cost_no_file() {
    let program = compile("one_call_printed", ONE_CALL, &[]);
    let folder = scratch("printed");
    fs::create_dir_all(&folder).expect("a folder");
    let swept = |name: &str, out: Stdio| {
        let junit = folder.join(name);
        let junit_path = junit.to_str().expect("UTF-8");
        let arguments = ["sweep", "--json", "--junit", junit_path, "--", &program];
        let output = command(&arguments).stdout(out).output().expect("it runs");
        assert!(fs::read_to_string(&junit).is_ok_and(|text| text.contains("<testsuite")));
        output
    };
    let whole = swept("whole.xml", Stdio::piped());
    let (from, to) = std::io::pipe().expect("a pipe");
    drop(from);
    let left = swept("left.xml", to.into());
    assert_eq!(
        (left.status, text(&left.stderr)),
        (whole.status, text(&whole.stderr))
    );
    let full = swept(
        "full.xml",
        File::create("/dev/full").expect("there is one").into(),
    );
    assert_refused(&full, "printing the report: No space left on device");
}

#[test]
fn programs_that_cannot_be_interposed_are_refused() {
    assert_refused(
        &run(&["trace", "--", "/no/such/program"]),
        "no such program",
    );
    let plain = compile("one_call_of_set_uid", ONE_CALL, &[]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    fs::set_permissions(&plain, mode).expect("the owner may");
    assert_refused(&run(&["trace", "--", &plain]), "set-uid");
    let text = scratch("no_program");
    fs::write(&text, "no program").expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&text, mode).expect("the owner may");
    assert_refused(
        &run(&["trace", "--", text.to_str().expect("UTF-8")]),
        "not an ELF program",
    );
    let own = "#include <stddef.h>\nstatic char room[99];\nvoid *malloc(size_t size) { (void)size; return room; }\nint main(void) { return malloc(1) == NULL; }\n";
    let own = compile("own_malloc", own, &["-rdynamic", "-fno-builtin"]);
    assert_refused(&run(&["trace", "--", &own]), "its own malloc");
    let asan = "#include <stddef.h>\nvoid __asan_init(void) {}\nint main(void) { return 0; }\n";
    let asan = compile("sanitized", asan, &["-rdynamic"]);
    assert_refused(&run(&["trace", "--", &asan]), "sanitizer");
}

#[test]
fn a_program_that_never_ends_is_refused_by_name() {
    let endless = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) { void *volatile p = malloc(9); (void)p; for (;;) pause(); }\n";
    let endless = compile("endless", endless, &[]);
    assert_refused(&run(&["sweep", "--", &endless]), "did not end within 10 s");
}

#[test]
fn run_ends_as_the_program_does_and_logs_each_call() {
    let program = compile("one_call", ONE_CALL, &[]);
    let good = run(&["run", "--", &program]);
    assert_eq!(good.status.code(), Some(0));
    let failed = run(&["run", "--at", "1", "--count", "2", "--log", "--", &program]);
    assert_eq!(failed.status.code(), Some(3));
    let said = text(&failed.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "malloc #1 called (size=24)",
            "failing malloc #1 (consecutive failure 1/2)"
        ]
    );
    let by_name = run(&["run", "--stack", "main:2", "--", &program]);
    assert_eq!(by_name.status.code(), Some(3), "{}", text(&by_name.stderr));
    let none = run(&["run", "--stack", "main:2", "--hit", "2", "--", &program]);
    assert_refused(&none, "makes 1 calls");
}

#[test]
fn a_schedule_fails_the_calls_with_digit_1() {
    let source = "#include <stdlib.h>\nint main(void) { int bits = 0; for (int i = 0; i < 5; i++) { void *p = malloc(8); bits = 2 * bits + !p; free(p); } return bits; }\n";
    let program = compile("five_calls", source, &[]);
    let output = run(&["run", "--schedule", "01101", "--", &program]);
    assert_eq!(output.status.code(), Some(0b01101));
}

#[test]
fn errno_is_set_by_failures_and_left_alone_by_successes() {
    let source = "#include <errno.h>\n#include <stdlib.h>\nint main(void) { errno = 77; void *p = malloc(1 << 20); if (errno != 77) return 1; errno = 0; void *q = malloc(8); if (q || errno != ENOMEM) return 2; free(p); return 0; }\n";
    let program = compile("errno_kept", source, &[]);
    assert_eq!(
        run(&["run", "--at", "2", "--", &program]).status.code(),
        Some(0)
    );
}

#[test]
fn a_baseline_makes_a_known_crash_no_news() {
    let source = "#include <stdlib.h>\nint main(void) { int *volatile p = malloc(24); *p = 1; free(p); return 0; }\n";
    let program = compile("known_crash", source, &[]);
    let [baseline, junit] =
        ["known.txt", "report.xml"].map(|name| scratch(name).to_str().expect("UTF-8").to_owned());
    let first = run(&[
        "sweep",
        "--write-baseline",
        &baseline,
        "--junit",
        &junit,
        "--",
        &program,
    ]);
    assert_eq!(first.status.code(), Some(1), "{}", text(&first.stdout));
    let xml = fs::read_to_string(&junit).expect("a report");
    assert!(
        xml.contains("failures=\"1\"") && xml.contains("crashed SIGSEGV"),
        "{xml}"
    );
    assert!(!text(&fs::read(&baseline).expect("a baseline")).contains("0x"));
    let second = run(&["sweep", "--json", "--baseline", &baseline, "--", &program]);
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stdout));
    let report: Value = serde_json::from_slice(&second.stdout).expect("one object");
    assert_eq!(report["groups"][0]["in_baseline"], true);
    let reproducer = report["groups"][0]["reproducer"]
        .as_str()
        .expect("a command");
    let rest = reproducer
        .strip_prefix("malloc-fault ")
        .expect("this command");
    let again = format!("{} {rest}", env!("CARGO_BIN_EXE_malloc-fault"));
    let again = Command::new("sh")
        .args(["-c", &again])
        .output()
        .expect("a shell");
    assert_eq!(
        again.status.code(),
        Some(128 + 11),
        "{}",
        text(&again.stderr)
    );
}

#[test]
fn by_fork_and_from_the_start_the_verdicts_are_the_same() {
    let report = |options: &[&str]| -> Value {
        let arguments = [&["sweep", "--json"], options, &["--", "ls", "/"]].concat();
        serde_json::from_slice(&run(&arguments).stdout).expect("one object")
    };
    let verdicts = |report: &Value| -> Vec<String> {
        let points = report["points"].as_array().expect("a list").iter();
        let mut rows: Vec<String> = points
            .map(|point| format!("{} {} {}", point["call"], point["shape"], point["verdict"]))
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(verdicts(&report(&[])), verdicts(&report(&["--rerun"])));
}

#[test]
fn ctrl_c_prints_what_was_found_so_far() {
    let source = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) { for (int i = 0; i < 50; i++) { void *p = malloc(24); if (!p) for (;;) pause(); free(p); } return 0; }\n";
    let program = compile("hangs_often", source, &[]);
    let mut child = command(&["sweep", "--count", "1", "--timeout", "1", "--", &program])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    // The first group is announced when it is found; that is when the sweep is under way.
    let found = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.starts_with("hung"));
    assert!(found);
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(killed.expect("a shell").success());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stdout).contains("interrupted: this is what was found so far"));
}

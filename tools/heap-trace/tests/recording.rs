//! Whole programs that record into a file: `examples/hard_cases.rs`, with `HEAP_TRACE=record=FILE`.

use std::path::PathBuf;
use std::process::{Command, Output};

use heap_view::json_lines::{read, salvage};
use heap_view::{Action, Trace};

/// A file of this test's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("heap-trace-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn recording(&self) -> Trace {
        let file = std::fs::File::open(&self.0).expect("the program has made it");
        read(std::io::BufReader::new(file)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn run(case: &str, words: &str) -> (Output, String) {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let output = Command::new(target.join("examples").join("hard_cases"))
        .arg(case)
        .env("HEAP_TRACE", words)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("cargo test has built the examples");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

fn recorded(case: &str, words: &str) -> (Trace, String) {
    let scratch = Scratch::new(case);
    let (output, said) = run(case, &format!("{words},record={}", scratch.0.display()));
    assert!(output.status.success(), "{said}");
    (scratch.recording(), said)
}

/// Blocks allocated, and those freed.
fn count(trace: &Trace) -> (usize, usize) {
    let count = |is: fn(&Action) -> bool| {
        let events = trace.events.iter();
        events.filter(|event| is(&event.action)).count()
    };
    (
        count(|action| matches!(action, Action::Alloc { .. })),
        count(|action| matches!(action, Action::Free { .. })),
    )
}

#[test]
fn what_a_program_does_is_in_its_file_with_the_lines() {
    let (trace, said) = recorded("leak", "stacks");
    let lost = trace.events.iter().find_map(|event| match event.action {
        Action::Alloc { to, .. } if to.size == 99 => event.site,
        _ => None,
    });
    let site = lost.and_then(|site| trace.site_of(site)).expect("a site");
    let here = |frame: &&heap_view::Frame| frame.file.ends_with("hard_cases.rs");
    let frame = site
        .frames
        .iter()
        .find(here)
        .expect("a line of the program");
    assert!(frame.line > 0 && frame.function.contains("leak"), "{frame}");
    let events = trace.events.len();
    assert!(
        said.contains(&format!("note: {events} events recorded in ")),
        "{said}"
    );
    let (allocated, freed) = count(&trace);
    assert!(
        said.contains("99 bytes in 1 blocks") && allocated > freed,
        "{said}"
    );
}

#[test]
fn calls_of_all_threads_are_there_and_a_forked_childs_are_not() {
    let (trace, said) = recorded("fork", "no-stacks");
    assert_eq!(trace.dropped, 0);
    let threads: std::collections::BTreeSet<u32> =
        trace.events.iter().map(|event| event.thread).collect();
    assert!(threads.len() >= 3, "{threads:?}");
    let sizes = |size: u64| {
        let is = |action: &Action| matches!(action, Action::Alloc { to, .. } if to.size == size);
        trace
            .events
            .iter()
            .filter(|event| is(&event.action))
            .count()
    };
    assert_eq!(
        (sizes(1000), sizes(77)),
        (1, 0),
        "77 bytes are the children's"
    );
    assert!(sizes(10) > 0);
    assert_eq!(said.matches(" events recorded in ").count(), 1, "{said}");
}

#[test]
fn a_handler_that_interrupts_and_a_thread_that_ends_leave_it_whole() {
    for case in ["signal_in_allocator", "threads_that_end"] {
        let (trace, _) = recorded(case, "no-stacks");
        let (allocated, freed) = count(&trace);
        assert!(allocated > 0 && freed > 0, "{case}: {allocated}, {freed}");
    }
}

#[test]
fn a_program_that_ends_by_a_signal_leaves_what_was_written() {
    let scratch = Scratch::new("crash");
    let (output, _) = run(
        "crash",
        &format!("no-stacks,record={}", scratch.0.display()),
    );
    assert!(!output.status.success());
    let file = std::fs::File::open(&scratch.0).unwrap();
    let salvaged = salvage(std::io::BufReader::new(file)).unwrap();
    assert!(salvaged.is_only_cut_off(), "{:?}", salvaged.problems);
    let (allocated, _) = count(&salvaged.trace);
    assert!(allocated >= 1000, "{allocated}");
}

#[test]
fn a_file_that_finds_no_room_is_said_and_the_program_goes_on() {
    for (path, why) in [
        ("/dev/full", "No space left on device"),
        ("/nowhere/at/all", "No such file or directory"),
    ] {
        let (output, said) = run("threads_that_end", &format!("no-stacks,record={path}"));
        assert!(output.status.success(), "{said}");
        let line = format!("the recording {path} ends after ");
        assert!(said.contains(&line) && said.contains(why), "{said}");
        assert!(said.contains("definitely lost: 984 bytes"), "{said}");
    }
}

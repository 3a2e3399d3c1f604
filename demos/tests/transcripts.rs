//! The whole output of each demo, compared with the committed transcript.
//!
//! `UPDATE_EXPECTED=1 cargo test -p demos --test transcripts` writes the transcripts anew.

#![cfg(target_os = "linux")]

mod common;

use common::{LAUNCHER, NUMBERED, assert_good, run, stdout};
use std::path::PathBuf;
use std::{env, fs};

fn transcript(number: &str) -> PathBuf {
    let expected = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("expected");
    expected.join(format!("{number}.txt"))
}

/// Facts that may differ from run to run.
const MACHINE: [&str; 10] = [
    "arena_faults",
    "definitely_lost_by_valgrind",
    "distance_bytes",
    "faults_of_first_write",
    "faults_of_one_write",
    "huge_page",
    "malloc_faults",
    "malloc_holds_bytes",
    "malloc_moves",
    "resident_after_one_byte_huge",
];

/// Leaves out the one line that says whether this machine had a huge page to give at that moment, and what tools say
/// that may not be here: a test of their own asks them.
fn without_luck(transcript: &str) -> String {
    let lines = transcript.lines().map(|line| match line {
        _ if line.starts_with("📦 huge  ") => "📦 huge",
        _ if line.starts_with("   AddressSanitizer ") => "   AddressSanitizer",
        _ if line.starts_with("   valgrind ") => "   valgrind",
        _ if line.starts_with("🎯 valgrind  ") => "🎯 valgrind",
        line => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_demo_prints_its_transcript() {
    for (number, program) in NUMBERED {
        let output = run(&format!("transcript-{number}"), program, &[]);
        assert_good(&output);
        let seen = stdout(&output);
        let path = transcript(number);
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &seen).expect("the transcript is written");
        }
        let expected = fs::read_to_string(&path).expect("a transcript for every demo");
        let (seen, expected) = (without_luck(&seen), without_luck(&expected));
        assert_eq!(seen, expected, "demo {number} and {}", path.display());
        for line in seen.lines() {
            assert!(
                line.chars().count() <= 100,
                "too wide in {number}: {line:?}"
            );
            assert_eq!(line, line.trim_end(), "blanks at an end in {number}");
        }
    }
}

#[test]
fn the_launcher_prints_what_the_binary_prints() {
    for (number, program) in NUMBERED {
        let by_binary = run(&format!("binary-{number}"), program, &[]);
        let by_launcher = run(&format!("launcher-{number}"), LAUNCHER, &[number]);
        assert_good(&by_launcher);
        assert_eq!(stdout(&by_binary), stdout(&by_launcher), "demo {number}");
    }
}

#[test]
fn two_runs_print_the_same_facts() {
    for (number, program) in NUMBERED {
        let facts = || {
            let output = run(&format!("facts-{number}"), program, &["--json"]);
            assert_good(&output);
            let mut facts: serde_json::Value =
                serde_json::from_str(&stdout(&output)).expect("one JSON object");
            // Times and a few figures are the machine's to decide; everything else is the lesson.
            if let Some(facts) = facts["facts"].as_object_mut() {
                facts.retain(|name, _| !name.ends_with("_ns") && !MACHINE.contains(&name.as_str()));
            }
            facts
        };
        assert_eq!(facts(), facts(), "demo {number}");
    }
}

#[test]
fn there_is_no_transcript_without_a_demo() {
    let folder = transcript("08")
        .parent()
        .map(PathBuf::from)
        .expect("a folder");
    for file in fs::read_dir(folder).expect("the folder of transcripts") {
        let path = file.expect("its rows").path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        assert!(
            NUMBERED.iter().any(|(known, _)| *known == number),
            "{}",
            path.display()
        );
    }
}

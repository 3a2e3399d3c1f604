//! Sweeps the C program `starved`: each allocation fails in turn, alone and with those behind it.
//!
//! This has a `main` of its own: the sweep runs in a process of its own, this program once more, and
//! prints its report to standard output.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use serde_json::Value;

#[path = "../clients/cc.rs"]
#[allow(dead_code, reason = "the other test needs all of it")]
mod cc;

/// Holds the path of the program to sweep.
const SWEPT: &str = "HEAP_CAPI_SWEPT";

/// What allocates, and has to be seen failing.
const ALLOCATING: [&str; 8] = [
    "oth_arena_create",
    "oth_arena_checkpoint",
    "oth_arena_dump",
    "oth_arena_dump_hex",
    "oth_heap_create",
    "oth_heap_draw",
    "oth_lesson_map",
    "oth_th_checkhealth",
];

fn main() -> ExitCode {
    if let Some(program) = std::env::var_os(SWEPT) {
        return malloc_fault::command::sweep(vec!["--json".into(), "--".into(), program]);
    }
    let Some(compiler) = cc::compilers().into_iter().next() else {
        return ExitCode::SUCCESS;
    };
    let program = cc::scratch("swept").join("starved");
    cc::build(compiler, &cc::here("tests/c/starved.c"), &program, false);
    let report = swept(program.into_os_string());
    let points = report["points"].as_array().expect("points");
    for point in points {
        // Anything else would be a crash, an abort, a leak, or a failure that nobody was told of.
        assert_eq!(point["verdict"], "propagated", "{point:#}");
        assert_eq!(point["ending"], "exit status 3", "{point:#}");
    }
    for name in ALLOCATING {
        let seen = points
            .iter()
            .any(|point| stack(point).any(|function| function == name));
        assert!(seen, "nothing failed below {name}");
    }
    println!("{} points, all propagated", points.len());
    ExitCode::SUCCESS
}

/// Sweep a program; return the report.
fn swept(program: OsString) -> Value {
    let this = std::env::current_exe().expect("the path of this test");
    let output = Command::new(this)
        .env(SWEPT, program)
        .output()
        .expect("this program starts again");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {complaint}{said}",
        output.status
    );
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{complaint}"))
}

/// The functions on the stack of a call that failed.
fn stack(point: &Value) -> impl Iterator<Item = &str> {
    let frames = point["stack"].as_array().expect("a stack");
    frames.iter().filter_map(|frame| frame["function"].as_str())
}

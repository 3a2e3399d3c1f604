//! The Rust tests of the crates on the border, with default and with minimal features.

use std::process::Command;

use super::report::{Report, Row, Verdict};
use super::tool::{Rust, Tool, sanitizing_cargo};
use crate::instrumented;
use crate::run::{Outcome, command};

/// A package's tests with some features.
struct Suite {
    name: &'static str,
    arguments: &'static str,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "arena-core, tests with default features",
        arguments: "--package arena-core --lib",
    },
    Suite {
        name: "arena-core, tests with minimal features",
        arguments: "--package arena-core --no-default-features --lib --test in_buffer",
    },
    Suite {
        name: "tagheap, tests with default features",
        arguments: "--package tagheap --lib --test white_box",
    },
    Suite {
        name: "tagheap, tests with minimal features",
        arguments: "--package tagheap --no-default-features --lib --test white_box",
    },
    Suite {
        name: "heap-capi, tests with default features",
        arguments: "--package heap-capi --lib",
    },
];

/// Tests that leak, for that is what they are about.
const LEAKING: &str = "--skip an_arena_in_a_static_or_leaked_buffer_lives_forever";

/// Tests of what the kernel answers, where valgrind answers instead: it knows no second mapping by
/// mremap, and refuses what is larger than the address space by another number.
const NOT_UNDER_VALGRIND: &str = "--skip a_second_view_shows_the_same_bytes_at_another_address \
                                  --skip more_than_the_address_space_is_refused_by_the_kernel";

const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn run_all(tool: &Tool, only: Option<&str>, report: &mut Report) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for suite in SUITES {
        let filter = only.unwrap_or_default();
        let skipped = match tool.rust {
            Rust::Runner => NOT_UNDER_VALGRIND,
            _ => "",
        };
        let arguments = format!("{} -- {LEAKING} {skipped} {filter}", suite.arguments);
        let Some(test) = test(tool, &arguments)? else {
            break;
        };
        let said = report.run(test)?;
        let ran = passed(&said.text);
        // A filter that fits no test of this suite is no news.
        if only.is_some() && said.success && ran == 0 {
            continue;
        }
        let verdict = match said.verdict(tool.telling, format!("{ran} tests, nothing to report")) {
            Verdict::Good(_) if ran == 0 => Verdict::Bad("no test was run".to_owned()),
            verdict => verdict,
        };
        rows.push(Row {
            tool: tool.name,
            what: suite.name.to_owned(),
            verdict,
            seconds: said.seconds,
        });
        print!("{}", super::report::table(&rows[rows.len() - 1..]));
    }
    Ok(rows)
}

/// The command that runs tests under a tool.
fn test(tool: &Tool, arguments: &str) -> Outcome<Option<Command>> {
    Ok(Some(match tool.rust {
        Rust::No => return Ok(None),
        Rust::Runner => {
            let mut test = command(&format!(
                "cargo test --target-dir target/leaks/build {arguments}"
            ));
            // Cargo starts a runner in the package's folder.
            let supp = crate::run::root().join("dev/xtask/leaks.supp");
            let runner = tool.under.join(" ");
            let runner = runner.replace("dev/xtask/leaks.supp", &supp.display().to_string());
            test.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner)
                .env("PROPTEST_CASES", "8")
                .env("RUST_BACKTRACE", "0");
            test
        }
        Rust::Sanitizer(name) => {
            let (toolchain, ask_twice) = sanitizing_cargo();
            let mut test = command(&format!(
                "cargo {toolchain} test --target {TARGET} --target-dir target/leaks/{name} {arguments}"
            ));
            test.env("RUSTFLAGS", format!("-Zsanitizer={name}"))
                .env("ASAN_OPTIONS", "detect_leaks=1")
                .env("PROPTEST_CASES", "32")
                .env("RUST_BACKTRACE", "0");
            if ask_twice {
                test.env("RUSTC_BOOTSTRAP", "1");
            }
            test
        }
        Rust::Instrumented(sanitizer) => instrumented::command_for(sanitizer, arguments)?,
    }))
}

/// How many tests passed, over all binaries.
fn passed(text: &str) -> usize {
    let lines = text.lines().filter_map(|line| {
        let counts = line.strip_prefix("test result: ok. ")?;
        counts.split_whitespace().next()?.parse::<usize>().ok()
    });
    lines.sum()
}

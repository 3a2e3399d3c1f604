//! The Rust tests of the workspace: every binary, with default and with minimal features.

use std::path::PathBuf;
use std::process::Command;

use super::binaries::{self, Package, Set};
use super::excluded::{EXCLUDED, Excluded, What};
use super::report::{Report, Row};
use super::tool::{Rust, Tool, sanitizing_cargo};
use crate::instrumented::{self, OPTIONS};
use crate::run::{Outcome, command, root, run};

/// The crates on the border with C, and below it: what CI runs.
pub(crate) const BORDER: &[&str] = &["arena-core", "tagheap", "heap-capi"];

/// Names and lines are all that a report needs, and all that valgrind then reads at each start.
pub(crate) const DEBUG: &str = "line-tables-only";

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Run the tests of some packages, or of all, under a tool; `filter` is for libtest.
pub(crate) fn run_all(
    tool: &Tool,
    chosen: impl Fn(&str) -> bool,
    filter: Option<&str>,
    report: &mut Report,
) -> Outcome<Vec<Row>> {
    if let Rust::No(why) = tool.rust {
        let row = || Row::not_run(tool.name, "tests in Rust", why).show();
        return Ok(filter.is_none().then(row).into_iter().collect());
    }
    let mut rows = Vec::new();
    for package in binaries::packages()? {
        if !chosen(&package.name) {
            continue;
        }
        let left_out = EXCLUDED
            .iter()
            .filter(|left| left.package == package.name && left.under.contains(&tool.mode))
            .collect::<Vec<_>>();
        let is_left_out = left_out
            .iter()
            .any(|left| matches!(left.what, What::Package));
        for set in package.sets.iter().filter(|_| !is_left_out) {
            let suite = Suite::of(&package, set, &left_out);
            rows.extend(suite.run(tool, filter, report)?);
        }
        if filter.is_none() {
            rows.extend(left_out.iter().map(|left| left.row(tool).show()));
        }
    }
    Ok(rows)
}

impl Excluded {
    fn row(&self, tool: &Tool) -> Row {
        let what = match self.what {
            What::Target(argument) => argument.trim_start_matches("--"),
            What::Tests(name) => name,
            What::Package => "all tests",
        };
        Row::not_run(tool.name, format!("{}: {what}", self.package), self.reason)
    }
}

/// The test binaries of a package with a set of features.
struct Suite {
    name: String,
    arguments: String,
    /// Whether there is anything to run.
    is_empty: bool,
    /// What is built with other features only, and which one it lacks.
    lacking: Vec<(String, String)>,
}

impl Suite {
    fn of(package: &Package, set: &Set, left_out: &[&Excluded]) -> Self {
        let is_left_out = |argument: &str| {
            let mut targets = left_out.iter().map(|left| &left.what);
            targets.any(|what| matches!(what, What::Target(name) if *name == argument))
        };
        let mut arguments = format!(
            "--no-fail-fast --package {} {}",
            package.name, set.arguments
        );
        let mut lacking = Vec::new();
        let mut is_empty = true;
        for target in package.targets.iter().filter(|target| target.has_tests) {
            if let Some(feature) = set.lacks(target) {
                lacking.push((target.argument.clone(), feature.to_owned()));
            } else if !is_left_out(&target.argument) {
                is_empty = false;
                arguments.extend([" ", &target.argument]);
            }
        }
        arguments.push_str(" --");
        for left in left_out {
            if let What::Tests(name) = left.what {
                arguments.extend([" --skip ", name]);
            }
        }
        Self {
            name: format!("{}, {}", package.name, set.name),
            arguments,
            is_empty,
            lacking,
        }
    }

    fn run(&self, tool: &Tool, filter: Option<&str>, report: &mut Report) -> Outcome<Vec<Row>> {
        let mut rows = Vec::new();
        if !self.is_empty {
            let arguments = format!("{} {}", self.arguments, filter.unwrap_or_default());
            let said = report.run(limited(&cargo(tool, "test", &arguments)?))?;
            let ran = passed(&said.text);
            // A filter that fits no test of this suite is no news.
            if filter.is_none() || !said.success || ran != 0 {
                let good = format!("{ran} tests, nothing to report");
                rows.push(
                    Row {
                        tool: tool.name,
                        what: self.name.clone(),
                        verdict: said.verdict(tool.telling, good),
                        seconds: said.seconds,
                    }
                    .show(),
                );
            }
        }
        if filter.is_none() {
            rows.extend(self.lacking.iter().map(|(target, feature)| {
                let what = format!("{}: {}", self.name, target.trim_start_matches("--"));
                let why = format!("it is built with the feature {feature} only");
                Row::not_run(tool.name, what, &why).show()
            }));
        }
        Ok(rows)
    }
}

/// The command of cargo that runs or builds for a tool.
pub(crate) fn cargo(tool: &Tool, verb: &str, arguments: &str) -> Outcome<Command> {
    let mut cargo = match tool.rust {
        Rust::No(why) => return Err(format!("{}: {why}", tool.name)),
        Rust::Runner => {
            let mut cargo = command(&format!(
                "cargo {verb} --target-dir target/leaks/build {arguments}"
            ));
            // Cargo starts a runner in the package's folder.
            let supp = root().join("dev/xtask/leaks.supp");
            let runner = tool.under.join(" ");
            let runner = runner.replace("dev/xtask/leaks.supp", &supp.display().to_string());
            cargo
                .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner)
                .env("PROPTEST_CASES", "8")
                .env("ERRNO_CHECK_PAIRS", "200");
            cargo
        }
        Rust::Sanitizer(name) => {
            let (toolchain, ask_twice) = sanitizing_cargo();
            let mut cargo = command(&format!(
                "cargo {toolchain} {verb} --target {TARGET} --target-dir target/leaks/{name} {arguments}"
            ));
            cargo
                .env("RUSTFLAGS", format!("-Zsanitizer={name}"))
                .env("ASAN_OPTIONS", format!("detect_leaks=1:{OPTIONS}"))
                .env("LSAN_OPTIONS", OPTIONS)
                .env("PROPTEST_CASES", "32");
            if ask_twice {
                cargo.env("RUSTC_BOOTSTRAP", "1");
            }
            cargo
        }
        Rust::Instrumented(sanitizer) => instrumented::command_for(sanitizer, verb, arguments)?,
    };
    cargo
        .env("RUST_BACKTRACE", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", DEBUG);
    Ok(cargo)
}

/// The same command, ended with all that it started when it hangs.
fn limited(command: &Command) -> Command {
    let mut limited = crate::run::command("timeout --kill-after=10 1200");
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    limited
}

/// Build an example of a package for a tool, and return the program's path.
pub(crate) fn example(tool: &Tool, package: &str, name: &str) -> Outcome<PathBuf> {
    let build = format!("--quiet --package {package} --example {name}");
    run(cargo(tool, "build", &build)?)?;
    let folder = match tool.rust {
        Rust::No(why) => return Err(why.to_owned()),
        Rust::Runner => "target/leaks/build".to_owned(),
        Rust::Sanitizer(sanitizer) => format!("target/leaks/{sanitizer}/{TARGET}"),
        Rust::Instrumented(sanitizer) => format!("{}/{TARGET}", sanitizer.folder()),
    };
    Ok(root().join(folder).join("debug/examples").join(name))
}

/// How many tests passed, over all binaries.
fn passed(text: &str) -> usize {
    let lines = text.lines().filter_map(|line| {
        let counts = line.strip_prefix("test result: ok. ")?;
        counts.split_whitespace().next()?.parse::<usize>().ok()
    });
    lines.sum()
}

//! The bench program: built once, run many times.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Outcome, command, output};

/// The built program, and what it can run.
pub(crate) struct Program {
    path: PathBuf,
    pub(crate) runs: Vec<Run>,
}

/// A workload on a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) workload: String,
    pub(crate) peer: String,
    pub(crate) title: String,
}

/// What one run printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// A pass's operations.
    pub(crate) operations: u64,
    /// A pass's nanoseconds.
    pub(crate) ns: u64,
    /// The same, as far as the thread ran.
    pub(crate) cpu_ns: u64,
    pub(crate) drop_ns: u64,
    pub(crate) faults: u64,
}

impl Program {
    /// Build it, and ask it what it can run.
    pub(crate) fn build(features: &[&str]) -> Outcome<Self> {
        let arguments = format!("--features {}", features.join(","));
        Self::build_as("cargo", &arguments, "")
    }

    /// Build it with another cargo, more arguments, and flags for the compiler.
    pub(crate) fn build_as(cargo: &str, arguments: &str, flags: &str) -> Outcome<Self> {
        let mut program = Self {
            path: build_as(cargo, "bench", arguments, flags)?,
            runs: Vec::new(),
        };
        program.runs = program.list()?;
        Ok(program)
    }

    fn list(&self) -> Outcome<Vec<Run>> {
        let mut list = Command::new(&self.path);
        list.arg("list");
        let said = String::from_utf8_lossy(&output(list)?.stdout).into_owned();
        said.lines()
            .map(|line| match line.splitn(3, ',').collect::<Vec<_>>()[..] {
                [workload, peer, title] => Ok(Run {
                    workload: workload.to_owned(),
                    peer: peer.to_owned(),
                    title: title.to_owned(),
                }),
                _ => Err(format!("`bench list` says {line:?}")),
            })
            .collect()
    }

    /// Run it as it is.
    pub(crate) fn run(&self, run: &Run, count: u64, passes: u64) -> Outcome<Report> {
        let mut command = Command::new(&self.path);
        self.arguments(&mut command, run, count, passes);
        // What is not freed, in the workloads that free nothing, is meant.
        command.env("ASAN_OPTIONS", "detect_leaks=0");
        report(&output(command)?.stdout)
    }

    /// Run it under callgrind; return the instructions of the whole process as well.
    pub(crate) fn count(&self, run: &Run, count: u64) -> Outcome<(Report, u64)> {
        let (stdout, collected) = collected(self.counted(run, count))?;
        Ok((report(&stdout)?, collected))
    }

    /// It under callgrind, still to be started.
    pub(crate) fn counted(&self, run: &Run, count: u64) -> Command {
        let mut command = callgrind(&self.path);
        self.arguments(&mut command, run, count, 1);
        command
    }

    /// A workload on a peer that it can run.
    pub(crate) fn find(&self, workload: &str, peer: &str) -> Outcome<&Run> {
        let is_it = |run: &&Run| run.workload == workload && run.peer == peer;
        let found = self.runs.iter().find(is_it);
        found.ok_or_else(|| format!("the bench program has no {workload} on {peer}"))
    }

    fn arguments(&self, command: &mut Command, run: &Run, count: u64, passes: u64) {
        command.args([&run.workload, &run.peer]);
        command.args([count.to_string(), passes.to_string()]);
    }
}

/// Build a program of the bench.
pub(crate) fn build(name: &str, features: &[&str]) -> Outcome<PathBuf> {
    let arguments = format!("--features {}", features.join(","));
    build_as("cargo", name, &arguments, "")
}

/// Build a program of the bench, and ask cargo where it is: the target folder may be anywhere.
fn build_as(cargo: &str, name: &str, arguments: &str, flags: &str) -> Outcome<PathBuf> {
    let line = format!(
        "{cargo} build --quiet --package bench --bin {name} --profile bench {arguments} --message-format json-render-diagnostics"
    );
    let mut build = command(&line);
    if !flags.is_empty() {
        build.env("RUSTFLAGS", flags);
    }
    let said = String::from_utf8_lossy(&output(build)?.stdout).into_owned();
    executable(&said).ok_or_else(|| format!("`{line}` built no program:\n{said}"))
}

/// A program under callgrind, still without its arguments.
pub(crate) fn callgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program);
    command
}

/// Run what [`callgrind`] began: what the program printed, and its instructions.
pub(crate) fn collected(command: Command) -> Outcome<(Vec<u8>, u64)> {
    let output = output(command)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said
        .lines()
        .find_map(|line| line.split("Collected :").nth(1))
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing:\n{said}"))?;
    Ok((output.stdout, collected))
}

/// Find the program among cargo's messages, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let (_, rest) = line.split_once(r#""executable":""#)?;
        Some(PathBuf::from(rest.split('"').next()?))
    })
}

fn report(stdout: &[u8]) -> Outcome<Report> {
    let said = String::from_utf8_lossy(stdout).into_owned();
    let field = |name: &str| {
        said.split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| format!("the bench program says {said:?}, without {name}"))
    };
    Ok(Report {
        operations: field("operations")?,
        ns: field("ns")?,
        cpu_ns: field("cpu_ns")?,
        drop_ns: field("drop_ns")?,
        faults: field("faults")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_message_that_has_one() {
        let messages = "{\"reason\":\"x\",\"executable\":null}\n{\"executable\":\"/a b/bench\",\"fresh\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/a b/bench")));
        assert_eq!(executable("{}"), None);
    }

    #[test]
    fn a_report_has_all_its_fields() {
        let report = report(b"operations=10 ns=20 cpu_ns=19 drop_ns=3 faults=4\n").unwrap();
        assert_eq!((report.operations, report.ns, report.cpu_ns), (10, 20, 19));
        assert_eq!((report.drop_ns, report.faults), (3, 4));
        assert!(super::report(b"operations=10").is_err());
    }
}

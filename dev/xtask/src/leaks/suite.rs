//! The test binaries of a package with a set of features: built by cargo, each run by itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::binaries::{Package, Set, Target};
use super::excluded::{Excluded, What};
use super::process::{Said, listen};
use super::report::{Kind, Row, Verdict};
use super::tool::Tool;
use super::{Session, clients};
use crate::run::{Outcome, output};

/// See the module.
pub(crate) struct Suite<'a> {
    name: String,
    /// How cargo is told to build it.
    arguments: String,
    package: &'a Package,
    /// What is run, and whether it is left out as a whole.
    targets: Vec<(&'a Target, bool)>,
    /// What is built with other features only, and which one it lacks.
    lacking: Vec<(&'a str, &'a str)>,
    /// Parts of the names of tests that are left out.
    skipped: Vec<&'static str>,
}

impl<'a> Suite<'a> {
    /// `turned` runs what is left out, and nothing else.
    pub(crate) fn of(
        package: &'a Package,
        set: &'a Set,
        left_out: &[&Excluded],
        turned: bool,
    ) -> Self {
        let is_left_out = |argument: &str| {
            let mut targets = left_out.iter().map(|left| &left.what);
            targets.any(|what| match what {
                What::Package => true,
                What::Target(name) => *name == argument,
                What::Tests(_) => false,
            })
        };
        let skipped = left_out.iter().filter_map(|left| match left.what {
            What::Tests(name) => Some(name),
            What::Target(_) | What::Package => None,
        });
        let skipped = skipped.collect::<Vec<_>>();
        let mut arguments = format!("--package {} {}", package.name, set.arguments);
        let mut lacking = Vec::new();
        let mut targets = Vec::new();
        for target in package.targets.iter().filter(|target| target.has_tests) {
            if let Some(feature) = set.lacks(target) {
                lacking.push((target.argument.trim_start_matches("--"), feature));
                continue;
            }
            let is_left_out = is_left_out(&target.argument);
            if is_left_out == turned || turned && !skipped.is_empty() {
                arguments.extend([" ", &target.argument]);
                targets.push((target, is_left_out));
            }
        }
        Self {
            name: format!("{}, {}", package.name, set.name),
            arguments,
            package,
            targets,
            lacking,
            skipped,
        }
    }

    /// Build it and run each binary; `names` takes those of all its tests.
    pub(crate) fn run(
        &self,
        session: &Session<'_>,
        names: &mut BTreeSet<String>,
    ) -> Outcome<Vec<Row>> {
        let mut rows = Vec::new();
        if !self.targets.is_empty() {
            let targets = self
                .targets
                .iter()
                .map(|(target, _)| *target)
                .collect::<Vec<_>>();
            let building = || build(session.tool, &self.arguments, &targets);
            match session.during(&format!("building {}", self.name), building)? {
                Ok(programs) => {
                    for (&(target, is_left_out), program) in self.targets.iter().zip(programs) {
                        let binary = Binary {
                            suite: self,
                            target,
                            is_left_out,
                            program,
                        };
                        rows.extend(binary.run(session, names)?);
                    }
                }
                Err(said) => {
                    session
                        .report
                        .add(&format!("\n$ {}\n{}\n", said.line, said.text))?;
                    let verdict = said.verdict(&["error: ", "error["], String::new());
                    rows.push(session.show(Row::bare(session.tool.name, &self.name, verdict)));
                }
            }
        }
        if session.only.is_none() {
            rows.extend(self.lacking.iter().map(|(target, feature)| {
                let what = format!("{}: {target}", self.name);
                let why = format!("it is built with the feature {feature} only");
                session.show(Row::not_run(session.tool.name, what, &why))
            }));
        }
        Ok(rows)
    }
}

/// Let cargo build test binaries: the programs in the order of the targets, or what it said.
pub(crate) fn build(
    tool: &Tool,
    arguments: &str,
    targets: &[&Target],
) -> Outcome<Result<Vec<PathBuf>, Said>> {
    let all = format!("--no-run --message-format=json-render-diagnostics {arguments}");
    let said = listen(tool.cargo("test", &all)?)?;
    if !said.success {
        return Ok(Err(said));
    }
    let lines = said.text.lines();
    let made = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let made = made.collect::<Vec<_>>();
    let programs = targets.iter().map(|target| {
        let mut found = made.iter().filter_map(|message| target.executable(message));
        found.next().ok_or(format!(
            "cargo made no program of {arguments} {}",
            target.argument
        ))
    });
    programs.collect::<Outcome<Vec<_>>>().map(Ok)
}

/// A test binary.
struct Binary<'a> {
    suite: &'a Suite<'a>,
    target: &'a Target,
    is_left_out: bool,
    program: PathBuf,
}

impl Binary<'_> {
    fn name(&self) -> String {
        format!(
            "{}: {}",
            self.suite.name,
            self.target.argument.trim_start_matches("--")
        )
    }

    /// Run what is chosen of it; none if nothing is.
    fn run(&self, session: &Session<'_>, names: &mut BTreeSet<String>) -> Outcome<Option<Row>> {
        let tool = session.tool;
        let mut command = self.command(tool, tool.under)?;
        let mut expected = None;
        if self.target.has_harness {
            let all = self.list(tool)?;
            let is_chosen = |name: &&String| self.is_chosen(session, name);
            let chosen = all.iter().filter(is_chosen).collect::<Vec<_>>();
            if chosen.is_empty() {
                names.extend(all);
                return Ok(None);
            }
            expected = Some(chosen.len());
            if chosen.len() < all.len() {
                command.arg("--exact").args(chosen);
            }
            names.extend(all);
        } else if session
            .only
            .is_some_and(|only| !self.target.argument.contains(only))
        {
            return Ok(None);
        }
        let said = session.during(&self.name(), || session.report.run(command))?;
        Ok(Some(session.show(self.judged(tool, &said, expected))))
    }

    fn is_chosen(&self, session: &Session<'_>, name: &str) -> bool {
        let is_skipped = self.suite.skipped.iter().any(|part| name.contains(part));
        let is_left_out = self.is_left_out || is_skipped;
        is_left_out == session.excluded && name.contains(session.only.unwrap_or_default())
    }

    /// A tool that ends a program early, and yet well, has not seen its tests.
    fn judged(&self, tool: &Tool, said: &Said, expected: Option<usize>) -> Row {
        let ran = expected.map_or(1, |_| passed(&said.text));
        let good = format!("{ran} tests, nothing to report");
        let verdict = match said.verdict(tool.telling, good) {
            Verdict::Good(_) if expected.is_some_and(|expected| expected != ran) => Verdict::Bad(
                format!("{ran} of {} tests passed", expected.unwrap_or_default()),
            ),
            verdict => verdict,
        };
        Row {
            tool: tool.name,
            kind: Kind::Binary(ran),
            what: self.name(),
            verdict,
            seconds: said.seconds,
        }
    }

    /// The names of its tests.
    fn list(&self, tool: &Tool) -> Outcome<Vec<String>> {
        let mut list = self.command(tool, &[])?;
        list.args(["--list", "--format", "terse"]);
        // To be asked is not to be tested: a tracer in the program keeps what it hides from the checker.
        for name in ["ASAN_OPTIONS", "LSAN_OPTIONS"] {
            list.env(name, "detect_leaks=0");
        }
        let said = output(list)?;
        let text = String::from_utf8_lossy(&said.stdout);
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    /// It stands where cargo would start it, and is told the same.
    fn command(&self, tool: &Tool, under: &[&str]) -> Outcome<Command> {
        let Package { name, folder, .. } = self.suite.package;
        let mut command = clients::below(under, &self.program);
        command
            .current_dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            .env("CARGO_MANIFEST_PATH", folder.join("Cargo.toml"))
            .env("CARGO_PKG_NAME", name)
            .envs(tool.environment());
        Ok(command)
    }
}

impl Target {
    /// The test program that a message of cargo tells of, if it is of this target.
    fn executable(&self, message: &Value) -> Option<PathBuf> {
        let target = &message["target"];
        let name = target["name"].as_str()?;
        let argument = match target["kind"][0].as_str()? {
            "test" => format!("--test {name}"),
            "bin" => format!("--bin {name}"),
            _ => "--lib".to_owned(),
        };
        let is_test = message["profile"]["test"].as_bool()? || !self.has_harness;
        let path = Path::new(message["executable"].as_str()?);
        (argument == self.argument && is_test).then(|| path.to_path_buf())
    }
}

/// How many tests passed.
fn passed(text: &str) -> usize {
    let lines = text.lines().filter_map(|line| {
        let counts = line.strip_prefix("test result: ok. ")?;
        counts.split_whitespace().next()?.parse::<usize>().ok()
    });
    lines.sum()
}

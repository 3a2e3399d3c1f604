//! The test binaries of the workspace, asked of cargo: none is left out but by name and reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Outcome, command, output};

/// A package with tests.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Where its tests stand when cargo starts them.
    pub(crate) folder: PathBuf,
    /// The sets of features that its tests run with.
    pub(crate) sets: Vec<Set>,
    pub(crate) targets: Vec<Target>,
}

/// A set of features.
pub(crate) struct Set {
    /// What the report calls it.
    pub(crate) name: &'static str,
    /// How cargo is told.
    pub(crate) arguments: String,
    features: BTreeSet<String>,
}

/// What cargo makes a test binary of.
pub(crate) struct Target {
    /// The argument that chooses it: `--lib`, `--test NAME`, `--bin NAME`.
    pub(crate) argument: String,
    /// It is not built without.
    required: Vec<String>,
    /// Programs are often a `main` and no more.
    pub(crate) has_tests: bool,
    /// Whether it takes the arguments of Rust's test harness.
    pub(crate) has_harness: bool,
}

impl Set {
    /// What a target lacks to be built with these features.
    pub(crate) fn lacks<'a>(&self, target: &'a Target) -> Option<&'a str> {
        let missing = |feature: &&String| !self.features.contains(*feature);
        target
            .required
            .iter()
            .find(missing)
            .map(|name| name.as_str())
    }
}

/// Features beyond the defaults that bring tests along.
const MORE: &[(&str, &str)] = &[("heap-view", "command")];

/// Ask cargo for every package of the workspace that has tests.
pub(crate) fn packages() -> Outcome<Vec<Package>> {
    let said = output(command("cargo metadata --no-deps --format-version 1"))?;
    let said: Value = serde_json::from_slice(&said.stdout).map_err(|error| error.to_string())?;
    let packages = said["packages"].as_array().into_iter().flatten();
    Ok(packages.map(package).collect())
}

fn package(of: &Value) -> Package {
    let name = text(&of["name"]);
    let targets = of["targets"].as_array().into_iter().flatten();
    let manifest = PathBuf::from(text(&of["manifest_path"]));
    let bare = without_harness(&fs::read_to_string(&manifest).unwrap_or_default());
    Package {
        sets: sets(&name, &of["features"]),
        targets: targets.filter_map(|of| target(of, &bare)).collect(),
        folder: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
        name,
    }
}

/// The tests that say `harness = false` in a manifest: cargo's metadata do not tell.
fn without_harness(manifest: &str) -> Vec<String> {
    let tables = manifest.split("[[test]]").skip(1);
    let bare = tables.filter_map(|table| {
        let lines = table.lines().take_while(|line| !line.starts_with('['));
        let lines = lines.collect::<Vec<_>>();
        lines.contains(&"harness = false").then_some(())?;
        let name = lines
            .iter()
            .find_map(|line| line.strip_prefix("name = \""))?;
        Some(name.trim_end_matches('"').to_owned())
    });
    bare.collect()
}

fn target(of: &Value, bare: &[String]) -> Option<Target> {
    let kinds = list(&of["kind"]);
    let name = text(&of["name"]);
    let argument = match kinds.first()?.as_str() {
        "lib" => "--lib".to_owned(),
        "test" => format!("--test {name}"),
        "bin" => format!("--bin {name}"),
        _ => return None,
    };
    let is_program = argument.starts_with("--bin");
    let tested = || {
        let source = fs::read_to_string(text(&of["src_path"])).unwrap_or_default();
        // A program's modules have its tests, if it has any.
        source.contains("#[test]") || source.lines().any(|line| line.starts_with("mod "))
    };
    Some(Target {
        argument,
        required: list(&of["required-features"]),
        has_tests: !is_program || tested(),
        has_harness: !bare.contains(&name),
    })
}

fn sets(package: &str, features: &Value) -> Vec<Set> {
    let set = |name, arguments: &str, chosen: &[String]| Set {
        name,
        arguments: arguments.to_owned(),
        features: closure(chosen, features),
    };
    let defaults = list(&features["default"]);
    let mut sets = vec![set("default features", "", &defaults)];
    if !defaults.is_empty() {
        sets.push(set("minimal features", "--no-default-features", &[]));
    }
    for (_, more) in MORE.iter().filter(|(name, _)| *name == package) {
        let chosen = [defaults.as_slice(), &[(*more).to_owned()]].concat();
        sets.push(set("more features", &format!("--features {more}"), &chosen));
    }
    sets
}

/// The features that these ones switch on, themselves included.
fn closure(chosen: &[String], features: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut rest = chosen.to_vec();
    while let Some(feature) = rest.pop() {
        let more = list(&features[feature.as_str()]);
        if all.insert(feature) {
            rest.extend(more);
        }
    }
    all
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

fn list(of: &Value) -> Vec<String> {
    of.as_array().into_iter().flatten().map(text).collect()
}

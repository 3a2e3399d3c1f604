//! The Rust tests of the workspace: every binary, with default and with minimal features.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Session;
use super::binaries::{self, Package};
use super::excluded::{EXCLUDED, Excluded, What};
use super::pool;
use super::report::{Row, Verdict};
use super::suite::Suite;
use super::tool::{Rust, Tool};
use crate::run::{Outcome, root, run};

/// The crates on the border with C, and below it: what CI runs.
pub(crate) const BORDER: &[&str] = &["arena-core", "tagheap", "heap-capi"];

/// Run the tests of the chosen packages. Several packages at a time: the binaries of one may write to the
/// same files.
pub(crate) fn run_all(session: &Session<'_>, chosen: impl Fn(&str) -> bool) -> Outcome<Vec<Row>> {
    let tool = session.tool;
    if let Rust::No(why) = tool.rust {
        let row = || session.show(Row::not_run(tool.name, "tests in Rust", why));
        return Ok(session.only.is_none().then(row).into_iter().collect());
    }
    let mut packages = binaries::packages()?;
    packages.retain(|package| chosen(&package.name));
    // The longest ones first, so that none is left over in the end.
    packages.sort_by_key(|package| LONGEST.iter().position(|name| *name == package.name));
    let rows = pool::map(session.jobs, &packages, |package| of(session, package))?;
    Ok(rows.into_iter().flatten().collect())
}

/// The others, which `position` does not find, come before: their order hardly matters.
const LONGEST: &[&str] = &["tests", "tagheap", "arena-core"];

/// Run the tests of a package with each set of its features.
fn of(session: &Session<'_>, package: &Package) -> Outcome<Vec<Row>> {
    let is_meant =
        |left: &&Excluded| left.package == package.name && left.under.contains(&session.tool.mode);
    let left_out = EXCLUDED.iter().filter(is_meant).collect::<Vec<_>>();
    let mut rows = Vec::new();
    let mut names = BTreeSet::new();
    let is_left_out = left_out
        .iter()
        .any(|left| matches!(left.what, What::Package));
    for set in package
        .sets
        .iter()
        .filter(|_| is_left_out == session.excluded || !is_left_out)
    {
        let suite = Suite::of(package, set, &left_out, session.excluded);
        rows.extend(suite.run(session, &mut names)?);
    }
    if session.only.is_none() && !session.excluded {
        let more = left_out
            .iter()
            .map(|left| left.row(session.tool, package, &names));
        rows.extend(more.map(|row| session.show(row)));
    }
    Ok(rows)
}

impl Excluded {
    /// Why it is not run; or that there is nothing of that name: a list goes stale in silence.
    fn row(&self, tool: &Tool, package: &Package, names: &BTreeSet<String>) -> Row {
        let what = match self.what {
            What::Target(argument) => argument.trim_start_matches("--"),
            What::Package => "all tests",
            What::Tests(part) => part,
        };
        let what = format!("{}: {what}", self.package);
        if self.fits(package, names) {
            Row::not_run(tool.name, what, self.reason)
        } else {
            let why = "excluded.rs names it, and there is no such test";
            Row::bare(tool.name, what, Verdict::Bad(why.to_owned()))
        }
    }

    /// Tell whether there is such a thing in the package, whose tests have these names.
    fn fits(&self, package: &Package, names: &BTreeSet<String>) -> bool {
        match self.what {
            What::Target(argument) => {
                let mut targets = package.targets.iter();
                targets.any(|target| target.argument == argument)
            }
            What::Package => true,
            What::Tests(part) => names.iter().any(|name| name.contains(part)),
        }
    }
}

/// Build an example of a package for a tool, and return the program's path.
pub(crate) fn example(tool: &Tool, package: &str, name: &str) -> Outcome<PathBuf> {
    let build = format!("--quiet --package {package} --example {name}");
    run(tool.cargo("build", &build)?)?;
    Ok(root()
        .join(tool.folder()?)
        .join("debug/examples")
        .join(name))
}

#[cfg(test)]
mod tests;

//! The data files: comma-separated values, one figure a line, and what they were measured with.

use std::fmt::Write as _;
use std::fs;

use super::program::Run;
use crate::run::{Outcome, command, output, root};

const FOLDER: &str = "dev/bench/results";
pub(crate) const ENVIRONMENT: &str = "environment.csv";
pub(crate) const INSTRUCTIONS: &str = "instructions.csv";
pub(crate) const FAULTS: &str = "faults.csv";
pub(crate) const TIMES: &str = "times.csv";
pub(crate) const DROPS: &str = "drops.csv";
pub(crate) const TRACING: &str = "tracing.csv";
pub(crate) const TRACING_FAULTS: &str = "tracing-faults.csv";
pub(crate) const TRACING_TIMES: &str = "tracing-times.csv";

/// The dependencies whose versions matter.
const PACKAGES: [&str; 6] = [
    "bumpalo",
    "bump-scope",
    "blink-alloc",
    "typed-arena",
    "mimalloc",
    "allocator-api2",
];

const HEAD: &str = "workload,peer,value,low,high,title";

/// One number: of a workload, on a peer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) workload: String,
    pub(crate) peer: String,
    pub(crate) spread: Spread,
    pub(crate) title: String,
}

/// A median and the quartiles around it; all the same for what is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of samples, of which there is at least one.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| sorted[(sorted.len() - 1) * quarters / 4];
        Self {
            median: at(2),
            low: at(1),
            high: at(3),
        }
    }
}

impl Figure {
    pub(crate) fn of(run: &Run, value: f64) -> Self {
        Self::spread(run, Spread::of(&[value]))
    }

    pub(crate) fn spread(run: &Run, spread: Spread) -> Self {
        Self {
            workload: run.workload.clone(),
            peer: run.peer.clone(),
            spread,
            title: run.title.clone(),
        }
    }

    fn line(&self) -> String {
        let Spread { median, low, high } = self.spread;
        format!(
            "{},{},{median:.3},{low:.3},{high:.3},{}",
            self.workload, self.peer, self.title
        )
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ',');
        let mut text = || fields.next().map(str::to_owned);
        let (workload, peer) = (text()?, text()?);
        let mut number = || text()?.parse().ok();
        let (median, low, high) = (number()?, number()?, number()?);
        Some(Self {
            workload,
            peer,
            spread: Spread { median, low, high },
            title: text()?,
        })
    }
}

/// Find the figure of a workload on a peer.
pub(crate) fn value(figures: &[Figure], workload: &str, peer: &str) -> Option<f64> {
    figures
        .iter()
        .find(|figure| figure.workload == workload && figure.peer == peer)
        .map(|figure| figure.spread.median)
}

pub(crate) fn write(name: &str, figures: &[Figure]) -> Outcome {
    let mut text = format!("{HEAD}\n");
    for figure in figures {
        let _ = writeln!(text, "{}", figure.line());
    }
    write_text(name, &text)
}

pub(crate) fn write_text(name: &str, text: &str) -> Outcome {
    let path = root().join(FOLDER).join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("wrote {FOLDER}/{name}");
    Ok(())
}

pub(crate) fn read_text(name: &str) -> Outcome<String> {
    let path = root().join(FOLDER).join(name);
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(crate) fn read(name: &str) -> Outcome<Vec<Figure>> {
    let text = read_text(name)?;
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(format!("{FOLDER}/{name} does not begin with {HEAD:?}"));
    }
    lines
        .map(|line| Figure::parse(line).ok_or_else(|| format!("{FOLDER}/{name}: {line:?}")))
        .collect()
}

/// Write down what the figures beside it were measured with.
pub(crate) fn write_environment() -> Outcome {
    let lock = fs::read_to_string(root().join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let mut text = String::from("what,version\n");
    for (what, line) in [
        ("date", "date --utc +%F"),
        ("commit", "git describe --always --dirty --abbrev=10"),
        ("rustc", "rustc --version"),
        ("valgrind", "valgrind --version"),
        ("kernel", "uname --kernel-release"),
        ("glibc", "getconf GNU_LIBC_VERSION"),
    ] {
        let said = output(command(line))?;
        let _ = writeln!(
            text,
            "{what},{}",
            String::from_utf8_lossy(&said.stdout).trim()
        );
    }
    let _ = writeln!(text, "processor,{}", processor());
    for package in PACKAGES {
        let _ = writeln!(text, "{package},{}", versions(&lock, package).join(" and "));
    }
    write_text(ENVIRONMENT, &text)
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown");
    format!("{model}; {cores} processors")
}

/// The versions of a package in the lock file.
fn versions(lock: &str, package: &str) -> Vec<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == name
            && let Some(version) = lines
                .next()
                .and_then(|line| line.strip_prefix("version = "))
        {
            found.push(version.trim_matches('"').to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_as_it_was_written() {
        let figure = Figure {
            workload: "one-u64".to_owned(),
            peer: "bump-scope-8".to_owned(),
            spread: Spread::of(&[10.25, 9.5, 11.0, 9.0, 12.0]),
            title: "bump-scope, min-align 8".to_owned(),
        };
        assert_eq!(figure.spread.median, 10.25);
        assert_eq!((figure.spread.low, figure.spread.high), (9.5, 11.0));
        assert_eq!(Figure::parse(&figure.line()), Some(figure));
        assert_eq!(Figure::parse("one-u64,limit,9"), None);
    }

    #[test]
    fn versions_are_those_of_the_whole_name() {
        let lock = "[[package]]\nname = \"bump\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"bump-scope\"\nversion = \"2.4.1\"\n";
        assert_eq!(versions(lock, "bump"), ["1.0.0"]);
        assert_eq!(versions(lock, "bump-scope"), ["2.4.1"]);
        assert!(versions(lock, "scope").is_empty());
    }
}

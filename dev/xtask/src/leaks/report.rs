//! What a tool said, in a file; and what it came to, in a table.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::process::{Said, listen};
use crate::run::{Outcome, root};

/// What became of one thing under one tool.
pub(crate) enum Verdict {
    Good(String),
    Bad(String),
    Missing(String),
    /// Left out, and why.
    NotRun(String),
}

/// What a row of the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A test binary, in which so many tests passed.
    Binary(usize),
    /// A program in C without a fault.
    Program,
    /// A program with a planted fault.
    Planted,
    /// Something that was not run.
    Other,
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) tool: &'static str,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) verdict: Verdict,
    pub(crate) seconds: f64,
}

impl Row {
    /// A row about something that was not run.
    pub(crate) fn bare(tool: &'static str, what: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            tool,
            kind: Kind::Other,
            what: what.into(),
            verdict,
            seconds: 0.0,
        }
    }

    pub(crate) fn not_run(tool: &'static str, what: impl Into<String>, why: &str) -> Self {
        Self::bare(tool, what, Verdict::NotRun(why.to_owned()))
    }

    pub(crate) fn missing(tool: &'static str, what: impl Into<String>, why: String) -> Self {
        Self::bare(tool, what, Verdict::Missing(why))
    }

    /// The verdict in a word, and what is to be said of it.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match &self.verdict {
            Verdict::Good(words) => ("ok", words),
            Verdict::Bad(words) => ("FAILED", words),
            Verdict::Missing(words) => ("missing", words),
            Verdict::NotRun(words) => ("not run", words),
        }
    }

    /// The row by itself.
    pub(crate) fn line(&self) -> String {
        self.padded(60)
    }

    fn padded(&self, width: usize) -> String {
        let (mark, words) = self.words();
        // One line of a longer story: the report has it all.
        let words = words.lines().next().unwrap_or_default();
        let Self {
            tool,
            what,
            seconds,
            ..
        } = self;
        format!("{mark:<7} {tool:<9} {what:<width$} {seconds:>6.1} s  {words}")
    }
}

/// Draw the table: one line for each row.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}", row.padded(width));
    }
    text
}

/// A report that grows; several threads may add to it.
pub(crate) struct Report {
    file: Mutex<File>,
    path: PathBuf,
}

impl Report {
    pub(crate) fn create(name: &str, version: &str) -> Outcome<Self> {
        let folder = root().join("target/leaks");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = folder.join(name);
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let report = Self {
            file: Mutex::new(file),
            path,
        };
        report.add(&format!("{version}\n"))?;
        Ok(report)
    }

    /// The path as a person would type it.
    pub(crate) fn shown(&self) -> String {
        let path = self.path.strip_prefix(root()).unwrap_or(&self.path);
        path.display().to_string()
    }

    pub(crate) fn add(&self, text: &str) -> Outcome {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(text.as_bytes());
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Run a command to its end; keep all that it said.
    pub(crate) fn run(&self, command: Command) -> Outcome<Said> {
        let said = listen(command)?;
        let Said {
            line, text, status, ..
        } = &said;
        self.add(&format!("\n$ {line}\n{text}{status}\n"))?;
        Ok(said)
    }
}

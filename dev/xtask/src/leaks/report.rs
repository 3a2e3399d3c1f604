//! What a tool said, in a file; and what it came to, in a table.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::run::{Outcome, display, root};

/// What became of one thing under one tool.
pub(crate) enum Verdict {
    Good(String),
    Bad(String),
    Missing(String),
    /// Left out, and why.
    NotRun(String),
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) tool: &'static str,
    pub(crate) what: String,
    pub(crate) verdict: Verdict,
    pub(crate) seconds: f64,
}

impl Row {
    /// A row about something that was not run.
    pub(crate) fn bare(tool: &'static str, what: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            tool,
            what: what.into(),
            verdict,
            seconds: 0.0,
        }
    }

    pub(crate) fn not_run(tool: &'static str, what: impl Into<String>, why: &str) -> Self {
        Self::bare(tool, what, Verdict::NotRun(why.to_owned()))
    }

    /// Print the row by itself, while the next one is awaited.
    pub(crate) fn show(self) -> Self {
        print!("{}", table(std::slice::from_ref(&self)));
        self
    }
}

/// Draw the table: one line for each row.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let Row {
            tool,
            what,
            seconds,
            ..
        } = row;
        let (mark, words) = match &row.verdict {
            Verdict::Good(words) => ("ok     ", words),
            Verdict::Bad(words) => ("FAILED ", words),
            Verdict::Missing(words) => ("missing", words),
            Verdict::NotRun(words) => ("not run", words),
        };
        // One line of a longer story: the report has it all.
        let words = words.lines().next().unwrap_or_default();
        let _ = writeln!(
            text,
            "{mark} {tool:<9} {what:<width$} {seconds:>7.1} s  {words}"
        );
    }
    text
}

/// A report that grows.
pub(crate) struct Report {
    file: File,
    path: PathBuf,
}

impl Report {
    pub(crate) fn create(name: &str, version: &str) -> Outcome<Self> {
        let folder = root().join("target/leaks");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = folder.join(name);
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut report = Self { file, path };
        report.add(&format!("{version}\n"))?;
        Ok(report)
    }

    /// The path as a person would type it.
    pub(crate) fn shown(&self) -> String {
        let path = self.path.strip_prefix(root()).unwrap_or(&self.path);
        path.display().to_string()
    }

    fn add(&mut self, text: &str) -> Outcome {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Run a command to its end; keep all that it said.
    pub(crate) fn run(&mut self, mut command: Command) -> Outcome<Said> {
        let line = display(&command);
        let start = Instant::now();
        let output = command
            .output()
            .map_err(|error| format!("`{line}` did not start: {error}"))?;
        let seconds = start.elapsed().as_secs_f64();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let text = format!("{stdout}{stderr}");
        self.add(&format!("\n$ {line}\n{text}{}\n", output.status))?;
        Ok(Said {
            text,
            success: output.status.success(),
            status: output.status.to_string(),
            seconds,
        })
    }

    pub(crate) fn end(&mut self, rows: &[Row]) -> Outcome {
        self.add(&format!("\n{}", table(rows)))
    }
}

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) success: bool,
    pub(crate) status: String,
    pub(crate) seconds: f64,
}

impl Said {
    /// Good if the command succeeded; otherwise the first line that has one of these words.
    pub(crate) fn verdict(&self, telling: &[&str], good: String) -> Verdict {
        if self.success {
            return Verdict::Good(good);
        }
        let told = |line: &&str| telling.iter().any(|word| line.contains(word));
        let line = self.text.lines().find(told);
        Verdict::Bad(line.unwrap_or(&self.status).trim().to_owned())
    }
}

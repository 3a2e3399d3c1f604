//! What a tool's run came to, in a line for people and in JSON for machines.

use serde_json::{Value, json};

use super::report::{Kind, Row, Verdict};

/// A tool's run.
pub(crate) struct Summary {
    pub(crate) tool: &'static str,
    /// Its version; none where it is missing.
    pub(crate) version: Option<String>,
    /// Its file; none where there is none.
    pub(crate) report: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) seconds: f64,
}

impl Summary {
    /// How many rows are like this.
    pub(crate) fn count(&self, is_so: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|row| is_so(row)).count()
    }

    pub(crate) fn findings(&self) -> usize {
        self.count(|row| matches!(row.verdict, Verdict::Bad(_)))
    }

    pub(crate) fn missing(&self) -> usize {
        self.count(|row| matches!(row.verdict, Verdict::Missing(_)))
    }

    fn not_run(&self) -> usize {
        self.count(|row| matches!(row.verdict, Verdict::NotRun(_)))
    }

    fn binaries(&self) -> usize {
        self.count(|row| matches!(row.kind, Kind::Binary(_)))
    }

    fn tests(&self) -> usize {
        let tests = self.rows.iter().map(|row| match row.kind {
            Kind::Binary(tests) => tests,
            _ => 0,
        });
        tests.sum()
    }

    fn programs(&self, kind: Kind) -> usize {
        self.count(|row| row.kind == kind)
    }

    /// Its line of the table, in the order of `HEADING`.
    fn cells(&self) -> [String; 9] {
        [
            self.tool.to_owned(),
            self.tests().to_string(),
            self.binaries().to_string(),
            self.programs(Kind::Program).to_string(),
            self.programs(Kind::Planted).to_string(),
            self.findings().to_string(),
            self.missing().to_string(),
            self.not_run().to_string(),
            format!("{:.0} s", self.seconds),
        ]
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let (verdict, words) = row.words();
            let (kind, tests) = match row.kind {
                Kind::Binary(tests) => ("binary", Some(tests)),
                Kind::Program => ("program", None),
                Kind::Planted => ("planted", None),
                Kind::Other => ("other", None),
            };
            json!({
                "what": row.what, "kind": kind, "tests": tests, "verdict": verdict.to_lowercase(),
                "said": words, "seconds": row.seconds,
            })
        });
        json!({
            "tool": self.tool, "version": self.version, "report": self.report,
            "tests": self.tests(), "binaries": self.binaries(),
            "programs": self.programs(Kind::Program), "planted": self.programs(Kind::Planted),
            "findings": self.findings(), "not_run": self.not_run(), "missing": self.missing(),
            "seconds": self.seconds, "rows": rows.collect::<Vec<_>>(),
        })
    }
}

const HEADING: [&str; 9] = [
    "tool",
    "tests",
    "binaries",
    "C programs",
    "planted",
    "findings",
    "missing",
    "not run",
    "time",
];

/// All tools' runs for a person: a line for each.
pub(crate) fn table(summaries: &[Summary]) -> String {
    let mut lines = vec![HEADING.map(str::to_owned)];
    lines.extend(summaries.iter().map(Summary::cells));
    let line = |cells: &[String; 9]| {
        let padded = cells.iter().zip(HEADING).map(|(cell, heading)| {
            let width = heading.len().max(8);
            format!("{cell:<width$}")
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = lines.iter().map(line).collect::<Vec<_>>().join("\n");
    for summary in summaries {
        if let Some(report) = &summary.report {
            text.push_str(&format!("\n{}: {report}", summary.tool));
        }
    }
    text
}

/// All tools' runs for a machine.
pub(crate) fn json(summaries: &[Summary]) -> Value {
    json!({
        "version": 1,
        "tools": summaries.iter().map(Summary::json).collect::<Vec<_>>(),
    })
}

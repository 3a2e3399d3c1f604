//! The command `errno-check FILE [FILE2] [--semantics NAME|all] [--json]`.

use crate::check::{Answer, Verdict, check};
use crate::pair::Pair;
use crate::refusal::Refusal;
use crate::semantics::Semantics;
use crate::witness::{Step, Witness};
use clap::Parser;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Decide what a compiler may do around a malloc that fails: may @tgt stand for @src?
///
/// Exit status: 0 if all verdicts are ok, 1 if any is no, 2 if anything is not understood.
#[derive(Debug, Parser)]
#[command(name = "errno-check", version)]
struct Arguments {
    /// LLVM IR with @src and @tgt, or with the source alone
    file: PathBuf,

    /// LLVM IR with the target, if it has a text of its own
    target: Option<PathBuf>,

    /// One semantics by name, or `all`; without it, the six of today
    #[arg(long, value_name = "NAME|all", value_parser = chosen)]
    semantics: Option<Chosen>,

    /// Print one JSON object per semantics, a line each
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone)]
struct Chosen(Vec<Semantics>);

fn chosen(text: &str) -> Result<Chosen, String> {
    if text.eq_ignore_ascii_case("all") {
        return Ok(Chosen(Semantics::ALL.to_vec()));
    }
    text.parse().map(|semantics| Chosen(vec![semantics]))
}

const ANY_NO: u8 = 1;
const NOT_UNDERSTOOD: u8 = 2;

/// Runs the command with these arguments, without the name of the program.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("errno-check");
    let arguments = match Arguments::try_parse_from([name].into_iter().chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match run(&arguments, &mut io::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        // A reader that has seen enough closes the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("errno-check: cannot write the answer: {error}");
            ExitCode::from(NOT_UNDERSTOOD)
        }
    }
}

fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<u8> {
    let semantics = match &arguments.semantics {
        Some(chosen) => chosen.0.as_slice(),
        None => &Semantics::CURRENT,
    };
    let pair = match read(arguments) {
        Ok(pair) => pair,
        Err(trouble) => {
            eprintln!("errno-check: {trouble}");
            if arguments.json {
                for semantics in semantics {
                    let object = json!({
                        "semantics": semantics.name(),
                        "verdict": "unsupported",
                        "witness": null,
                        "reason": trouble.json(),
                    });
                    writeln!(out, "{object}")?;
                }
            }
            return Ok(NOT_UNDERSTOOD);
        }
    };
    let answers: Vec<Answer> = semantics
        .iter()
        .map(|&semantics| check(&pair, semantics))
        .collect();
    if arguments.json {
        for answer in &answers {
            writeln!(out, "{}", object(answer))?;
        }
    } else {
        table(&answers, out)?;
    }
    let any = |wanted: fn(&Verdict) -> bool| answers.iter().any(|answer| wanted(&answer.verdict));
    Ok(
        if any(|verdict| matches!(verdict, Verdict::Unsupported(_))) {
            NOT_UNDERSTOOD
        } else if any(|verdict| matches!(verdict, Verdict::No(_))) {
            ANY_NO
        } else {
            0
        },
    )
}

/// Why there is no pair.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot read {path}: {error}")]
    File { path: String, error: io::Error },
    #[error("{0}")]
    Refused(Refusal),
}

impl Trouble {
    fn json(&self) -> Value {
        match self {
            Self::File { path, error } => json!({ "file": path, "message": error.to_string() }),
            Self::Refused(refusal) => reason(refusal),
        }
    }
}

fn reason(refusal: &Refusal) -> Value {
    json!({
        "file": refusal.file,
        "line": refusal.line,
        "token": refusal.token,
        "message": refusal.message,
    })
}

fn read(arguments: &Arguments) -> Result<Pair, Trouble> {
    let source = text(&arguments.file)?;
    let name = arguments.file.display().to_string();
    let pair = match &arguments.target {
        None => Pair::from_text(&name, &source),
        Some(path) => {
            let target = text(path)?;
            Pair::from_texts((&name, &source), (&path.display().to_string(), &target))
        }
    };
    pair.map_err(Trouble::Refused)
}

fn text(path: &Path) -> Result<String, Trouble> {
    fs::read_to_string(path).map_err(|error| Trouble::File {
        path: path.display().to_string(),
        error,
    })
}

fn table(answers: &[Answer], out: &mut impl Write) -> io::Result<()> {
    for answer in answers {
        let Answer {
            semantics,
            verdict,
            cases,
            runs,
        } = answer;
        match verdict {
            Verdict::Ok => writeln!(
                out,
                "{semantics:<18} ok   in all {cases} cases, {runs} runs"
            )?,
            Verdict::No(witness) => {
                writeln!(out, "{semantics:<18} no")?;
                write!(out, "{witness}")?;
            }
            Verdict::Unsupported(refusal) => {
                writeln!(out, "{semantics:<18} not understood: {refusal}")?
            }
        }
    }
    writeln!(out, "\n{}", crate::BOUND)
}

fn object(answer: &Answer) -> Value {
    let witness = match &answer.verdict {
        Verdict::No(witness) => witness_object(witness),
        _ => Value::Null,
    };
    let mut object = json!({
        "semantics": answer.semantics.name(),
        "verdict": answer.verdict.word(),
        "witness": witness,
        "cases": answer.cases,
        "runs": answer.runs,
        "bound": crate::BOUND,
    });
    if let Verdict::Unsupported(refusal) = &answer.verdict {
        object["reason"] = reason(refusal);
    }
    object
}

fn witness_object(witness: &Witness) -> Value {
    let given: serde_json::Map<String, Value> = witness
        .given
        .iter()
        .map(|(what, value)| (what.clone(), json!(value)))
        .collect();
    let source: Vec<Value> = witness
        .source
        .iter()
        .map(|(outcome, calls)| json!({ "calls": steps(calls), "outcome": outcome }))
        .collect();
    json!({
        "errno": witness.errno,
        "aliasing": witness.aliasing,
        "given": given,
        "schedule": witness.schedule,
        "target": { "calls": steps(&witness.target_calls), "outcome": witness.target },
        "source": source,
    })
}

fn steps(calls: &[Step]) -> Vec<Value> {
    calls
        .iter()
        .map(|step| json!({ "line": step.line, "call": step.call, "did": step.did, "errno": step.errno }))
        .collect()
}

//! Every planted bug gets the verdict that its first lines say, at the place that they name.
//!
//! Each program is compiled and swept in processes of its own.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program's first lines say.
#[derive(Debug, Default)]
struct Expected {
    /// Function, shape, verdict.
    verdicts: Vec<[String; 3]>,
    /// Function, words.
    budgets: Vec<(String, String)>,
    /// The function in which it crashes.
    crash: Option<String>,
    arguments: Vec<String>,
    libraries: Vec<String>,
}

impl Expected {
    fn read(source: &str) -> Self {
        let mut expected = Self::default();
        for line in source.lines().map_while(|line| line.strip_prefix("// ")) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let words = || rest.split(' ').map(|word| word.replace('%', " "));
            match word {
                "expect" => {
                    let words: Vec<String> = words().collect();
                    expected
                        .verdicts
                        .push(words.try_into().expect("three words"));
                }
                "budget" => {
                    let (function, words) = rest.split_once(' ').expect("a function and words");
                    expected
                        .budgets
                        .push((function.to_owned(), words.to_owned()));
                }
                "crash" => expected.crash = Some(rest.to_owned()),
                "arguments" => expected.arguments = words().collect(),
                "libraries" => expected.libraries = words().collect(),
                _ => {}
            }
        }
        expected
    }
}

/// Compiles a program of the corpus.
fn compile(source: &Path, expected: &Expected) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join(source.file_stem().expect("a name"));
    let is_rust = source.extension().is_some_and(|kind| kind == "rs");
    let mut compiler = if is_rust {
        let mut compiler = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        compiler.args(["--edition", "2024", "-g", "-C", "opt-level=0"]);
        compiler
    } else {
        let mut compiler = Command::new("cc");
        compiler.args(["-g", "-O0"]);
        compiler
    };
    compiler
        .arg(source)
        .arg("-o")
        .arg(&program)
        .args(&expected.libraries);
    let status = compiler.status().expect("a compiler");
    assert!(status.success(), "{} does not compile", source.display());
    program
}

fn sweep(program: &Path, expected: &Expected) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_malloc-fault"))
        .args(["sweep", "--json"])
        .args(&expected.arguments)
        .arg("--")
        .arg(program)
        .stdin(Stdio::null())
        // An abort that reads debug information for its message first takes long.
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("the command");
    let report = serde_json::from_slice(&output.stdout);
    report.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn rows<'a>(report: &'a Value, name: &str) -> &'a [Value] {
    report[name].as_array().expect("a list")
}

fn functions(stack: &Value) -> Vec<&str> {
    stack
        .as_array()
        .expect("a stack")
        .iter()
        .map(|frame| frame["function"].as_str().expect("a name"))
        .map(|name| name.rsplit("::").next().unwrap_or(name))
        .collect()
}

/// What differs from what is expected, one line each.
fn differences(report: &Value, expected: &Expected) -> Vec<String> {
    let mut differs = Vec::new();
    for [function, shape, verdict] in &expected.verdicts {
        let seen: Vec<&str> = rows(report, "points")
            .iter()
            .filter(|point| point["shape"] == *shape)
            .filter(|point| {
                function == "-" || functions(&point["stack"]).contains(&function.as_str())
            })
            .map(|point| point["verdict"].as_str().expect("a word"))
            .collect();
        if seen.is_empty() || seen.iter().any(|seen| seen != verdict) {
            differs.push(format!(
                "{function} {shape}: expected {verdict}, seen {seen:?}"
            ));
        }
    }
    for (function, words) in &expected.budgets {
        let seen: Vec<&str> = rows(report, "budgets")
            .iter()
            .filter(|budget| functions(&budget["stack"]).contains(&function.as_str()))
            .map(|budget| budget["words"].as_str().expect("words"))
            .collect();
        if seen != [words] {
            differs.push(format!("{function}: expected {words:?}, seen {seen:?}"));
        }
    }
    if let Some(function) = &expected.crash {
        let groups = rows(report, "groups");
        let named = groups
            .iter()
            .any(|group| functions(&group["stack"]).contains(&function.as_str()));
        if !named {
            differs.push(format!("no crash in {function}: {groups:?}"));
        }
    }
    for group in rows(report, "groups") {
        if group["confirmed"] != true {
            differs.push(format!("not the same when run from the start: {group}"));
        }
    }
    differs
}

#[test]
fn every_planted_bug_gets_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut sources: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|row| row.expect("its rows").path())
        .collect();
    sources.sort();
    assert!(sources.len() >= 20, "{} programs", sources.len());
    let mut differs = Vec::new();
    for source in sources {
        let expected = Expected::read(&fs::read_to_string(&source).expect("its text"));
        assert!(
            !expected.verdicts.is_empty(),
            "{} expects nothing",
            source.display()
        );
        let program = compile(&source, &expected);
        let report = sweep(&program, &expected);
        let name = source
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        differs.extend(
            differences(&report, &expected)
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    assert!(differs.is_empty(), "{}", differs.join("\n"));
}

//! What a fork at each failure point gains against a run from the start for each: measured, and drawn.
//!
//! ```text
//! cargo build --release --package malloc-fault
//! cargo run --package malloc-fault --example gain -- measure target/release/malloc-fault tools/malloc-fault/real/gain.json
//! cargo run --package malloc-fault --example gain -- draw tools/malloc-fault/real/gain.json docs/pictures/fault-gain.svg
//! ```
//!
//! Both ways judge the same points with the same number of jobs, in turn, and their verdicts are compared. The medians count.

mod draw;

use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

const ROUNDS: usize = 3;

/// A thousand calls with this much work between them; a failure ends the program.
const SOURCE: &str = "#include <stdlib.h>\n\
    static volatile unsigned sink;\n\
    int main(int count, char **words) {\n\
        unsigned work = count > 1 ? atoi(words[1]) : 0;\n\
        for (int call = 0; call < 1000; call++) {\n\
            for (unsigned step = 0; step < work; step++) sink += step;\n\
            char *block = malloc(24);\n\
            if (!block) return 3;\n\
            free(block);\n\
        }\n\
        return 0;\n\
    }\n";

/// A program, what it reads, and which points are taken.
struct Subject {
    name: String,
    words: Vec<String>,
    input: String,
    options: &'static [&'static str],
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["measure", command, data] => measure(command, data, ""),
        ["measure", command, data, only] => measure(command, data, only),
        ["draw", data, picture] => {
            let rows: Vec<Value> = serde_json::from_str(&fs::read_to_string(data)?)?;
            Ok(fs::write(picture, draw::draw(&rows))?)
        }
        _ => Err("usage: gain measure COMMAND DATA [NAME], or gain draw DATA PICTURE".into()),
    }
}

fn subjects(folder: &Path) -> Result<Vec<Subject>, Box<dyn Error>> {
    let (source, program) = (folder.join("calls.c"), folder.join("calls"));
    fs::write(&source, SOURCE)?;
    let compiled = Command::new("cc")
        .arg("-O1")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()?;
    if !compiled.success() {
        return Err("the program does not compile".into());
    }
    let program = program.display().to_string();
    let rows = folder.join("rows.txt");
    fs::write(&rows, "one 1\ntwo 2\nthree 3\n")?;
    let mut subjects: Vec<Subject> = [0, 2_000, 12_000, 60_000]
        .map(|work| Subject {
            name: format!("1000 calls, {work} steps between"),
            words: vec![program.clone(), work.to_string()],
            input: String::new(),
            options: &[],
        })
        .into();
    let real = |words: &[&str], input: &str, options| Subject {
        name: words[0].to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        input: input.to_owned(),
        options,
    };
    let sum = "{ s[$1] += $2 } END { for (k in s) n += s[k]; print n }";
    let script = "create table t(a,b); insert into t values(1,'x'),(2,'y'); select * from t order by b desc;\n";
    let url = format!("file://{}", rows.display());
    subjects.extend([
        real(&["bc", "-l"], "1+2\nscale=20\n4*a(1)\n", &[]),
        real(&["sqlite3", ":memory:"], script, &[]),
        real(&["gawk", sum], "one 1\ntwo 2\nthree 3\n", &[]),
        real(&["curl", "-s", &url], "", &["--sample", "300"]),
    ]);
    Ok(subjects)
}

/// Measures the subjects whose name contains a word, and puts them in the place of their rows in the data.
fn measure(command: &str, data: &str, only: &str) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut rows: Vec<Value> = match fs::read_to_string(data) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Vec::new(),
    };
    for subject in subjects(folder.path())? {
        if !subject.name.contains(only) {
            continue;
        }
        for jobs in ["1", "2"] {
            let row = compare(command, &subject, jobs)?;
            println!("{row}");
            rows.retain(|old| old["name"] != row["name"] || old["jobs"] != row["jobs"]);
            rows.push(row);
        }
    }
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(data, format!("[\n{}\n]\n", lines.join(",\n")))?;
    Ok(())
}

fn compare(command: &str, subject: &Subject, jobs: &str) -> Result<Value, Box<dyn Error>> {
    let (mut by_fork, mut again, mut run) = (Vec::new(), Vec::new(), Vec::new());
    let mut points = 0;
    for _ in 0..ROUNDS {
        let forked = sweep(command, subject, jobs, &[])?;
        let rerun = sweep(command, subject, jobs, &["--rerun"])?;
        if verdicts(&forked) != verdicts(&rerun) {
            return Err(format!("{}: the verdicts differ", subject.name).into());
        }
        points = verdicts(&forked).len();
        let time = |report: &Value, field: &str| report[field].as_f64().unwrap_or(f64::NAN) / 1e6;
        by_fork.push(time(&forked, "sweep_ns"));
        again.push(time(&rerun, "sweep_ns"));
        run.extend([time(&forked, "run_ns"), time(&rerun, "run_ns")]);
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        (all[all.len() / 2] * 100.0).round() / 100.0
    };
    let (by_fork, again, run) = (median(by_fork), median(again), median(run));
    let gain = (10.0 * again / by_fork).round() / 10.0;
    Ok(
        json!({"name": subject.name, "jobs": jobs, "run_ms": run, "points": points,
        "by_fork_ms": by_fork, "from_the_start_ms": again, "gain": gain}),
    )
}

fn sweep(
    command: &str,
    subject: &Subject,
    jobs: &str,
    way: &[&str],
) -> Result<Value, Box<dyn Error>> {
    let mut input = tempfile::tempfile()?;
    std::io::Write::write_all(&mut input, subject.input.as_bytes())?;
    std::io::Seek::rewind(&mut input)?;
    let output = Command::new(command)
        .args(["sweep", "--json", "--count", "1", "--jobs", jobs])
        .args(way)
        .args(subject.options)
        .arg("--")
        .args(&subject.words)
        .stdin(input)
        .stderr(Stdio::null())
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn verdicts(report: &Value) -> Vec<String> {
    let points = report["points"].as_array().map_or(&[][..], Vec::as_slice);
    let mut rows: Vec<String> = points
        .iter()
        .map(|point| format!("{} {} {}", point["call"], point["shape"], point["verdict"]))
        .collect();
    rows.sort();
    rows
}

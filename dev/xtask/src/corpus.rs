//! The fault corpus under every tool: the table of who reports what.
//!
//! `cargo xtask corpus` runs all programs under all tools and writes the table; `--check` only
//! compares. The programs are in `tests/corpus`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::run::{Outcome, command, display, output, root};

/// What the test of the corpus reads, and the page stamps.
const CSV: &str = "tests/corpus/results/corpus.csv";
const TABLE: &str = "tests/corpus/results/corpus.md";

/// How one tool runs the programs.
struct Tool {
    name: &'static str,
    build: usize,
    /// Its command line, before the program.
    under: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What it says of a leak, and of any other fault: one of these.
    leak: &'static [&'static str],
    fault: &'static [&'static str],
    /// A fault that it sees, but cannot name.
    unnamed: &'static str,
}

/// How the programs are built for a tool, and what the compiler is told.
const BUILDS: [(&str, &str); 3] = [
    ("cargo build --quiet --package corpus", ""),
    (
        "cargo +nightly build --quiet --package corpus --target x86_64-unknown-linux-gnu \
         --no-default-features --features arena-core/asan --target-dir target/asan",
        // Frame pointers, or AddressSanitizer finds no way out of the standard library.
        "-Zsanitizer=address -Cforce-frame-pointers=yes",
    ),
    (
        "cargo build --quiet --package corpus --no-default-features --features arena-core/valgrind \
         --target-dir target/told",
        "",
    ),
];

/// The files of the programs: a report leads to a line of one of them. (Valgrind says no folders.)
const LINES: [&str; 6] = [
    "spans.rs:",
    "uses.rs:",
    "frees.rs:",
    "threads.rs:",
    "leaks.rs:",
    "world.rs:",
];

/// The names of heap-trace's reports are those of the programs' own faults.
const OWN: &[&str] = &[];

const TOOLS: [Tool; 5] = [
    Tool {
        name: "canary",
        build: 0,
        under: &[],
        environment: &[("HEAP_TRACE", "canary,quiet")],
        leak: OWN,
        fault: OWN,
        unnamed: "\0",
    },
    Tool {
        name: "guard-after",
        build: 0,
        under: &[],
        environment: &[("HEAP_TRACE", "guard-after,quiet")],
        leak: OWN,
        fault: OWN,
        unnamed: "\0",
    },
    Tool {
        name: "guard-before",
        build: 0,
        under: &[],
        environment: &[("HEAP_TRACE", "guard-before,quiet")],
        leak: OWN,
        fault: OWN,
        unnamed: "\0",
    },
    Tool {
        name: "AddressSanitizer",
        build: 1,
        under: &[],
        environment: &[],
        leak: &["LeakSanitizer: detected memory leaks"],
        fault: &["ERROR: AddressSanitizer"],
        unnamed: "AddressSanitizer: SEGV",
    },
    Tool {
        name: "valgrind",
        build: 2,
        under: &[
            "valgrind",
            "--quiet",
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect",
            "--error-exitcode=9",
        ],
        environment: &[],
        leak: &["definitely lost"],
        fault: &["Invalid ", "Illegal memory pool", "Mismatched"],
        unnamed: "\0",
    },
];

/// A program of the corpus.
struct Program {
    name: String,
    fault: String,
    act: String,
}

/// Run everything; write the results, or compare them with what is written.
pub(crate) fn run(check: bool) -> Outcome {
    let builds = BUILDS.map(|(line, flags)| build(line, flags));
    let [traced, asan, valgrind] = builds;
    let builds = [traced?, asan?, valgrind?];
    let programs = list(&builds[0])?;
    let cells = cells(&programs, &builds)?;
    let (csv, table) = (csv(&programs, &cells), table(&programs, &cells));
    if check {
        let same = |file: &str, text: &str| {
            fs::read_to_string(root().join(file)).is_ok_and(|old| old == text)
        };
        return match same(CSV, &csv) && same(TABLE, &table) {
            true => Ok(()),
            false => Err(format!(
                "{CSV} is not what the tools say now; run `cargo xtask corpus` and compare:\n{csv}"
            )),
        };
    }
    for (file, text) in [(CSV, csv), (TABLE, table)] {
        let path = root().join(file);
        let folder = path.parent().unwrap_or(&path).to_path_buf();
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        fs::write(&path, text).map_err(|error| format!("{file}: {error}"))?;
        println!("wrote {file}");
    }
    crate::book::run(false)
}

/// Build, and ask cargo where the program is.
fn build(line: &str, flags: &str) -> Outcome<PathBuf> {
    let mut build = command(&format!("{line} --message-format json-render-diagnostics"));
    if !flags.is_empty() {
        build.env("RUSTFLAGS", flags);
    }
    println!("   {}", display(&build));
    let said = String::from_utf8_lossy(&output(build)?.stdout).into_owned();
    let path = said.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(r#""executable":""#)?;
        Some(PathBuf::from(rest.split('"').next()?))
    });
    path.ok_or_else(|| format!("`{line}` built no program"))
}

fn list(program: &Path) -> Outcome<Vec<Program>> {
    let mut list = Command::new(program);
    list.arg("list").env("HEAP_TRACE", "quiet");
    let said = String::from_utf8_lossy(&output(list)?.stdout).into_owned();
    said.lines()
        .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
            [name, fault, act] => Ok(Program {
                name: name.to_owned(),
                fault: fault.to_owned(),
                act: act.to_owned(),
            }),
            _ => Err(format!("`corpus list` says {line:?}")),
        })
        .collect()
}

/// Run every program under every tool, on all processors.
fn cells(programs: &[Program], builds: &[PathBuf; 3]) -> Outcome<Vec<[&'static str; TOOLS.len()]>> {
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(vec![[""; TOOLS.len()]; programs.len()]);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(program) = programs.get(index / TOOLS.len()) else {
                            return Ok::<(), String>(());
                        };
                        let tool = &TOOLS[index % TOOLS.len()];
                        let cell = cell(program, tool, &builds[tool.build])?;
                        let mut cells = cells.lock().expect("no worker panics");
                        cells[index / TOOLS.len()][index % TOOLS.len()] = cell;
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    Ok(cells.into_inner().expect("no worker panics"))
}

/// Run one program under one tool.
fn cell(program: &Program, tool: &Tool, path: &Path) -> Outcome<&'static str> {
    let mut line = tool
        .under
        .iter()
        .map(|word| (*word).into())
        .chain([path.as_os_str().to_owned()]);
    let mut run = Command::new(line.next().expect("the program is always there"));
    run.args(line).arg(&program.name).current_dir(root());
    run.envs(tool.environment.iter().copied());
    let shown = display(&run);
    let output = run
        .output()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_good = output.status.success() && said.is_empty();
    if program.act == "clean" {
        return match is_good {
            true => Ok("quiet"),
            // An alarm of heap-trace's own ends the command.
            false if tool.build > 0 => Ok("alarm"),
            false => Err(format!(
                "`{shown}` is clean, and ended with {}:\n{said}",
                output.status
            )),
        };
    }
    let words = if program.act == "leak" {
        tool.leak
    } else {
        tool.fault
    };
    let names = match words {
        [] => {
            said.contains(&format!("{}: ", program.fault))
                || said.contains(&format!("\n{}", program.fault))
        }
        words => words.iter().any(|word| said.contains(word)) && !said.contains(tool.unnamed),
    };
    // It is a report only if it leads to the program's own lines.
    Ok(
        match names && LINES.iter().any(|file| said.contains(file)) {
            true => "reported",
            false if output.status.code().is_none() || said.contains(tool.unnamed) => "crash",
            false => "missed",
        },
    )
}

fn csv(programs: &[Program], cells: &[[&str; TOOLS.len()]]) -> String {
    let tools = TOOLS.map(|tool| tool.name).join(",");
    let rows = programs.iter().zip(cells).map(|(program, cells)| {
        format!(
            "{},{},{},{}\n",
            program.name,
            program.fault,
            program.act,
            cells.join(",")
        )
    });
    format!("program,fault,act,{tools}\n{}", rows.collect::<String>())
}

/// The table as Markdown: sums by kind of fault first, then every program.
fn table(programs: &[Program], cells: &[[&str; TOOLS.len()]]) -> String {
    let tools = TOOLS.map(|tool| tool.name).join(" | ");
    let rule = "---|".repeat(TOOLS.len());
    let mut text = format!(
        "| what is done | programs | {tools} | any method of heap-trace |\n|---|---|{rule}---|\n"
    );
    for act in ["write", "read", "read in padding", "free", "leak"] {
        let rows: Vec<_> = programs
            .iter()
            .zip(cells)
            .filter(|(p, _)| p.act == act)
            .map(|(_, c)| c)
            .collect();
        let count = |tool: usize| {
            rows.iter()
                .filter(|row| row[tool] == "reported")
                .count()
                .to_string()
        };
        let sums: Vec<_> = (0..TOOLS.len()).map(count).collect();
        let any = rows
            .iter()
            .filter(|row| row[..3].contains(&"reported"))
            .count();
        text += &format!(
            "| {act} | {} | {} | {any} |\n",
            rows.len(),
            sums.join(" | ")
        );
    }
    let alarms = |tool: usize| {
        cells
            .iter()
            .filter(|row| row[tool] == "alarm")
            .count()
            .to_string()
    };
    let clean = programs
        .iter()
        .filter(|program| program.act == "clean")
        .count();
    let sums: Vec<_> = (0..TOOLS.len()).map(alarms).collect();
    text += &format!(
        "| nothing: false alarms | {clean} | {} | 0 |\n",
        sums.join(" | ")
    );
    text += &format!("\n| program | what is done | {tools} |\n|---|---|{rule}\n");
    for (program, cells) in programs.iter().zip(cells) {
        let signs = cells.map(|cell| match cell {
            "reported" => "✅",
            "missed" => "–",
            other => other,
        });
        text += &format!(
            "| `{}` | {} | {} |\n",
            program.name,
            program.act,
            signs.join(" | ")
        );
    }
    text
}

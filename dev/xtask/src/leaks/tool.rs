//! The tools: whether they are here, how things are built for them and run under them.

use std::process::Command;

use super::Mode;
use crate::instrumented::{self, OPTIONS};
use crate::run::{Outcome, command, output};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What a class of planted faults is called; each tool claims some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Leak,
    Access,
    Free,
    Race,
    Uninitialised,
}

/// A tool.
pub(crate) struct Tool {
    pub(crate) mode: Mode,
    pub(crate) name: &'static str,
    /// Its file in `target/leaks`.
    pub(crate) report: &'static str,
    /// Its version, or how to install it.
    pub(crate) version: fn() -> Outcome<String>,
    /// What a program runs under.
    pub(crate) under: &'static [&'static str],
    /// How a C compiler builds for it.
    pub(crate) c_flags: &'static [&'static str],
    /// Which compilers build the planted faults.
    pub(crate) faults_by: &'static [&'static str],
    /// Why it does not judge the C programs, if it does not.
    pub(crate) no_programs: Option<&'static str>,
    /// How Rust tests run under it.
    pub(crate) rust: Rust,
    /// Which planted faults it has to report.
    pub(crate) claims: &'static [Class],
    /// Words of which a report has one.
    pub(crate) telling: &'static [&'static str],
}

/// How Rust tests run under a tool.
pub(crate) enum Rust {
    /// As they are.
    Runner,
    /// Built by this flag of the compiler.
    Sanitizer(&'static str),
    /// Built with an instrumented standard library.
    Instrumented(instrumented::Sanitizer),
    /// Not; why.
    No(&'static str),
}

const MEMCHECK: &[&str] = &[
    "valgrind",
    "--leak-check=full",
    // The C library keeps the stacks of threads that have ended, by pointers into their middle:
    // "possibly lost". What main leaves in statics is "still reachable".
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
    "--error-exitcode=9",
    // An unoptimised library is many calls deep.
    "--num-callers=40",
    "--suppressions=dev/xtask/leaks.supp",
];

const HELGRIND: &[&str] = &[
    "valgrind",
    "--tool=helgrind",
    "--error-exitcode=9",
    "--suppressions=dev/xtask/leaks.supp",
];

const SANITIZER_WORDS: &[&str] = &["Sanitizer: ", "panicked at", "test result: FAILED"];
const VALGRIND_WORDS: &[&str] = &[
    "Invalid ",
    "are definitely lost",
    "uninitialised",
    "Possible data race",
    "panicked at",
    "test result: FAILED",
];

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        mode: Mode::Valgrind,
        name: "valgrind",
        report: "valgrind-report.txt",
        version: valgrind,
        under: MEMCHECK,
        c_flags: &[],
        faults_by: &["cc"],
        no_programs: None,
        rust: Rust::Runner,
        claims: &[
            Class::Leak,
            Class::Access,
            Class::Free,
            Class::Uninitialised,
        ],
        telling: VALGRIND_WORDS,
    },
    Tool {
        mode: Mode::Helgrind,
        name: "helgrind",
        report: "helgrind-report.txt",
        version: valgrind,
        under: HELGRIND,
        c_flags: &[],
        faults_by: &["cc"],
        no_programs: None,
        rust: Rust::No(
            "it sees no order in atomics: every lock of Rust would be a race (see tsan)",
        ),
        claims: &[Class::Race],
        telling: VALGRIND_WORDS,
    },
    Tool {
        mode: Mode::Asan,
        name: "asan",
        report: "asan-report.txt",
        version: compilers,
        under: &[],
        c_flags: &["-fsanitize=address"],
        faults_by: &["cc", "clang"],
        no_programs: None,
        rust: Rust::Sanitizer("address"),
        claims: &[Class::Leak, Class::Access, Class::Free],
        telling: SANITIZER_WORDS,
    },
    Tool {
        mode: Mode::Lsan,
        name: "lsan",
        report: "lsan-report.txt",
        version: compilers,
        under: &[],
        c_flags: &["-fsanitize=leak"],
        faults_by: &["cc", "clang"],
        no_programs: None,
        rust: Rust::Sanitizer("leak"),
        claims: &[Class::Leak],
        telling: SANITIZER_WORDS,
    },
    Tool {
        mode: Mode::Tsan,
        name: "tsan",
        report: "tsan-report.txt",
        version: instrumented_compilers,
        under: &[],
        c_flags: &["-fsanitize=thread"],
        faults_by: &["cc", "clang"],
        no_programs: Some(
            "the library that they link is not instrumented: its order would not be seen",
        ),
        rust: Rust::Instrumented(instrumented::Sanitizer::Thread),
        claims: &[Class::Race],
        telling: SANITIZER_WORDS,
    },
    Tool {
        mode: Mode::Msan,
        name: "msan",
        report: "msan-report.txt",
        version: instrumented_compilers,
        under: &[],
        c_flags: &[],
        faults_by: &[],
        no_programs: Some("a write by code that it has not built, the C library's, is none to it"),
        rust: Rust::Instrumented(instrumented::Sanitizer::Memory),
        claims: &[Class::Uninitialised],
        telling: SANITIZER_WORDS,
    },
];

impl Tool {
    /// Whether tests in Rust run under it.
    pub(crate) fn judges_rust(&self) -> bool {
        !matches!(self.rust, Rust::No(_))
    }

    /// Where cargo puts the programs that it builds for this tool.
    pub(crate) fn folder(&self) -> Outcome<String> {
        match self.rust {
            Rust::No(why) => Err(format!("{}: {why}", self.name)),
            Rust::Runner => Ok("target/leaks/build".to_owned()),
            Rust::Sanitizer(name) => Ok(format!("target/leaks/{name}/{TARGET}")),
            Rust::Instrumented(sanitizer) => Ok(format!("{}/{TARGET}", sanitizer.folder())),
        }
    }

    /// The command of cargo that builds for this tool.
    pub(crate) fn cargo(&self, verb: &str, arguments: &str) -> Outcome<Command> {
        match self.rust {
            Rust::No(why) => Err(format!("{}: {why}", self.name)),
            Rust::Runner => Ok(command(&format!(
                "cargo {verb} --target-dir target/leaks/build {arguments}"
            ))),
            Rust::Sanitizer(name) => {
                let (toolchain, ask_twice) = sanitizing_cargo();
                let mut cargo = command(&format!(
                    "cargo {toolchain} {verb} --target {TARGET} --target-dir target/leaks/{name} {arguments}"
                ));
                cargo.env("RUSTFLAGS", format!("-Zsanitizer={name}"));
                if ask_twice {
                    cargo.env("RUSTC_BOOTSTRAP", "1");
                }
                Ok(cargo)
            }
            Rust::Instrumented(sanitizer) => instrumented::command_for(sanitizer, verb, arguments),
        }
    }

    /// What a test in Rust is told under this tool. The slower the tool, the fewer cases a property has.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let (cases, pairs) = match self.rust {
            Rust::Runner | Rust::No(_) => ("8", "200"),
            Rust::Sanitizer(_) | Rust::Instrumented(_) => ("32", "1000"),
        };
        let mut all = vec![
            ("RUST_BACKTRACE", "0".to_owned()),
            ("PROPTEST_CASES", cases.to_owned()),
            ("ERRNO_CHECK_PAIRS", pairs.to_owned()),
        ];
        match self.rust {
            Rust::Instrumented(_) => all.extend(instrumented::environment()),
            Rust::Sanitizer(_) => all.extend([
                ("ASAN_OPTIONS", format!("detect_leaks=1:{OPTIONS}")),
                ("LSAN_OPTIONS", OPTIONS.to_owned()),
            ]),
            Rust::Runner | Rust::No(_) => {}
        }
        all
    }
}

fn first_line(line: &str) -> Outcome<String> {
    let said = output(command(line))?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn valgrind() -> Outcome<String> {
    first_line("valgrind --version").map_err(|_| "apt-get install valgrind".to_owned())
}

fn c_compiler() -> Outcome<String> {
    first_line("cc --version").map_err(|_| "apt-get install gcc libc6-dev".to_owned())
}

/// Without it the runtimes of clang and of Rust report addresses, and no lines.
fn symbolizer() -> Outcome<String> {
    let install = "apt-get install --no-install-recommends llvm, for llvm-symbolizer";
    first_line("llvm-symbolizer --version").map_err(|_| install.to_owned())
}

fn compilers() -> Outcome<String> {
    let c = c_compiler()?;
    let (rust, _) = sanitizing_cargo();
    let rustc = first_line(&format!("rustc {rust} --version"));
    let install = "rustup toolchain install nightly --profile minimal (stable will do, too)";
    let rustc = rustc.map_err(|_| install.to_owned())?;
    Ok(format!("{c}; {rustc}; {}", symbolizer()?))
}

fn instrumented_compilers() -> Outcome<String> {
    let install = "apt-get install --no-install-recommends cargo-web rustc-web rust-web-src, and a \
                   nightly toolchain from rustup";
    let rustc = first_line("/usr/bin/rustc --version").map_err(|_| install.to_owned())?;
    instrumented::runtime(instrumented::Sanitizer::Thread).map_err(|_| install.to_owned())?;
    Ok(format!(
        "{rustc}, its standard library instrumented; {}; {}",
        c_compiler()?,
        symbolizer()?
    ))
}

/// The toolchain that takes `-Zsanitizer`, and whether it has to be asked twice: nightly, or else stable,
/// which has the runtimes too.
pub(crate) fn sanitizing_cargo() -> (&'static str, bool) {
    let nightly = Command::new("rustc")
        .args(["+nightly", "--version"])
        .output();
    match nightly {
        Ok(output) if output.status.success() => ("+nightly", false),
        _ => ("+stable", true),
    }
}

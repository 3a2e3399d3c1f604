//! The C programs of heap-capi, and how programs in C and C++ are built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::{Kind, Row, Verdict};
use super::tool::Tool;
use super::{Mode, Session, pool};
use crate::run::{Outcome, command, need, output, root, run};

/// The library with everything that tools can be told.
const BUILD: &str = "cargo build --quiet --package heap-capi --features asan,valgrind \
                     --target-dir target/leaks/build";
const LIBRARY: &str = "target/leaks/build/debug/libheap_capi.a";

/// A compiler, and the language that it takes the programs for.
pub(crate) struct Compiler {
    pub(crate) program: &'static str,
    language: &'static str,
    install: &'static str,
}

const C99: &str = "-std=c99 -D_POSIX_C_SOURCE=200809L";
const CXX17: &str = "-std=c++17 -x c++";

pub(crate) const COMPILERS: [Compiler; 4] = [
    Compiler {
        program: "cc",
        language: C99,
        install: "apt-get install gcc libc6-dev",
    },
    Compiler {
        program: "g++",
        language: CXX17,
        install: "apt-get install g++",
    },
    Compiler {
        program: "clang",
        language: C99,
        install: "apt-get install clang, and libclang-rt-N-dev of its version",
    },
    Compiler {
        program: "clang++",
        language: CXX17,
        install: "apt-get install clang, and libclang-rt-N-dev of its version",
    },
];

impl Compiler {
    /// Find one by the name of its program.
    pub(crate) fn of(program: &str) -> &'static Self {
        let found = COMPILERS
            .iter()
            .find(|compiler| compiler.program == program);
        found.expect("a compiler that is known")
    }

    /// Whether it is here and builds with these flags; or how to install it.
    pub(crate) fn works(&self, flags: &[&str]) -> Result<(), String> {
        let folder = bin().map_err(|_| self.install.to_owned())?;
        let source = folder.join("empty.c");
        let written = fs::write(&source, "int main(void) { return 0; }\n");
        written.map_err(|error| format!("{}: {error}", source.display()))?;
        let mut compile = self.command(flags);
        compile.arg(&source).arg("-o").arg(folder.join("empty"));
        output(compile)
            .map(drop)
            .map_err(|_| self.install.to_owned())
    }

    fn command(&self, flags: &[&str]) -> Command {
        let Self {
            program, language, ..
        } = self;
        let mut compile = command(&format!(
            "{program} {language} -g -fno-omit-frame-pointer -I tools/heap-capi/include"
        ));
        compile.args(flags);
        compile
    }

    /// Build a program for a tool.
    pub(crate) fn build(&self, tool: &Tool, source: &Path) -> Outcome<PathBuf> {
        let file = format!("{}-{}-{}", name(source), tool.name, self.program);
        let program = bin()?.join(file);
        let mut compile = self.command(tool.c_flags);
        compile
            .arg(source)
            .args(["-x", "none", LIBRARY, "-lpthread", "-ldl", "-lm", "-o"])
            .arg(&program);
        run(compile)?;
        Ok(program)
    }
}

/// Make sure that what names the lines in a sanitizer's report is there.
pub(crate) fn need_symbolizer() -> Outcome {
    need("llvm-symbolizer", "llvm")
}

/// Make sure that all compilers are there, clang with the runtimes of its sanitizers.
pub(crate) fn need_compilers() -> Outcome {
    need_symbolizer()?;
    need("g++", "g++")?;
    need("clang", "clang")?;
    if Compiler::of("clang")
        .works(&["-fsanitize=address"])
        .is_err()
    {
        let said = output(command("clang -dumpversion"))?;
        let version = String::from_utf8_lossy(&said.stdout).into_owned();
        let major = version.split('.').next().unwrap_or_default();
        run(command(&format!(
            "apt-get install --yes --no-install-recommends libclang-rt-{major}-dev"
        )))?;
    }
    Ok(())
}

/// Where programs in C are put.
fn bin() -> Outcome<PathBuf> {
    let folder = root().join("target/leaks/bin");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Build the library that C programs link.
pub(crate) fn build_library() -> Outcome {
    run(command(BUILD))
}

/// The C files of a folder of heap-capi's tests.
pub(crate) fn sources(folder: &str) -> Outcome<Vec<PathBuf>> {
    let folder = root().join("tools/heap-capi/tests").join(folder);
    let rows = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = rows
        .filter_map(|row| Some(row.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == "c"))
        .collect::<Vec<_>>();
    paths.sort();
    Ok(paths)
}

/// Its name without folder and ending.
pub(crate) fn name(source: &Path) -> String {
    let stem = source.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The command that runs a program under another.
pub(crate) fn below(under: &[&str], program: &Path) -> Command {
    let Some((first, rest)) = under.split_first() else {
        return Command::new(program);
    };
    let mut command = Command::new(first);
    // Wherever it stands.
    let supp = root().join(SUPPRESSIONS).display().to_string();
    command.args(rest.iter().map(|word| word.replace(SUPPRESSIONS, &supp)));
    command.arg(program);
    command
}

const SUPPRESSIONS: &str = "dev/xtask/leaks.supp";

/// The command that runs a program in C under a tool.
pub(crate) fn under(tool: &Tool, program: &Path) -> Command {
    let mut command = below(tool.under, program);
    command
        .current_dir(root())
        // The standard library keeps no frame pointers: a stack through it is unwound the slow way.
        .env("ASAN_OPTIONS", "detect_leaks=1:fast_unwind_on_malloc=0")
        .env("LSAN_OPTIONS", "fast_unwind_on_malloc=0")
        // As the sanitizers end by themselves: a report is a failure.
        .env("TSAN_OPTIONS", "exitcode=66");
    command
}

/// Run the C programs under a tool, each as C and as C++, by each compiler.
pub(crate) fn run_all(session: &Session<'_>) -> Outcome<Vec<Row>> {
    let tool = session.tool;
    if let Some(why) = tool.no_programs {
        let row = || session.show(Row::not_run(tool.name, "C programs", why));
        return Ok(session.only.is_none().then(row).into_iter().collect());
    }
    let sources = sources("c")?;
    let mut rows = Vec::new();
    let mut pieces = Vec::new();
    for compiler in &COMPILERS {
        let what = |source: &Path| format!("C program {} by {}", name(source), compiler.program);
        let is_chosen = |source: &&PathBuf| what(source).contains(session.only.unwrap_or_default());
        let chosen = sources.iter().filter(is_chosen).collect::<Vec<_>>();
        if let (false, Err(why)) = (chosen.is_empty(), compiler.works(tool.c_flags)) {
            let what = format!("C programs by {}", compiler.program);
            rows.push(session.show(Row::missing(tool.name, what, why)));
        } else {
            pieces.extend(
                chosen
                    .into_iter()
                    .map(|source| (compiler, source, what(source))),
            );
        }
    }
    if !pieces.is_empty() {
        build_library()?;
    }
    rows.extend(pool::map(
        session.jobs,
        &pieces,
        |(compiler, source, what)| {
            let program = compiler.build(tool, source)?;
            judge(session, &program, what)
        },
    )?);
    Ok(rows)
}

fn judge(session: &Session<'_>, program: &Path, what: &str) -> Outcome<Row> {
    let tool = session.tool;
    let mut program = under(tool, program);
    if tool.mode == Mode::Helgrind {
        program.arg("only-locked");
    }
    let said = session.during(what, || session.report.run(program))?;
    let verdict = match said.verdict(tool.telling, "nothing to report".to_owned()) {
        Verdict::Good(_) if !said.text.contains("all good") => {
            Verdict::Bad("it did not reach its end".to_owned())
        }
        verdict => verdict,
    };
    Ok(session.show(Row {
        tool: tool.name,
        kind: Kind::Program,
        what: what.to_owned(),
        verdict,
        seconds: said.seconds,
    }))
}

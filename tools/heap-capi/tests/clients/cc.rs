//! Compilers, and where the library is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// A compiler with a standard; all warnings are errors.
#[derive(Clone, Copy)]
pub(crate) struct Compiler {
    pub(crate) program: &'static str,
    package: &'static str,
    flags: &'static [&'static str],
}

const C99: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L"];
const CXX17: &[&str] = &["-std=c++17", "-x", "c++"];

const COMPILERS: [Compiler; 4] = [
    Compiler {
        program: "cc",
        package: "gcc",
        flags: C99,
    },
    Compiler {
        program: "g++",
        package: "g++",
        flags: CXX17,
    },
    Compiler {
        program: "clang",
        package: "clang",
        flags: C99,
    },
    Compiler {
        program: "clang++",
        package: "clang",
        flags: CXX17,
    },
];

impl Compiler {
    /// A command that treats all warnings as errors, and finds the headers.
    pub(crate) fn command(self) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
            .arg("-I")
            .arg(here("include"))
            .args(self.flags);
        command
    }
}

/// The compilers that are here; without the rest, the test says what it skips, or fails where all are
/// required.
pub(crate) fn compilers() -> Vec<Compiler> {
    COMPILERS
        .into_iter()
        .filter(|compiler| {
            let there = works(compiler.program);
            if !there {
                tests::skip(&format!("{} ({})", compiler.program, compiler.package));
            }
            there
        })
        .collect()
}

pub(crate) fn works(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// A path in this package.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Files with an extension in a folder of this package, sorted.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let rows = fs::read_dir(here(folder)).expect("the folder is there");
    let mut paths = rows
        .map(|row| row.expect("a row of the folder").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect::<Vec<_>>();
    paths.sort();
    assert!(!paths.is_empty(), "no {extension} files in {folder}");
    paths
}

/// The folder in which cargo puts the library before it runs its tests.
pub(crate) fn library_folder() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let folder = test.parent().expect("it lies in a folder").to_path_buf();
    assert!(
        folder.join("libheap_capi.a").is_file(),
        "no library in {}",
        folder.display()
    );
    folder
}

/// An empty folder that no other test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch folder");
    path
}

/// Run a command; panic with all that it said if it fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What a static library of Rust needs of the system.
const SYSTEM: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// Build a program with the library linked in either way.
pub(crate) fn build(compiler: Compiler, source: &Path, program: &Path, shared: bool) {
    let folder = library_folder();
    let mut command = compiler.command();
    command
        .arg(source)
        .args(["-x", "none"])
        .arg("-o")
        .arg(program);
    if shared {
        command.arg(folder.join("libheap_capi.so"));
        command.arg(format!("-Wl,-rpath,{}", folder.display()));
    } else {
        command.arg(folder.join("libheap_capi.a")).args(SYSTEM);
    }
    run(&mut command);
}

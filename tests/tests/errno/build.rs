//! Compiling what a test runs, into a directory that goes with the test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A directory for one test.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

/// Compiles C as it is written: no optimiser may know better than the test what malloc does to errno.
pub(crate) fn c_program(folder: &TempDir, name: &str, source: &str) -> PathBuf {
    let text = folder.path().join(format!("{name}.c"));
    let program = folder.path().join(name);
    fs::write(&text, source).expect("the source is written");
    let mut cc = Command::new("cc");
    cc.args(["-O0", "-fno-builtin", "-rdynamic", "-pthread", "-o"]);
    good(cc.arg(&program).arg(&text).arg("-ldl"));
    program
}

/// Compiles LLVM's IR to a shared object.
pub(crate) fn object(folder: &TempDir, llc: &OsStr, text: &Path) -> PathBuf {
    let name = text
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let object = folder.path().join(format!("{name}.o"));
    let library = folder.path().join(format!("{name}.so"));
    good(
        Command::new(llc)
            .args([
                "-O0",
                "-filetype=obj",
                "-relocation-model=pic",
                "-mtriple=x86_64-unknown-linux-gnu",
                "-o",
            ])
            .arg(&object)
            .arg(text),
    );
    good(
        Command::new("cc")
            .args(["-shared", "-o"])
            .arg(&library)
            .arg(&object),
    );
    library
}

fn good(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// LLVM's compiler of IR, new enough for every attribute of the pairs; nothing if there is none, which is a failure where
/// tools are required.
pub(crate) fn llc() -> Option<&'static OsStr> {
    let found = ["llc-22", "llc-23"]
        .map(OsStr::new)
        .into_iter()
        .find(|name| {
            Command::new(name)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        });
    if found.is_none() {
        tests::skip("llc-22 (Debian package llvm-22)");
    }
    found
}

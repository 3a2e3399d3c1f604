//! The headers alone: complete, self-contained, and nothing exported beside them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::cc::{compilers, files, library_folder, run, skip, works};

/// The functions that a text declares or calls: words of ours before a parenthesis.
fn functions(text: &str) -> BTreeSet<String> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.match_indices('(')
        .filter_map(|(at, _)| {
            let before = &text[..at];
            let word = &before[before.trim_end_matches(is_word).len()..];
            word.starts_with("oth_").then(|| word.to_owned())
        })
        .collect()
}

/// What the headers declare, and do not define inline.
fn declared() -> BTreeSet<String> {
    let mut declared = BTreeSet::new();
    for path in files("include", "h") {
        let text = fs::read_to_string(path).expect("a header");
        let inline = text
            .lines()
            .filter(|line| line.starts_with("static inline"));
        let inline = inline.flat_map(functions).collect();
        declared.extend(functions(&text).difference(&inline).cloned());
    }
    declared
}

#[test]
fn each_header_compiles_alone() {
    for compiler in compilers() {
        for header in files("include", "h") {
            let name = header
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            let mut command = compiler.command();
            let language = if compiler.program.ends_with("++") {
                "c++"
            } else {
                "c"
            };
            command.args([
                "-fsyntax-only",
                "-include",
                &name,
                "-x",
                language,
                "/dev/null",
            ]);
            run(&mut command);
        }
    }
}

#[test]
fn what_is_declared_is_exported_and_nothing_else() {
    if !works("nm") {
        return skip("needs nm (binutils)");
    }
    let library = library_folder().join("libheap_capi.so");
    let output = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library));
    let exported = String::from_utf8(output.stdout).expect("names are ASCII");
    let exported = exported
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect::<BTreeSet<_>>();
    assert_eq!(exported, declared());
}

#[test]
fn every_function_is_called_by_a_test() {
    let called = files("tests/c", "c")
        .iter()
        .flat_map(|path| functions(&fs::read_to_string(path).expect("a test")))
        .collect::<BTreeSet<_>>();
    let missing = declared().difference(&called).cloned().collect::<Vec<_>>();
    assert!(missing.is_empty(), "no test calls {missing:?}");
}

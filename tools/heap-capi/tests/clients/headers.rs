//! The headers alone: self-contained, and what they declare.

use std::collections::BTreeSet;
use std::fs;

use crate::cc::{compilers, files, run};

/// The functions that a text declares or calls: words of ours before a parenthesis.
pub(crate) fn functions(text: &str) -> BTreeSet<String> {
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
pub(crate) fn declared() -> BTreeSet<String> {
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

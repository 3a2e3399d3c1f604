//! What the library exports, and that each function of it is declared, tested both ways, and made to panic.
//!
//! The list is the library's own, by nm: a new function without its tests fails here.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::cc::{files, here, library_folder, run, works};
use crate::headers::{declared, functions};

/// Cannot fail: it returns nothing, and takes any text of the library's.
const NEVER_FAILS: &str = "oth_text_free";

/// The names that the library exports, or nothing without nm.
fn exported() -> Option<BTreeSet<String>> {
    if !works("nm") {
        tests::skip("nm (binutils)");
        return None;
    }
    let library = library_folder().join("libheap_capi.so");
    let output = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library));
    let names = String::from_utf8(output.stdout).expect("names are ASCII");
    let names = names
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    Some(names.map(str::to_owned).collect())
}

/// The functions that the C tests call within these macros.
fn called_within(macros: &[&str]) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for path in files("tests/c", "c") {
        let text = fs::read_to_string(path).expect("a test");
        for (at, _) in text.match_indices('(') {
            if macros.iter().any(|name| text[..at].ends_with(name)) {
                // The calls of the source are inline: those behind them are exported.
                let argument = enclosed(&text[at..]).replace("TH_", "oth_th_");
                called.extend(functions(
                    &argument.replace("checkhealth_verbose", "checkhealth"),
                ));
            }
        }
    }
    called
}

/// What stands between a parenthesis and its partner.
fn enclosed(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &text[..end.expect("parentheses come in pairs")]
}

fn assert_none_missing(of: &BTreeSet<String>, among: &BTreeSet<String>, what: &str) {
    let missing = of.difference(among).collect::<Vec<_>>();
    assert!(missing.is_empty(), "{what}: {missing:?}");
}

#[test]
fn what_is_declared_is_exported_and_nothing_else() {
    if let Some(exported) = exported() {
        assert_eq!(exported, declared());
    }
}

#[test]
fn every_function_is_seen_to_succeed_and_leave_errno_alone() {
    let Some(exported) = exported() else { return };
    let mut seen = called_within(&["GOOD", "QUIETLY"]);
    // Its one test sets errno and looks at it by itself.
    seen.insert(NEVER_FAILS.to_owned());
    assert_none_missing(&exported, &seen, "no test sees these succeed");
}

#[test]
fn every_function_is_seen_to_fail_with_its_errno() {
    let Some(exported) = exported() else { return };
    let mut seen = called_within(&["REFUSED", "FAILS"]);
    seen.insert(NEVER_FAILS.to_owned());
    assert_none_missing(&exported, &seen, "no test sees these fail");
}

#[test]
fn every_function_has_been_made_to_panic() {
    let Some(exported) = exported() else { return };
    let list = fs::read_to_string(here("src/border/tests.rs")).expect("the list of panics");
    let list = list
        .split("= panicking! {")
        .nth(1)
        .expect("where it begins");
    let list = list.split("};").next().expect("where it ends");
    assert_none_missing(&exported, &functions(list), "no test makes these panic");
}

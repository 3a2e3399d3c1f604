//! Every pair file says its verdict under each semantics and why, worked out by hand. The checker must agree.

use errno_check::{Pair, Semantics, check};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

fn pairs() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pairs");
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("the folder of pairs")
        .map(|entry| entry.expect("a pair").path())
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), fs::read_to_string(&path).expect("text"))
        })
        .collect();
    found.sort();
    found
}

/// The verdicts in the comments: `; ok IsoC Posix: because …`, each semantics once, each with a reason.
fn by_hand(name: &str, text: &str) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("; ")) {
        let Some((verdict @ ("ok" | "no"), rest)) = line.split_once(' ') else {
            continue;
        };
        // A list of names may go on on the next line; the colon ends it.
        let start = text.find(line).expect("the line is in the text");
        let whole = text[start..].replace("\n; ", " ");
        let names = whole[verdict.len()..].split(':').next().unwrap_or(rest);
        for semantics in names.split_whitespace() {
            let known: Semantics = semantics.parse().expect(semantics);
            let before = found.insert(known.name(), verdict.to_owned());
            assert_eq!(before, None, "{name}: {semantics} is said twice");
        }
    }
    assert_eq!(
        found.len(),
        Semantics::ALL.len(),
        "{name}: not every semantics is said"
    );
    found
}

#[test]
fn checker_and_hand_agree_on_every_pair() {
    let pairs = pairs();
    assert!(pairs.len() >= 50, "{} pairs", pairs.len());
    for (name, text) in pairs {
        let hand = by_hand(&name, &text);
        let pair = Pair::from_text(&name, &text).unwrap_or_else(|refusal| panic!("{refusal}"));
        for semantics in Semantics::ALL {
            let answer = check(&pair, semantics);
            let word = answer.verdict.word();
            assert_eq!(
                word,
                hand[semantics.name()],
                "{name} under {semantics}: {answer:?}"
            );
        }
    }
}

#[test]
fn unchanged_programs_are_accepted_by_all_but_the_encoding_that_was_given_up() {
    for (name, text) in pairs() {
        let source = text
            .split("define ")
            .nth(1)
            .expect("a source")
            .replace("@src", "@tgt");
        let end = source.find("\n}").expect("its end") + 2;
        let head = text
            .find("@tgt")
            .map(|at| text[..at].rfind("define ").expect("a target"));
        let twice = format!(
            "{}define {}\n",
            &text[..head.expect("a target")],
            &source[..end]
        );
        let pair = Pair::from_text(&name, &twice).unwrap_or_else(|refusal| panic!("{refusal}"));
        for semantics in Semantics::ALL {
            if semantics != Semantics::FreshUnquantified {
                let answer = check(&pair, semantics);
                assert_eq!(
                    answer.verdict.word(),
                    "ok",
                    "{name} beside itself under {semantics}"
                );
            }
        }
    }
}

/// A target that is its source and one mark more: rejected under every semantics, for the mark is not true.
#[track_caller]
fn mark_is_broken(head: &str, body: &str, plain: &str, marked: &str) {
    let function = |name: &str, code: &str| {
        let body = body.replace("CODE", code);
        format!("define {} {{\n{body}\n}}\n", head.replace("NAME", name))
    };
    let text = [
        "declare i32 @posix_memalign(ptr, i64, i64)\n".to_owned(),
        function("@src", plain),
        function("@tgt", marked),
    ]
    .concat();
    let pair = Pair::from_text("mark", &text).unwrap_or_else(|refusal| panic!("{refusal}"));
    for semantics in Semantics::ALL {
        let answer = check(&pair, semantics);
        assert_eq!(answer.verdict.word(), "no", "{semantics}: {text}");
    }
}

#[test]
fn a_call_marked_tail_does_not_write_a_stack_slot() {
    mark_is_broken(
        "i32 NAME()",
        "%place = alloca ptr\n%code = CODE i32 @posix_memalign(ptr %place, i64 16, i64 24)\nret i32 %code",
        "call",
        "tail call",
    );
}

#[test]
fn a_step_down_from_null_is_not_nusw() {
    mark_is_broken(
        "ptr NAME(ptr %p)",
        "%q = getelementptr CODE i8, ptr %p, i64 -1\nret ptr %q",
        "",
        "nusw",
    );
}

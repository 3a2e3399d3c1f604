//! The command: its answers, its exit status, its speed.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn pair(name: &str) -> String {
    format!("{}/pairs/{name}.ll", env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_errno-check"));
    command.args(arguments).output().expect("the command runs")
}

fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

#[test]
fn status_is_0_if_all_are_ok_and_1_if_any_is_no() {
    assert_eq!(run(&[&pair("unchanged")]).status.code(), Some(0));
    assert_eq!(
        run(&[&pair("unchanged"), "--semantics", "all"])
            .status
            .code(),
        Some(1)
    );
    assert_eq!(
        run(&[&pair("drop-dead-small"), "--semantics", "quiet"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(run(&[&pair("drop-dead-small")]).status.code(), Some(1));
}

#[test]
fn json_is_an_object_per_semantics_with_a_witness_where_it_is_no() {
    let output = run(&[&pair("forward-over-malloc"), "--semantics", "all", "--json"]);
    let objects = objects(&output);
    assert_eq!(objects.len(), 9);
    for object in &objects {
        let no = object["verdict"] == "no";
        assert_eq!(object["witness"].is_object(), no, "{object}");
    }
    let quiet = objects
        .iter()
        .find(|object| object["semantics"] == "Quiet")
        .expect("Quiet");
    let witness = &quiet["witness"];
    assert_eq!(witness["errno"], 0);
    assert_eq!(witness["aliasing"], serde_json::json!(["%p is &errno"]));
    assert_eq!(witness["target"]["calls"][0]["did"], "fails");
    assert_eq!(witness["target"]["outcome"], "returns 0, errno ENOMEM");
    assert_eq!(witness["source"].as_array().map(Vec::len), Some(2));
}

#[test]
fn status_is_2_for_what_is_not_understood_and_nothing_is_judged() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("refused.ll");
    fs::write(
        &file,
        "define void @src() {\n  fence seq_cst\n  ret void\n}\n",
    )
    .expect("written");
    let output = run(&[&file.display().to_string(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("refused.ll:2: not understood: `fence`"),
        "{said}"
    );
    for object in objects(&output) {
        assert_eq!(object["verdict"], "unsupported");
        assert_eq!(
            (&object["reason"]["line"], &object["reason"]["token"]),
            (&2.into(), &"fence".into())
        );
    }
    assert_eq!(run(&["no-such-file.ll"]).status.code(), Some(2));
    assert_eq!(
        run(&[&pair("unchanged"), "--semantics", "Mine"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn source_and_target_may_have_a_text_each() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let malloc = "declare ptr @malloc(i64)\n";
    let source = folder.join("before.ll");
    let target = folder.join("after.ll");
    fs::write(
        &source,
        format!("{malloc}define void @f() {{\n  %p = call ptr @malloc(i64 8)\n  ret void\n}}\n"),
    )
    .expect("written");
    fs::write(&target, "define void @f() {\n  ret void\n}\n").expect("written");
    let (source, target) = (source.display().to_string(), target.display().to_string());
    let code = |one: &str, other: &str| run(&[one, other, "--semantics", "Quiet"]).status.code();
    assert_eq!(
        (code(&source, &target), code(&target, &source)),
        (Some(0), Some(1))
    );
}

#[test]
fn readme_shows_what_the_command_says() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("text");
    let output = run(&[&pair("forward-over-malloc"), "--semantics", "Quiet"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (verdict, _) = said.split_once("\nbound").expect("the bound");
    assert!(readme.contains(verdict.trim_end()), "{said}");
}

/// Twelve instructions, two allocations and two pointer arguments a side.
const LARGE: &str = "
  store i32 0, ptr %p
  %a = call ptr @malloc(i64 %n)
  %c = icmp eq ptr %a, null
  %x = load i32, ptr %q
  store i32 %x, ptr %p
  %b = call ptr @malloc(i64 24)
  %d = icmp eq ptr %b, null
  %o = or i1 %c, %d
  %y = load i32, ptr %p
  %s = select i1 %o, i32 %y, i32 %x
  call void @free(ptr %a)
  ret i32 %s";

#[test]
fn two_functions_of_twelve_instructions_take_less_than_a_second() {
    let declared = "declare ptr @malloc(i64)\ndeclare void @free(ptr)\n";
    let function =
        |name: &str| format!("define i32 @{name}(ptr %p, ptr %q, i64 %n) {{{LARGE}\n}}\n");
    let text = format!("{declared}{}{}", function("src"), function("tgt"));
    let pair = errno_check::Pair::from_text("large.ll", &text).expect("a pair");
    for semantics in errno_check::Semantics::ALL {
        let start = Instant::now();
        let answer = errno_check::check(&pair, semantics);
        let took = start.elapsed();
        println!(
            "{semantics}: {} in {took:?}, {} cases, {} runs",
            answer.verdict.word(),
            answer.cases,
            answer.runs
        );
        let unchanged = semantics != errno_check::Semantics::FreshUnquantified;
        assert_eq!(
            answer.verdict.word(),
            if unchanged { "ok" } else { "no" },
            "{semantics}"
        );
        // A machine that does much else may be slower, but not by this much.
        assert!(took < Duration::from_secs(5), "{semantics}: {took:?}");
    }
}

//! `--html FILE` and `--svg FILE`: every demo draws what its lines say.

#![cfg(target_os = "linux")]

mod common;

use common::{LAUNCHER, NUMBERED, assert_good, by_number, run, scratch, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Runs a demo with both pictures and returns what it printed, the page and the drawing.
fn drawn(test: &str, program: &str) -> (String, String, String) {
    let folder = scratch(&format!("pictures-{test}"));
    let (html, svg) = (folder.join("run.html"), folder.join("run.svg"));
    let arguments = ["--html", text(&html), "--svg", text(&svg)];
    let output = run(&format!("drawn-{test}"), program, &arguments);
    assert_good(&output);
    let read = |path| fs::read_to_string(path).expect("a picture");
    (stdout(&output), read(&html), read(&svg))
}

/// What each demo drew the first time.
static DRAWN: LazyLock<Vec<(String, String, String)>> = LazyLock::new(|| {
    let drawn = NUMBERED.map(|(number, program)| drawn(number, program));
    drawn.into_iter().collect()
});

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The recording in a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("data");
    let (data, _) = rest.split_once("</script>").expect("their end");
    serde_json::from_str(data).expect("JSON")
}

fn count(kinds: &str, kind: char) -> usize {
    kinds.chars().filter(|&letter| letter == kind).count()
}

#[test]
fn every_demo_draws_each_block_and_fault_that_it_shows() {
    for ((number, _), (story, page, drawing)) in NUMBERED.into_iter().zip(&*DRAWN) {
        let data = data(page);
        let kinds = data["kinds"].as_str().expect("kinds");
        let shown = |line: &str| story.lines().filter(|text| text.starts_with(line)).count();
        let placed = |line: &str| {
            let lines = story.lines().filter(|text| text.contains(" → "));
            lines.filter(|text| text.starts_with(line)).count()
        };
        // Some blocks are shown by another word: the vectors of 16, malloc's blocks of 08.
        assert!(
            count(kinds, 'a') >= placed("✅ alloc  "),
            "{number}: {kinds}"
        );
        assert!(count(kinds, 'm') >= placed("✅ map  "), "{number}: {kinds}");
        assert!(
            count(kinds, '!') >= placed("🤡") + placed("⚠️"),
            "{number}: {kinds}"
        );
        let parts = shown("── ");
        assert!(parts > 0 && count(kinds, 'n') >= parts, "{number}: {kinds}");
        let title = data["small"]["title"].as_str().expect("a title");
        assert!(title.starts_with(&format!("{number}  ")), "{title}");
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
        // 19 has no memory to show, only what errno says.
        let has_regions = drawing.contains(": bytes ") && drawing.contains("class=\"unused\"");
        assert_eq!(has_regions, count(kinds, 'm') > 0, "{number}");
    }
}

#[test]
fn pictures_change_nothing_that_a_demo_prints() {
    for ((number, program), (story, ..)) in NUMBERED.into_iter().zip(&*DRAWN) {
        let plain = stdout(&run(&format!("undrawn-{number}"), program, &[]));
        // 15 has one line that says whether this machine had a huge page at that moment.
        let without_luck = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("📦 huge"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(without_luck(&plain), without_luck(story), "{number}");
    }
}

#[test]
fn two_runs_draw_the_same() {
    // Where malloc puts two threads' blocks (08) and whether there is a huge page (15) is not ours to say.
    for ((number, program), (_, page, drawing)) in NUMBERED.into_iter().zip(&*DRAWN) {
        if number == "08" || number == "15" {
            continue;
        }
        let (_, other_page, other_drawing) = drawn(&format!("two-{number}"), program);
        assert_eq!(*drawing, other_drawing, "{number}");
        assert!(*page == other_page, "{number}: two pages differ");
    }
}

#[test]
fn the_drawing_of_09b_has_the_leak_and_the_byte_that_was_hit() {
    let (_, page, drawing) = drawn("leak", by_number("09b"));
    for part in [
        "live, bytes 0 to 32: block 1, 32 bytes at 0 &quot;First block ok.&quot;",
        "leaked, bytes 64 to 96: block 3",
        "corrupted, bytes 128 to 129: block 5",
        "write: 13 bytes at 116",
        "demo_09b.rs:",
    ] {
        assert!(drawing.contains(part), "{part:?} is missing in {drawing}");
    }
    assert_eq!(
        data(&page)["small"]["marks"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn the_child_of_a_fork_has_a_region_of_its_own() {
    let (_, page, _) = drawn("fork", by_number("09c"));
    let data = data(&page);
    let kinds = data["kinds"].as_str().expect("kinds");
    assert_eq!(
        (count(kinds, 'k'), count(kinds, 'm'), count(kinds, 'u')),
        (5, 5, 10)
    );
    assert!(
        data["small"]["labels"]
            .to_string()
            .contains("base in the child")
    );
}

#[test]
fn a_picture_that_cannot_be_written_is_said_and_fails() {
    let folder = scratch("pictures-refused");
    for option in ["--html", "--svg"] {
        let nowhere = folder.join("no/such/folder");
        for path in [text(&nowhere), "/dev/full"] {
            let output = run("refused", by_number("09a"), &[option, path]);
            assert_eq!(output.status.code(), Some(1), "{option} {path}");
            let said = format!("❌ demo 09a could not go on: writing {path}: ");
            assert!(stderr(&output).starts_with(&said), "{}", stderr(&output));
            assert!(stdout(&output).contains("🎯 Answer: c)"));
        }
    }
}

#[test]
fn the_launcher_draws_one_demo_and_not_all() {
    let folder = scratch("pictures-launcher");
    let file = folder.join("run.svg");
    let output = run("launcher-svg", LAUNCHER, &["09a", "--svg", text(&file)]);
    assert_good(&output);
    assert!(file.exists());
    for what in [&["all"][..], &["list"], &[]] {
        let arguments = [what, &["--svg", text(&file)]].concat();
        let output = run("launcher-svg-all", LAUNCHER, &arguments);
        assert_eq!(output.status.code(), Some(2), "{what:?}");
        assert!(
            stderr(&output).contains("draw one demo: name it"),
            "{}",
            stderr(&output)
        );
    }
}

/// The drawing that the documentation shows, without the lines of code, which move.
#[test]
fn the_committed_drawing_is_the_one_that_13_draws() {
    let (_, _, drawing) = drawn("committed", by_number("13"));
    let mut parts = drawing.split(".rs:");
    let mut seen = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place =
            part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ':');
        seen = format!("{seen}.rs{place}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures/13.svg");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &seen).expect("the drawing is written");
    }
    let expected = fs::read_to_string(&path).expect("a drawing");
    assert!(
        seen == expected,
        "stale: UPDATE_EXPECTED=1 cargo test -p demos --test pictures"
    );
}

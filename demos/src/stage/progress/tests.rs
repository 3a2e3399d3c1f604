use super::{Guess, Progress, directory};
use std::env;
use std::fs;
use std::path::PathBuf;

/// A directory of its own for each test, empty at the start.
fn scratch(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("own-the-heap-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}

#[test]
fn what_was_saved_is_read_again_and_no_draft_stays() {
    let dir = scratch("saved");
    let mut progress = Progress::load_from(&dir.join("own-the-heap"));
    progress.finish("08", None);
    progress.finish(
        "09a",
        Some(Guess {
            letter: 'c',
            right: true,
        }),
    );
    progress.save();
    assert_eq!(progress.take_note(), None);

    let mut again = Progress::load_from(&dir.join("own-the-heap"));
    assert_eq!(again.take_note(), None);
    assert!(again.is_done("08") && again.is_done("09a") && !again.is_done("10"));
    let files = fs::read_dir(dir.join("own-the-heap")).expect("the directory");
    assert_eq!(files.count(), 1);
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn a_later_run_without_a_guess_keeps_the_guess() {
    let dir = scratch("guess");
    let mut progress = Progress::load_from(&dir);
    progress.finish(
        "08",
        Some(Guess {
            letter: 'b',
            right: true,
        }),
    );
    progress.finish("08", None);
    progress.save();
    let text = fs::read_to_string(dir.join("progress.json")).expect("the file");
    assert!(text.contains("\"guess\": \"b\""), "{text}");
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn a_garbled_file_is_noted_once_and_replaced() {
    let dir = scratch("garbled");
    for garbage in [
        "",
        "{",
        "[]",
        "{\"version\":1}",
        "{\"done\":{}}",
        "\u{0}\u{1}",
        "null",
    ] {
        fs::write(dir.join("progress.json"), garbage).expect("written");
        let mut progress = Progress::load_from(&dir);
        assert!(
            progress
                .take_note()
                .is_some_and(|note| note.contains("garbled")),
            "{garbage:?}"
        );
        assert_eq!(progress.take_note(), None);
        progress.finish("08", None);
        progress.save();
        assert!(Progress::load_from(&dir).is_done("08"));
    }
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn a_file_of_another_version_is_left_alone() {
    let dir = scratch("version");
    let newer = "{\"version\":2,\"done\":[\"08\"]}";
    fs::write(dir.join("progress.json"), newer).expect("written");
    let mut progress = Progress::load_from(&dir);
    assert!(progress.take_note().is_some());
    progress.finish("10", None);
    progress.save();
    assert_eq!(
        fs::read_to_string(dir.join("progress.json")).expect("read"),
        newer
    );
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn a_file_in_place_of_the_directory_is_one_note_and_no_failure() {
    let dir = scratch("file");
    fs::write(dir.join("own-the-heap"), "in the way").expect("written");
    let mut progress = Progress::load_from(&dir.join("own-the-heap"));
    progress.finish("08", None);
    progress.save();
    assert!(progress.take_note().is_some());
    assert_eq!(progress.take_note(), None);
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn the_directory_comes_from_state_home_then_home_and_relative_paths_are_ignored() {
    let dir = |state: Option<&str>, home: Option<&str>| {
        directory(state.map(Into::into), home.map(Into::into))
    };
    assert_eq!(dir(Some("/s"), Some("/h")), Some("/s/own-the-heap".into()));
    let below_home = Some("/h/.local/state/own-the-heap".into());
    assert_eq!(dir(None, Some("/h")), below_home);
    assert_eq!(dir(Some("relative"), Some("/h")), below_home);
    assert_eq!(dir(Some(""), Some("/h")), below_home);
    assert_eq!(dir(None, None), None);
    assert_eq!(dir(Some(""), Some("")), None);
}

#[test]
fn a_file_that_cannot_be_replaced_is_one_note_and_no_draft_stays() {
    let dir = scratch("replaced");
    let mut progress = Progress::load_from(&dir);
    // A directory in the file's place: the draft can be written, and renaming it is refused.
    fs::create_dir_all(dir.join("progress.json/in-the-way")).expect("a directory");
    progress.finish("08", None);
    progress.save();
    assert!(progress.take_note().is_some());
    assert_eq!(fs::read_dir(&dir).expect("the directory").count(), 1);
    fs::remove_dir_all(dir).expect("removed");
}

//! Which demos the reader has seen: a small file that may be lost without harm.
//!
//! `$XDG_STATE_HOME/own-the-heap/progress.json`, else below `~/.local/state`. Whatever is wrong with it (no home, a
//! directory that cannot be written, a file that is garbled) costs one line on standard error and never a demo. Two
//! demos that end at the same moment may lose one of two rows; no demo depends on any.

use serde_json::{Map, Value, json};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

/// The version of the file's form. A file of another version is left as it is.
const VERSION: u64 = 1;

/// What is known of the reader's progress.
#[derive(Debug)]
pub struct Progress {
    /// Where it is kept; `None` if it cannot be.
    path: Option<PathBuf>,
    /// A row per demo that was seen to its end.
    done: Map<String, Value>,
    /// What the reader should hear about the file, once.
    note: Option<String>,
}

impl Progress {
    /// Reads the progress of the user who runs this process.
    #[must_use]
    pub fn load() -> Self {
        match directory(env::var_os("XDG_STATE_HOME"), env::var_os("HOME")) {
            Some(directory) => Self::load_from(&directory),
            None => Self {
                path: None,
                done: Map::new(),
                note: Some(
                    "progress is not kept: neither XDG_STATE_HOME nor HOME names a directory"
                        .to_owned(),
                ),
            },
        }
    }

    /// Reads the progress kept below this directory.
    #[must_use]
    pub fn load_from(directory: &Path) -> Self {
        let path = directory.join("progress.json");
        let at = path.display();
        let (keep, done, note) = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (true, Map::new(), None),
            Err(error) => {
                let note = format!("progress is not kept: {at}: {error}");
                (false, Map::new(), Some(note))
            }
            Ok(bytes) => match parse(&bytes) {
                Content::Done(done) => (true, done, None),
                Content::Garbled => {
                    let note = format!("progress starts afresh: {at} is garbled");
                    (true, Map::new(), Some(note))
                }
                Content::OtherVersion => {
                    let note = format!("progress is not kept: {at} is of another version");
                    (false, Map::new(), Some(note))
                }
            },
        };
        Self {
            path: keep.then_some(path),
            done,
            note,
        }
    }

    /// What the reader should hear about the file; the second call has nothing more to say.
    pub fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// True if this demo was seen to its end.
    #[must_use]
    pub fn is_done(&self, number: &str) -> bool {
        self.done.contains_key(number)
    }

    /// Adds a demo that was seen to its end, with the reader's guess if there was one.
    pub fn finish(&mut self, number: &str, guess: Option<Guess>) {
        // A later run without a guess does not take an earlier guess away.
        let row = match guess {
            Some(guess) => json!({ "guess": guess.letter.to_string(), "right": guess.right }),
            None => self.done.get(number).cloned().unwrap_or_else(|| json!({})),
        };
        self.done.insert(number.to_owned(), row);
    }

    /// Writes the file: whole or not at all.
    pub fn save(&mut self) {
        let Some(path) = self.path.clone() else {
            return;
        };
        if let Err(error) = self.write_to(&path) {
            self.path = None;
            self.note.get_or_insert_with(|| {
                format!("progress is not kept: {}: {error}", path.display())
            });
        }
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = json!({ "version": VERSION, "done": self.done });
        // A reader of the file sees the old one or the new one, for rename replaces it in one step.
        let draft = path.with_extension(format!("{}.tmp", process::id()));
        let written =
            fs::write(&draft, format!("{file:#}\n")).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // The draft may not exist; the error worth telling is the one above.
            let _ = fs::remove_file(&draft);
        }
        written
    }
}

/// A reader's guess.
#[derive(Debug, Clone, Copy)]
pub struct Guess {
    /// The letter of the answer.
    pub letter: char,
    /// Whether it was the right one.
    pub right: bool,
}

/// The directory of the state file, from the two variables that decide it. The base directory specification asks that
/// relative paths be ignored.
fn directory(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state_home = state_home.map(PathBuf::from).filter(absolute);
    let home = home.map(PathBuf::from).filter(absolute);
    let base = state_home.or_else(|| home.map(|home| home.join(".local/state")))?;
    Some(base.join("own-the-heap"))
}

/// What a progress file holds.
enum Content {
    Done(Map<String, Value>),
    Garbled,
    OtherVersion,
}

fn parse(bytes: &[u8]) -> Content {
    let Ok(Value::Object(mut file)) = serde_json::from_slice(bytes) else {
        return Content::Garbled;
    };
    match file.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(_) => return Content::OtherVersion,
        None => return Content::Garbled,
    }
    match file.remove("done") {
        Some(Value::Object(done)) => Content::Done(done),
        _ => Content::Garbled,
    }
}

#[cfg(test)]
mod tests;

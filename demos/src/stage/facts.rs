//! What a demo measured, and where that differs from its chapter.

use serde_json::{Map, Value};
use std::fmt::Debug;

/// The facts of one run, in a form for machines, and the list of differences.
#[derive(Debug, Default)]
pub struct Facts {
    measured: Map<String, Value>,
    differs: Vec<String>,
}

impl Facts {
    /// Keeps a measured value.
    pub fn note(&mut self, name: &str, seen: impl Into<Value>) {
        self.measured.insert(name.to_owned(), seen.into());
    }

    /// Compares what was seen with what the chapter says, and keeps the difference if there is one.
    pub fn compare<T: PartialEq + Debug>(&mut self, name: &str, expected: &T, seen: &T) {
        if expected != seen {
            self.differs
                .push(format!("{name}: expected {expected:?}, seen {seen:?}"));
        }
    }

    /// Everything measured, by name.
    #[must_use]
    pub fn measured(&self) -> &Map<String, Value> {
        &self.measured
    }

    /// One sentence per difference; empty if the demo saw what the chapter says.
    #[must_use]
    pub fn differs(&self) -> &[String] {
        &self.differs
    }
}

//! What is known already: one key per line, `#` begins a remark.

use crate::error::Error;
use crate::sweep::Group;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The keys of known groups.
#[derive(Debug, Default)]
pub(super) struct Baseline(HashSet<String>);

impl Baseline {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|error| Error::Refused(format!("baseline {}: {error}", path.display())))?;
        let keys = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self(keys.map(str::to_owned).collect()))
    }

    pub(super) fn lists(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// The text of a baseline that lists these.
    pub(super) fn of(groups: &[Group]) -> String {
        let mut keys: Vec<&str> = groups.iter().map(|group| group.key.as_str()).collect();
        keys.sort_unstable();
        let head =
            "# Known crashes, hangs and leaks, written by malloc-fault sweep --write-baseline\n";
        keys.iter()
            .fold(head.to_owned(), |text, key| text + key + "\n")
    }
}

//! All mappings, side by side.

use crate::error::ProbeError;
use crate::observation::Observation;
use crate::recipe::Recipe;

/// What every mapping does at a fork.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Matrix {
    /// OS pages observed in each, unless its pages are huge.
    pub pages: usize,
    /// Bytes of an OS page.
    pub page_size: usize,
    /// One for each combination of memory and advice.
    pub rows: Vec<Row>,
    /// Whether every script came to its end.
    pub complete: bool,
    /// How long it took.
    pub nanoseconds: u64,
}

impl Matrix {
    /// Find the row of a recipe.
    #[must_use]
    pub fn row(&self, recipe: Recipe) -> Option<&Row> {
        self.rows.iter().find(|row| row.recipe == recipe)
    }
}

/// One mapping of the matrix.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Row {
    /// How it was made.
    pub recipe: Recipe,
    /// What came of it.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub result: Result,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all rows are observations"
)]
pub enum Result {
    /// It was performed.
    Seen(Observation),
    /// The mapping, or its advice, was refused.
    Refused {
        /// By the kernel, with this number.
        errno: Option<i32>,
        /// In words.
        why: String,
    },
}

impl From<std::result::Result<Observation, ProbeError>> for Result {
    fn from(result: std::result::Result<Observation, ProbeError>) -> Self {
        match result {
            Ok(seen) => Result::Seen(seen),
            Err(error) => Result::Refused {
                errno: error.raw_os_error(),
                why: error.to_string(),
            },
        }
    }
}

//! What is said of a text that is not understood.

use std::error::Error;
use std::fmt;

/// A place in a pair of functions that the checker does not understand, and why.
///
/// It is never a verdict: what is not understood is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name of the text, if it was given one.
    pub file: String,
    /// The line of the token, counted from 1.
    pub line: usize,
    /// The token as it is written.
    pub token: String,
    /// What is wrong with it, and what would be understood.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(line: usize, token: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            line,
            token: token.into(),
            message: message.into(),
        }
    }

    /// Names the text that the line is counted in.
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
        }
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
        }
        write!(
            f,
            "{}: not understood: `{}`: {}",
            self.line, self.token, self.message
        )
    }
}

impl Error for Refusal {}

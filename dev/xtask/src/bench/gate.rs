//! What a gate says: the goals that are held on its way, those that are missed at its end.

use crate::run::Outcome;

/// The goals that were missed so far.
#[derive(Default)]
pub(super) struct Gate {
    missed: Vec<String>,
}

impl Gate {
    /// Print a goal that is held, or keep one that is missed.
    pub(super) fn pass(&mut self, is_held: bool, line: String) {
        if is_held {
            println!("held     {line}");
        } else {
            self.missed.push(line);
        }
    }

    /// Fail with all that were missed.
    pub(super) fn end(self) -> Outcome {
        if self.missed.is_empty() {
            return Ok(());
        }
        Err(format!("goals missed:\n{}", self.missed.join("\n")))
    }
}

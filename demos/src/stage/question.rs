//! Predict, then reveal: one question with a few answers before the truth is shown.

use super::wrap::wrap;
use std::io::BufRead;

/// What a demo asks.
#[derive(Debug)]
pub struct Question {
    /// The question itself.
    pub text: &'static str,
    /// The answers to choose from; two at least, nine at most.
    pub answers: &'static [&'static str],
    /// The index of the right answer. The demo measures it again in every run.
    pub right: usize,
    /// Why it is the right one.
    pub why: &'static str,
}

impl Question {
    /// The question and its answers as lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = wrap("Predict: ", self.text);
        for (index, answer) in self.answers.iter().enumerate() {
            lines.push(format!("   {}) {answer}", Self::letter(index)));
        }
        lines
    }

    /// The letter that stands before an answer.
    #[must_use]
    pub fn letter(index: usize) -> char {
        char::from(b'a'.saturating_add(u8::try_from(index).unwrap_or(u8::MAX)))
    }

    /// The index of the answer that a reader chose by its letter (`b`, `B)`) or its number (`2`).
    #[must_use]
    pub fn parse(&self, typed: &str) -> Option<usize> {
        let mut letters = typed.trim().trim_end_matches([')', '.']).chars();
        let (Some(choice), None) = (letters.next(), letters.next()) else {
            return None;
        };
        (0..self.answers.len()).find(|&index| {
            choice.to_ascii_lowercase() == Self::letter(index)
                || choice.to_digit(10) == u32::try_from(index + 1).ok()
        })
    }

    /// Asks until there is an answer. An empty line or the end of input passes.
    pub fn ask(&self, mut say: impl FnMut(&str), input: &mut impl BufRead) -> Option<usize> {
        let last = Self::letter(self.answers.len() - 1);
        loop {
            say(&format!("Your answer (a-{last}, Enter passes): "));
            let mut typed = String::new();
            match input.read_line(&mut typed) {
                Ok(0) | Err(_) => {
                    say("\n");
                    return None;
                }
                Ok(_) if typed.trim().is_empty() => return None,
                Ok(_) => {}
            }
            if let Some(choice) = self.parse(&typed) {
                return Some(choice);
            }
            say(&format!("{:?} is none of them.\n", typed.trim()));
        }
    }
}

#[cfg(test)]
mod tests;
